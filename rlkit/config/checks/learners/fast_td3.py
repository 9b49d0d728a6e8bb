"""The section of FastTD3 and of its family: what `auto` values become, and the combinations that none can run with."""

from __future__ import annotations

import math
from typing import Any, Mapping, MutableMapping

from rlkit.config.checks import replay_memory
from rlkit.config.facts.engine import engine_of
from rlkit.config.facts.machine import Machine
from rlkit.config.schema.types import Plain

CUDA_BATCH, CPU_BATCH = 32768, 1024
# Of conf/train/FastTD3.yaml, FastSAC.yaml and FlashSAC.yaml: enough for returns with a spread of 1
USUAL_SUPPORTS = ((-10.0, 10.0), (-20.0, 20.0), (-5.0, 5.0))
SHORTEST_AUTO_RING, AUTO_TRANSITIONS = 10240, 1_000_000


def resolve(plain: MutableMapping[str, Any], asked: dict[str, Any], machine: Machine) -> None:
    """See `resolved_with`."""
    resolved_with(CUDA_BATCH, plain, asked, machine)


def resolved_with(
    cuda_batch: int, plain: MutableMapping[str, Any], asked: dict[str, Any], machine: Machine
) -> None:
    """Replace the `auto` values of the section, and those that are given for all environments together.

    Needs a whole env.numEnvs and a device; puts on record in `asked` what was there before. cuda_batch: batch_size on
    CUDA.
    """
    train, num_envs = plain["train"], plain["env"]["numEnvs"]
    on_cuda = plain["env"]["device"] != "cpu"

    def replace(key: str, value: Any) -> None:
        asked[f"train.{key}"] = train[key]
        train[key] = value

    if train["learning_starts_total"] is not None:
        replace("learning_starts", math.ceil(train["learning_starts_total"] / num_envs))
    if train["buffer_size"] == "auto":
        replace("buffer_size", _buffer_size(plain))
    values = {
        "num_updates": num_envs,
        "batch_size": cuda_batch if on_cuda else CPU_BATCH,
        "schedule_steps": run_steps(plain),
        "amp": on_cuda or _timed_precision(plain, machine),
    }
    for key, value in values.items():
        if train[key] == "auto" != value:
            replace(key, value)


def _timed_precision(plain: Plain, machine: Machine) -> bool | str:
    """`auto` for a training on a CPU that may be quicker with bf16: a clock decides, in rlkit.runtime.tuning."""
    possible = machine.cpu_bf16 and plain["train"]["amp_dtype"] == "bf16"
    return "auto" if possible and not plain["training"]["test"] else False


def notes(plain: Plain, _asked: Mapping[str, Any]) -> list[str]:
    """What bounds of returns mean where rewards are scaled, to whoever sets their own."""
    train = plain["train"]
    bounds = (train["v_min"], train["v_max"])
    if plain["training"]["test"] or not train["reward_normalization"] or bounds in USUAL_SUPPORTS:
        return []
    return [
        f"train.v_min={bounds[0]:g} train.v_max={bounds[1]:g}: train.reward_normalization=true scales rewards until "
        "returns have a spread of 1, and these bound the scaled returns; to bound the task's own write "
        "train.reward_normalization=false"
    ]


def run_steps(plain: Plain) -> int:
    """Steps of every environment in the whole run."""
    return plain["train"]["horizon_length"] * plain["training"]["maxIterations"]


