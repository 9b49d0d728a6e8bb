"""How long a simulator needs until its first step is done: with an empty cache of compiled code, then once more.

Each time is that of a process of its own, which RLKIT_CACHE and Warp's WARP_CACHE_PATH tell where the caches are.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from typing import Sequence

COMPILING = ("mjx", "warp")  # simulators that compile when they begin


@dataclass(frozen=True)
class CompileTime:
    """Seconds until the first step is done, imports left out: first (`cold`) and second time (`cached`)."""

    sim: str
    task: str
    num_envs: int
    cold: float
    cached: float


def compile_time(
    sim: str, task: str, num_envs: int, device: str, overrides: Sequence[str] = ()
) -> CompileTime:
    """Two processes one after the other; raises CalledProcessError where one fails, with its message on stderr."""
    words = [sim, task, str(num_envs), device, *overrides]
    with tempfile.TemporaryDirectory() as folder:
        cold, cached = (_in_a_process(words, folder) for _ in range(2))
    return CompileTime(sim, task, num_envs, cold, cached)


def _in_a_process(words: Sequence[str], folder: str) -> float:
    environment: dict[str, str] = {**os.environ, "RLKIT_CACHE": folder, "WARP_CACHE_PATH": f"{folder}/warp"}
    command: list[str] = [sys.executable, "-m", "benchmarks.sims.compile", *words]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return float(done.stdout.split()[-1])


def main(sim: str, task: str, num_envs: str, device: str, *overrides: str) -> None:
    """Build, reset, step; print the seconds."""
    import importlib

    import torch

    from rlkit.config import compose
    from rlkit.runtime.build import build_env
    from rlkit.runtime.process.ranks import Ranks
    from rlkit.sims.facts import SIMULATORS

    importlib.import_module(SIMULATORS[sim].backend.rpartition(".")[0])
    words = [f"task={task}", f"sim={sim}", f"numEnvs={num_envs}", f"device={device}"]
    experiment = compose([*words, *overrides])
    torch.zeros(1, device=device)  # CUDA itself starts
    started = time.perf_counter()
    env = build_env(experiment, Ranks())
    env.reset()
    env.step(torch.zeros(env.spec.num_envs, env.spec.num_actions, device=env.spec.device))
    if env.spec.device.type == "cuda":
        torch.cuda.synchronize()
    print(time.perf_counter() - started)


if __name__ == "__main__":
    main(*sys.argv[1:])
