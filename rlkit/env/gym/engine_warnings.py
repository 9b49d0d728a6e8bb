"""The warnings of MuJoCo, which some environments run on: each told once, none written into the working folder."""

from __future__ import annotations

import logging
import re
import sys

log = logging.getLogger("rlkit")

_NUMBER = re.compile(r"[-+]?\d+(\.\d+)?(e[-+]?\d+)?")
_told: set[str] = set()


def take_over() -> None:
    """Take MuJoCo's warnings, where it is loaded and nobody else does; it need not be installed.

    By itself it prints each one and appends it to MUJOCO_LOG.TXT in the working folder.
    """
    mujoco = sys.modules.get("mujoco")
    if mujoco is not None and mujoco.get_mju_user_warning() is None:
        mujoco.set_mju_user_warning(_tell)


def _tell(message: str) -> None:
    """Log a warning the first time that it comes, whatever numbers it holds.

    While nobody listens none is told: a request is checked before logging starts, and of a process with
    environments the learner's process has told what their models say.
    """
    kind = _NUMBER.sub("#", message)
    if kind not in _told and log.hasHandlers():
        _told.add(kind)
        log.warning("MuJoCo: %s", message)
