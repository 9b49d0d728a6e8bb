"""Train or test a policy: `python train.py task=BoxGrasping numEnvs=2048`; `--help` tells more."""

from __future__ import annotations

import sys

from rlkit.app import main

# Completion in fish looks for the text @hydra.main here.
if __name__ == "__main__":  # workers that import this file again must not start a run
    sys.exit(main())
