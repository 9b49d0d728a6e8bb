"""The simulators side by side: `python -m benchmarks.sims`."""
