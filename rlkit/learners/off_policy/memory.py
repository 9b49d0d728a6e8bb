"""Whether a replay buffer fits into the memory it is to live in: said before it is made, with what would fit."""

from __future__ import annotations

import os
from pathlib import Path

import torch

from rlkit.learners.api import LearnerError
from rlkit.learners.off_policy.settings import OffPolicySettings
from rlkit.learners.ranks import ranks_here


def require_room(needed: int, settings: OffPolicySettings, num_envs: int, device: torch.device) -> None:
    """Raise LearnerError when `needed` bytes are more than `device` has free.

    The configuration estimates this before anything boots where it knows the sizes; here they are known for every env.
    Several ranks on one machine share its main memory.
    """
    free, ranks = free_memory(device), 1 if device.type == "cuda" else ranks_here()
    if free is None or needed * ranks <= free:
        return
    size = int(0.9 * settings.buffer_size * free / (needed * ranks))
    where = "the GPU has" if device.type == "cuda" else "main memory has"
    of = f"{num_envs} envs" if ranks == 1 else f"{num_envs} envs on each of {ranks} ranks"
    raise LearnerError(
        f"train.buffer_size={settings.buffer_size}: needs {needed * ranks / 1e9:.1f} GB for {of}, {where} "
        f"{free / 1e9:.1f} free; train.buffer_size={size} fits"
    )


def free_memory(device: torch.device) -> int | None:
    """Bytes that can be taken on `device`; None where the system does not tell."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") + _cached()
    except (ValueError, OSError):
        return None


def _cached() -> int:
    """Bytes of cached files, which Linux gives up for those who need them."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    values = dict(line.split(":") for line in lines)
    return int(values["Cached"].split()[0]) * 1024
