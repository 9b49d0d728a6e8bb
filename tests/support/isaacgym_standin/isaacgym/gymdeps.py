"""The real one raises ImportError when torch came first: its libraries and torch's must load in that order."""

import os
import sys
from pathlib import Path

if "ISAACGYM_STANDIN_LOG" in os.environ:
    Path(os.environ["ISAACGYM_STANDIN_LOG"]).write_text(f"torch came first: {'torch' in sys.modules}\n")
if "torch" in sys.modules:
    raise ImportError(
        "PyTorch was imported before isaacgym modules.  Please import torch after isaacgym modules."
    )
