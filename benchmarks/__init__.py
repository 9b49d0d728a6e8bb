"""Measurements behind the figures of README and docs: `python -m benchmarks.<name>`."""

import os

# As a training has it, and before torch is imported: idle OpenMP threads sleep.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("GOMP_SPINCOUNT", "0")