def _buffer_size(plain: Plain) -> int:
    train, num_envs = plain["train"], plain["env"]["numEnvs"]
    if train["buffer_total"] is not None:
        return math.ceil(train["buffer_total"] / num_envs)
    most = max(SHORTEST_AUTO_RING, AUTO_TRANSITIONS // num_envs)
    return max(min(run_steps(plain), most), train["num_steps"] + 1)


def check(plain: Plain, machine: Machine) -> list[str]:
    """The combinations that FastTD3 cannot run with."""
    return checked_with(_noise(plain["train"]), plain, machine)


def checked_with(own: list[str], plain: Plain, machine: Machine) -> list[str]:
    """The combinations that none of the family can run with; a test of a policy learns nothing and needs no replay.

    own: what a learner has found in its own settings for learning.
    """
    problems = _networks(plain["train"]) + _precision(plain)
    if plain["training"]["test"]:
        return problems
    problems += _overlap(plain, machine)
    found = _support(plain["train"]) + own + (_learns(plain) or _replay(plain))
    return problems + (found or replay_memory.check(plain, machine))


def _networks(train: Mapping[str, Any]) -> list[str]:
    if train["network"] not in ("simba", "flash"):
        return []
    return [
        f"train.{name}=[{','.join(map(str, train[name]))}]: {train['network']} has blocks of one width; "
        f"write train.{name}=[{','.join([str(train[name][0])] * len(train[name]))}]"
        for name in ("actor_units", "critic_units")
        if len(set(train[name])) > 1
    ]


def _precision(plain: Plain) -> list[str]:
    train = plain["train"]
    if train["amp"] is True and train["amp_dtype"] == "fp16" and plain["env"]["device"] == "cpu":
        return ["train.amp_dtype=fp16: works on CUDA only; on the CPU write train.amp_dtype=bf16"]
    return []


def _overlap(plain: Plain, machine: Machine) -> list[str]:
    why = _in_turns(plain, machine) if plain["train"]["overlap"] else ""
    return [f"train.overlap=true: {why}; write train.overlap=false"] if why else []


def _in_turns(plain: Plain, machine: Machine) -> str:
    """Why the envs and the updates must take turns; empty where they may go side by side."""
    device, sim = plain["env"]["device"], plain["sim"]["name"]
    if engine_of(plain) == "gymnasium":
        return "Gymnasium environments and updates take turns; only sim=mujoco steps beside them"
    if sim != "mujoco":
        return f"sim={sim} and updates take turns; only sim=mujoco steps beside them"
    if device != "cpu":
        return f"on {device} a step and its updates take turns; they go side by side with device=cpu"
    if machine.ranks > 1:
        return (
            f"with {machine.ranks} ranks a step and its updates take turns; one process has them side by side"
        )
    return ""


def _support(train: Mapping[str, Any]) -> list[str]:
    if train["num_atoms"] == 1 or train["v_min"] < train["v_max"]:
        return []
    return [
        f"train.v_min={train['v_min']:g}: must be below train.v_max={train['v_max']:g}; "
        "they bound the returns that the critic can tell apart"
        + (", scaled to a spread of 1" if train["reward_normalization"] else "")
        + "; write train.v_min=-10 train.v_max=10"
    ]


def _noise(train: Mapping[str, Any]) -> list[str]:
    if train["std_min"] <= train["std_max"]:
        return []
    return [
        f"train.std_min={train['std_min']:g}: must not be above train.std_max={train['std_max']:g}; "
        f"write train.std_min={train['std_max']:g} train.std_max={train['std_min']:g}"
    ]


def _replay(plain: Plain) -> list[str]:
    train = plain["train"]
    size, asked_total = train["buffer_size"], train["buffer_total"]
    if asked_total is not None and size != math.ceil(asked_total / plain["env"]["numEnvs"]):
        return [
            f"train.buffer_size={size} and train.buffer_total={asked_total} are both given; "
            "write train.buffer_total=null or train.buffer_size=auto"
        ]
    least = max(train["num_steps"] + 1, train["learning_starts"])
    if size >= least:
        return []
    write = f"train.buffer_size={least}"
    if asked_total is not None:
        write = f"train.buffer_total={least * plain['env']['numEnvs']}"
    if size <= train["num_steps"]:
        return [
            f"train.buffer_size={size}: returns over train.num_steps={train['num_steps']} steps need "
            f"{train['num_steps'] + 1} steps of every environment or more; write {write}"
        ]
    return [
        f"train.learning_starts={train['learning_starts']}: so many steps of every environment do not fit into "
        f"train.buffer_size={size}; write {write} or {_fewer_starts(plain, size)}"
    ]


def _learns(plain: Plain) -> list[str]:
    """Refuse a run that is over before it, or its actor, learns."""
    train, steps = plain["train"], run_steps(plain)
    horizon, iterations = train["horizon_length"], plain["training"]["maxIterations"]
    starts = train["learning_starts"]
    run = f"the run's {horizon} x {iterations} = {steps} steps of every environment"
    if starts >= steps:
        return [
            f"train.learning_starts={starts}: {run} (train.horizon_length x training.maxIterations) are over "
            f"before it learns; write maxIter={starts // horizon + 1} or {_fewer_starts(plain, steps // 2)}"
        ]
    actor = starts + train["actor_starts"]
    if actor >= steps:
        return [
            f"train.actor_starts={train['actor_starts']}: {run} are over before the actor learns, at step {actor}; "
            f"write maxIter={actor // horizon + 1} or train.actor_starts={(steps - starts) // 2}"
        ]
    return []


def _fewer_starts(plain: Plain, steps: int) -> str:
    """The word that lets learning start after `steps` steps of every environment."""
    if plain["train"]["learning_starts_total"] is None:
        return f"train.learning_starts={steps}"
    return f"train.learning_starts_total={steps * plain['env']['numEnvs']}"
