"""`auto` values -> what this machine and this request make of them; what was asked is put on record."""

from __future__ import annotations

import math
import random
from typing import Any, Callable, Mapping, MutableMapping

from rlkit.config.checks import learners
from rlkit.config.facts import support
from rlkit.config.facts.engine import engine_of
from rlkit.config.facts.machine import Machine
from rlkit.config.schema import ranking
from rlkit.config.schema.condition import by_evaluations
from rlkit.config.schema.keys import STEPS
from rlkit.learners.facts import learner_facts
from rlkit.sims.facts import SIMULATORS, SimulatorFacts, simulator_facts
from rlkit.tasks.robots.humanoids import robot_of

CUDA_NUM_ENVS = 1024
CPU_TEST_NUM_ENVS = 64
EVAL_COST = 0.05  # share of a training's env-steps that its evaluations may take besides
UNTIL_COST = 0.2  # the same where an evaluation may end it
MOST_EVALUATIONS = 20  # of a training
UNKNOWN_EPISODE = 1000  # steps, where the environment alone knows its limit
VIDEO_INTERVAL = 100  # iterations: an evaluation is due then where a video is wanted


def resolve(plain: MutableMapping[str, Any], machine: Machine) -> dict[str, Any]:
    """Replace every `auto` in `plain`; return full name -> the value that was asked.

    So too seed -1, and a height that is the robot's own. training.threads and train.amp of a training on the CPU stay
    `auto`: rlkit.runtime.tuning times them.
    """
    asked: dict[str, Any] = {}

    def replace(section: str, key: str, value: Any) -> None:
        asked[f"{section}.{key}"] = plain[section][key]
        plain[section][key] = value

    _resolve_robot(plain["task"], replace)
    if plain["sim"]["name"] == "auto":
        replace("sim", "name", _best_simulator(plain, machine))
    physics_on_cpu = machine.steps_on_cpu(plain["sim"]["name"])
    learner = plain["train"]["learner"]
    if plain["env"]["device"] == "auto":
        row = learner_facts(learner)
        pays = not physics_on_cpu or (row is not None and row.gpu_pays and not plain["training"]["test"])
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
    _resolve_viewing(plain, replace)
    if plain["training"]["seed"] == -1:
        replace("training", "seed", random.SystemRandom().randrange(2**31))
    learners.resolve(plain, asked, machine)
    timed = on_cpu and machine.cores > 1 and not plain["training"]["test"]
    if plain["training"]["threads"] == "auto" and not timed:
        replace("training", "threads", 1 if on_cpu else machine.cores)
    return asked


def _resolve_robot(task: Mapping[str, Any], replace: Callable[[str, str, Any], None]) -> None:
    """What the words for a robot's own heights come to, m."""
    robot, height = robot_of(task), task.get("fallHeight")
    if robot is not None and isinstance(height, str) and height in robot.low:
        replace("task", "fallHeight", robot.low[height])


def _resolve_steps(plain: Mapping[str, Any], replace: Callable[[str, str, Any], None], ranks: int) -> None:
    """What settings in env-steps come to in iterations, which other settings follow from."""
    training = plain["training"]
    each = plain["train"]["horizon_length"] * plain["env"]["numEnvs"] * ranks
    for iterations, steps in STEPS.items():
        if training[steps] is not None:
            replace("training", iterations, math.ceil(training[steps] / each))


def _resolve_viewing(plain: Mapping[str, Any], replace: Callable[[str, str, Any], None]) -> None:
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
    training, sim = plain["training"], simulator_facts(plain["sim"]["name"]) or SimulatorFacts()
    if sim.one_at_a_time:
        return 0
    iterations, ends_it = training["maxIterations"], by_evaluations(training["until"])
    named = ranking.by_evaluations(training["bestBy"])  # there must be some
    length = plain["task"]["episodeLength"]
    played = training["evalEnvs"] * (UNKNOWN_EPISODE if length == "auto" else length)
    each = plain["train"]["horizon_length"] * plain["env"]["numEnvs"]
    paid = math.ceil(played / ((UNTIL_COST if ends_it else EVAL_COST) * each))
    row = learner_facts(plain["train"]["learner"])
    most = None if row is None else row.eval_interval
    if most is not None:
        return min(most, math.ceil(iterations / 2), *([_in_tens(paid)] if ends_it else ()))
    without = VIDEO_INTERVAL if filmed else 0
    criteria = (plain["task"].get("termination") or {}).get("success") or {}
    if not named and (not any(criteria.values()) or sim.slow_to_build):
        return without
    interval = paid if ends_it else max(paid, math.ceil(iterations / MOST_EVALUATIONS))
    least = 0.5 if ends_it else 4
    if not named and interval > iterations * least:  # even one would take more than a fifth of the training
        return without
    return min(_in_tens(interval), iterations)


def _in_tens(interval: int) -> int:
    return math.ceil(interval / 10) * 10 if interval > 10 else interval


def _best_simulator(plain: Mapping[str, Any], machine: Machine) -> str:
    """The first installed one that can run the task; the first of all where none is, for the message."""
    if engine_of(plain) == "gymnasium":
        return "gymnasium"
    fits = [name for name in support.simulators_for(support.row_of(plain["task"])) if SIMULATORS[name].auto]
    return next((name for name in fits if name in machine.simulators), "mujoco")
