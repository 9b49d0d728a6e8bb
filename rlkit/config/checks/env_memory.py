"""Whether all environments of a run fit into main memory, where each of them takes a known amount."""

from __future__ import annotations

from typing import Any, Mapping

from rlkit.config.facts.engine import engine_of
from rlkit.config.facts.machine import Machine

GB = 1e9
SHARE = 0.9  # of the free memory that a proposal fills: the learner and other processes need some too


def check(plain: Mapping[str, Any], machine: Machine) -> list[str]:
    """Say that the environments do not fit, and what does; silent where `task.envMemory` is to be measured."""
    each = plain["task"].get("envMemory", "auto")
    if engine_of(plain) != "gymnasium" or each == "auto":
        return []
    one_or_several = max(1, len(plain["env"]["ids"]))  # each env may come to hold one of every id
    problem = too_much(plain, each * 1e6 * one_or_several, machine)
    return [] if problem is None else [problem]


def too_much(plain: Mapping[str, Any], each: float, machine: Machine) -> str | None:
    """What to say where envs of `each` bytes need more than is free, those of evaluations counted; else None.

    Every rank on this machine has `env.numEnvs`, and the one that leads evaluates.
    """
    train, evaluated = plain["env"]["numEnvs"], evaluation_envs(plain["training"])
    ranks, free = machine.ranks_here, machine.memory
    needed = each * (train * ranks + evaluated)
    if free is None or needed <= free:
        return None
    beside = f" in each of {ranks} ranks" if ranks > 1 else ""
    beside += f" and training.evalEnvs={evaluated}" if evaluated else ""
    room = int(SHARE * free / each)
    fits = f"env.numEnvs={max(1, (room - evaluated) // ranks)}"
    # Evaluations take the most: both give way
    if evaluated and room - evaluated < min(train * ranks, evaluated):
        fewer = max(1, min(evaluated, room // 2))
        fits = f"env.numEnvs={max(1, min(train, (room - fewer) // ranks))} training.evalEnvs={fewer}"
    return (
        f"env.numEnvs={train}{beside}: each environment takes about {each / 1e6:.0f} MB, all of them"
        f" {needed / GB:.1f} GB, and main memory has {free / GB:.1f} free; {fits} fits"
    )


def evaluation_envs(training: Mapping[str, Any]) -> int:
    """Environments that a training has beside its own; `auto` values are resolved."""
    return 0 if training["test"] or not training["evalInterval"] else int(training["evalEnvs"])
