"""A machine's cores and GPUs, divided among the jobs that run at a time.

Jobs are told how many cores are theirs, and are bound to none: where others use the machine as well, a job that may not
leave a busy core takes many times as long.
"""

from __future__ import annotations

import os
from typing import Any, Dict, Mapping

from rlkit.config.facts.machine import CORES_VARIABLE

# What numerical libraries, JAX and Python 3.13 read where they do not ask rlkit.
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS", "NPROC")
_CPUS = "PYTHON_CPU_COUNT"
_GPUS = "CUDA_VISIBLE_DEVICES"

Share = Dict[str, str]
"""What one of several jobs at a time has in its environment."""


def shares(jobs: int, *, cores: int, gpus: int = 0, environ: Mapping[str, str] = os.environ) -> list[Share]:
    """The shares of so many jobs at a time; a single one has all. What the user has set of threads stays.

    cores: of the machine that this process may use. gpus: where there are several each job gets one.
    """
    if jobs == 1:
        return [{}]
    devices = [part for part in environ.get(_GPUS, "").split(",") if part] or [str(n) for n in range(gpus)]
    found = []
    for number, count in enumerate(divided(cores, jobs)):
        own = {name: str(count) for name in (*_THREADS, _CPUS) if name not in environ}
        own[CORES_VARIABLE] = str(count)
        if gpus > 1:
            own[_GPUS] = devices[number % len(devices)]
        found.append(own)
    return found


def share_by_others(launcher: Any) -> Share:
    """What a job by a launcher that is not ours has: with Ray the cores that it is told a job needs, elsewhere all."""
    ray = getattr(launcher, "ray_cfg", None)
    return {} if ray is None else {CORES_VARIABLE: str(max(1, int(ray.remote.get("num_cpus", 1))))}


def divided(cores: int, parts: int) -> list[int]:
    """So many cores for each part, the first parts one more where they do not come out even; one at least."""
    each, more = divmod(cores, parts)
    return [max(1, each + (number < more)) for number in range(parts)]
