"""`auto` values -> what this machine and this request make of them; what was asked is put on record."""

from __future__ import annotations

import random
from typing import Any, Dict, MutableMapping

from rlkit.config import learners
from rlkit.config.machine import SIMULATORS, Machine

CUDA_NUM_ENVS = 1024
CPU_TEST_NUM_ENVS = 64


def resolve(plain: MutableMapping[str, Any], machine: Machine) -> Dict[str, Any]:
    """Replace every `auto` (and seed -1) in `plain`; return full name -> the value that was asked."""
    asked: Dict[str, Any] = {}

    def replace(section: str, key: str, value: Any) -> None:
        asked[f"{section}.{key}"] = plain[section][key]
        plain[section][key] = value

    if plain["sim"]["name"] == "auto":
        installed = [name for name in SIMULATORS if name in machine.simulators]
        replace("sim", "name", (installed or list(SIMULATORS))[0])
    if plain["env"]["device"] == "auto":
        on_gpu = machine.cuda_devices > 0 and plain["sim"]["name"] not in machine.cpu_only
        replace("env", "device", "cuda:0" if on_gpu else "cpu")
    if plain["env"]["device"] == "cuda":
        replace("env", "device", "cuda:0")
    if plain["sim"]["numThreads"] == "auto":
        replace("sim", "numThreads", machine.cores)
    on_cpu = plain["env"]["device"] == "cpu"
    if plain["env"]["numEnvs"] == "auto":
        cpu_count = CPU_TEST_NUM_ENVS if plain["training"]["test"] else plain["task"]["cpuNumEnvs"]
        replace("env", "numEnvs", cpu_count if on_cpu else CUDA_NUM_ENVS)
    if plain["training"]["threads"] == "auto":
        replace("training", "threads", 1 if on_cpu else machine.cores)
    if plain["training"]["seed"] == -1:
        replace("training", "seed", random.SystemRandom().randrange(2**31))
    learners.RESOLVERS[plain["train"]["learner"]](plain, asked)
    return asked
