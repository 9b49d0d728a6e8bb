"""Genesis is one engine a process: it starts once, on one device, and keeps quiet."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from functools import lru_cache
from typing import Any

import torch

from rlkit.sims.api import SimulatorError
from rlkit.sims.facts import SIMULATORS

INSTALL = SIMULATORS["genesis"].install


def start(device: torch.device) -> Any:
    """The module `genesis`, running on `device`; raises SimulatorError when it is missing or runs elsewhere.

    Double precision on the CPU, as MuJoCo computes; single on a GPU, where doubles cost many times as much.
    """
    if importlib.util.find_spec("genesis") is None:
        raise SimulatorError(f"sim=genesis needs the package genesis-world: {INSTALL}")
    _check(device)
    os.environ.setdefault("QD_ENABLE_HEADER_PRINT", "0")  # Quadrants is Genesis' compiler
    hook = sys.excepthook
    genesis = importlib.import_module("genesis")
    sys.excepthook = hook  # Genesis puts its own in, which prints every traceback to stdout
    if not genesis._initialized:
        on_gpu = device.type == "cuda"
        genesis.init(
            backend=genesis.cuda if on_gpu else genesis.cpu,
            precision="32" if on_gpu else "64",
            logging_level="error",
        )
    if genesis.device.type != device.type:
        raise SimulatorError(
            f"Genesis runs on one device a process, here on {genesis.device.type}: a simulator on {device} needs"
            " a process of its own"
        )
    return genesis


def _check(device: torch.device) -> None:
    if device.type not in ("cpu", "cuda"):
        raise SimulatorError(f"sim=genesis runs on cpu or cuda, not on {device}")
    if device.type == "cuda" and device.index not in (None, torch.cuda.current_device()):
        raise SimulatorError(
            f"sim=genesis runs on the current GPU alone, cuda:{torch.cuda.current_device()}, not on {device}:"
            " choose it with CUDA_VISIBLE_DEVICES"
        )


def view(field: Any) -> torch.Tensor:
    """One of Genesis' arrays on its own memory, the envs first: `[N, ...]`."""
    misc = importlib.import_module("genesis.utils.misc")
    return misc.qd_to_torch(field, transpose=True, copy=False)


@lru_cache(maxsize=None)
def overflow_bits() -> int:
    """The bits of Genesis' error codes that say that a contact buffer was full."""
    codes = importlib.import_module("genesis.utils.array_class").ErrorCode
    full = (codes.OVERFLOW_COLLISION_PAIRS, codes.OVERFLOW_CANDIDATE_CONTACTS, codes.OVERFLOW_CONTACTS)
    return sum(int(code) for code in full)
