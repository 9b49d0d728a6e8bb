"""The section of PPO: what follows from it, and the combinations that it cannot run with.

rl_games 1.6.5 finds these after the simulator has started, or never.
"""

from __future__ import annotations

from typing import Any, Callable, MutableMapping

from rlkit.config.checks.learners import memory
from rlkit.config.checks.learners.fast_td3 import run_steps
from rlkit.config.facts.machine import Machine
from rlkit.config.schema.types import Plain


def resolve(plain: MutableMapping[str, Any], asked: dict[str, Any], _machine: Machine) -> None:
    """Let schedules last as long as the run; derive minibatch_size from num_minibatches, or the other way round.

    Needs a whole env.numEnvs.
    Where the count does not divide the batch, the nearest one that does is taken and put on record.
    """
    train = plain["train"]
    if train["schedule_steps"] == "auto":
        asked["train.schedule_steps"], train["schedule_steps"] = "auto", run_steps(plain)
    batch = train["horizon_length"] * plain["env"]["numEnvs"]
    size, count = train["minibatch_size"], train["num_minibatches"]
    if size is None:
        if count is None:
            return
        nearest = _nearest_count(batch, count, memory.sequence(train))
        if nearest != count:
            asked["train.num_minibatches"] = count
        train["num_minibatches"], train["minibatch_size"] = nearest, batch // nearest
        asked["train.minibatch_size"] = None
    elif batch % size == 0:
        train["num_minibatches"] = batch // size


def check(plain: Plain, _machine: Machine) -> list[str]:
    """The combinations that PPO cannot run with."""
    train, env = plain["train"], plain["env"]
    problems: list[str] = []
    if train["minibatch_size"] is None:
        problems.append("train.minibatch_size is null, num_minibatches too; write train.num_minibatches=4")
    elif not plain["training"]["test"]:
        whole = memory.sequence(train)
        problems += _minibatch(train["horizon_length"], env["numEnvs"], train["minibatch_size"], whole)
    if env["device"] == "cpu":
        for name in ("mixed_precision", "torch_compile"):
            if train[name]:
                problems.append(f"train.{name}=true: works on CUDA only; on the CPU write train.{name}=false")
    return problems


def _minibatch(horizon: int, num_envs: int, size: int, whole: int) -> list[str]:
    batch = horizon * num_envs
    if batch < 2:
        return [
            f"train.horizon_length={horizon} with env.numEnvs={num_envs}: one sample has no spread; "
            "write train.horizon_length=32"
        ]
    if horizon % whole:  # which is said already
        return []
    if batch % size == 0 and size % whole:
        sizes = _around(size, lambda n: n % whole == batch % n == 0, batch)
        return [
            f"train.minibatch_size={size}: cuts sequences of train.sequence_length={whole} steps; nearest that hold"
            f" whole ones: train.minibatch_size={' or '.join(map(str, sizes))}"
        ]
    if batch % size == 0:
        return []
    sizes = _around(size, lambda n: n > 1 and n % whole == batch % n == 0, batch)
    size_text, divisors = " or ".join(map(str, sizes)), "train.horizon_length x env.numEnvs"
    envs = _around(num_envs, lambda n: horizon * n % size == size % whole == 0, num_envs + size)
    return [
        f"train.minibatch_size={size}: does not divide the batch of {divisors} = "
        f"{horizon} x {num_envs} = {batch}; nearest that do: train.minibatch_size={size_text}"
        + (f"; or keep it with env.numEnvs={' or '.join(map(str, envs))}" if envs else "")
    ]


def _nearest_count(batch: int, count: int, whole: int) -> int:
    """The divisor of `batch` nearest to `count` that leaves at least two samples in each minibatch, and sequences of
    `whole` steps uncut.
    """
    least = max(2, whole)
    fits = [
        n
        for n in range(1, min(batch, 2 * count + 1) + 1)
        if batch % n == 0 and batch // n >= least and batch // n % whole == 0
    ]
    return min(fits, key=lambda n: abs(n - count)) if fits else 1


def _around(start: int, fits: Callable[[int], bool], limit: int) -> list[int]:
    """The nearest fitting number below and above `start`, up to `limit`."""
    below = next((n for n in range(min(start, limit), 0, -1) if fits(n)), None)
    above = next((n for n in range(start + 1, limit + 1) if fits(n)), None)
    return [n for n in (below, above) if n is not None]
