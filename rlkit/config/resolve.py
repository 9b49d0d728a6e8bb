"""`auto` values -> what this machine and this request make of them; what was asked is put on record."""

from __future__ import annotations

import math
import random
from typing import Any, Callable, Dict, Mapping, MutableMapping

from rlkit.config import learners, support
from rlkit.config.engine import engine_of
from rlkit.config.keys import STEPS
from rlkit.config.machine import ONE_AT_A_TIME, SLOW_TO_BUILD, Machine

CUDA_NUM_ENVS = 1024
CPU_TEST_NUM_ENVS = 64
FAST_TD3_EVAL_INTERVAL = 50  # iterations, at most
EVAL_COST = 0.05  # share of a PPO training's env-steps that its evaluations may take besides
MOST_EVALUATIONS = 20  # of a PPO training
UNKNOWN_EPISODE = 1000  # steps, where the environment alone knows its limit
NEVER_AUTO = ("genesis", "isaacgym")  # simulators that are only taken when they are asked for
VIDEO_INTERVAL = 100  # iterations: an evaluation is due then where a video is wanted


def resolve(plain: MutableMapping[str, Any], machine: Machine) -> Dict[str, Any]:
    """Replace every `auto` (and seed -1) in `plain`; return full name -> the value that was asked.

    training.threads and train.amp of a training on the CPU stay `auto`: rlkit.runtime.tuning times them.
    """
    asked: Dict[str, Any] = {}

    def replace(section: str, key: str, value: Any) -> None:
        asked[f"{section}.{key}"] = plain[section][key]
        plain[section][key] = value

    if plain["sim"]["name"] == "auto":
        replace("sim", "name", _best_simulator(plain, machine))
    physics_on_cpu = plain["sim"]["name"] in machine.cpu_only
    learner = plain["train"]["learner"]
    if plain["env"]["device"] == "auto":
        # FastTD3 learns so much for each step that a GPU pays even where every step is copied to it.
        pays = not physics_on_cpu or (learner == "fast_td3" and not plain["training"]["test"])
        replace("env", "device", "cuda:0" if machine.cuda_devices > 0 and pays else "cpu")
    if plain["env"]["device"] == "cuda":
        replace("env", "device", "cuda:0")
    if plain["sim"]["numThreads"] == "auto":
        replace("sim", "numThreads", machine.cores)
    on_cpu = plain["env"]["device"] == "cpu"
    if plain["env"]["numEnvs"] == "auto":
        cpu_count = plain["task"]["cpuNumEnvs"]
        if plain["training"]["test"]:
            cpu_count = (
                CPU_TEST_NUM_ENVS if engine_of(plain) == "simulator" else min(CPU_TEST_NUM_ENVS, cpu_count)
            )
        replace("env", "numEnvs", cpu_count if on_cpu or physics_on_cpu else CUDA_NUM_ENVS)
    if not plain["training"]["test"]:
        _resolve_steps(plain, replace, machine.ranks)
    _resolve_seeing(plain, replace)
    if plain["training"]["seed"] == -1:
        replace("training", "seed", random.SystemRandom().randrange(2**31))
    learners.RESOLVERS[learner](plain, asked, machine)
    timed = on_cpu and machine.cores > 1 and not plain["training"]["test"]
    if plain["training"]["threads"] == "auto" and not timed:
        replace("training", "threads", 1 if on_cpu else machine.cores)
    return asked


def _resolve_steps(plain: Mapping[str, Any], replace: Callable[[str, str, Any], None], ranks: int) -> None:
    """What settings in env-steps come to in iterations, which other settings follow from."""
    training = plain["training"]
    each = plain["train"]["horizon_length"] * plain["env"]["numEnvs"] * ranks
    for iterations, steps in STEPS.items():
        if training[steps] is not None:
            replace("training", iterations, math.ceil(training[steps] / each))


def _resolve_seeing(plain: Mapping[str, Any], replace: Callable[[str, str, Any], None]) -> None:
    """When policies are evaluated, filmed and shown."""
    training, env = plain["training"], plain["env"]
    filmed = env["recordVideo"] and not training["test"]
    if training["evalInterval"] == "auto":
        replace("training", "evalInterval", _eval_interval(plain, filmed))
    if training["videoInterval"] == "auto":
        evaluations = training["evalInterval"]
        multiple = evaluations * -(-VIDEO_INTERVAL // evaluations) if evaluations else 0
        replace("training", "videoInterval", multiple if filmed else 0)
    if env["render"] is None:
        replace("env", "render", bool(training["test"] or env["viewer"] != "auto"))


def _eval_interval(plain: Mapping[str, Any], filmed: bool) -> int:
    """How often evaluations pay: to choose the best policy by what the task calls success, not while it explores."""
    training, sim = plain["training"], plain["sim"]["name"]
    if sim in ONE_AT_A_TIME:
        return 0
    iterations = training["maxIterations"]
    if plain["train"]["learner"] == "fast_td3":
        return min(FAST_TD3_EVAL_INTERVAL, math.ceil(iterations / 2))
    without = VIDEO_INTERVAL if filmed else 0
    criteria = (plain["task"].get("termination") or {}).get("success") or {}
    if not any(criteria.values()) or sim in SLOW_TO_BUILD:
        return without
    length = plain["task"]["episodeLength"]
    played = training["evalEnvs"] * (UNKNOWN_EPISODE if length == "auto" else length)
    each = plain["train"]["horizon_length"] * plain["env"]["numEnvs"]
    interval = max(math.ceil(played / (EVAL_COST * each)), math.ceil(iterations / MOST_EVALUATIONS))
    if interval > 4 * iterations:  # even one would take more than a fifth of the training
        return without
    tens = math.ceil(interval / 10) * 10 if interval > 10 else interval
    return min(tens, iterations)


def _best_simulator(plain: Mapping[str, Any], machine: Machine) -> str:
    """The first installed one that can run the task; the first of all where none is, for the message."""
    if engine_of(plain) == "gymnasium":
        return "gymnasium"
    fits = [name for name in support.simulators_for(plain["task"]["name"]) if name not in NEVER_AUTO]
    return next((name for name in fits if name in machine.simulators), "mujoco")
