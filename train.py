"""Train or test a policy: `python train.py task=BoxGrasping numEnvs=2048`; `--help` tells more."""

from __future__ import annotations

import sys

# Completion in fish looks for the text @hydra.main here.
if __name__ == "__main__":  # workers that import this file again must not start a run
    from rlkit.cli import main

    sys.exit(main(["train", *sys.argv[1:]]))
