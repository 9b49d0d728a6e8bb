"""Memory of PPO's networks: sequences that fit the rollout, and what does not go together with it."""

from __future__ import annotations

from typing import Any, Mapping

from rlkit.config.schema import types
from rlkit.config.schema.types import Plain
from rlkit.learners.facts import learner_facts

_STYLE = {"amp", "add", "ase"}

# Setting -> its value beside a memory, and why.
_ALONE: Mapping[str, tuple[Any, str]] = {
    "symmetry": (False, "what is remembered has no mirror image"),
    "mirror_loss_coef": (0, "what is remembered has no mirror image"),
    "torch_compile": (False, "recurrent layers are not compiled"),
    "mixed_precision": (False, "16-bit numbers wear off what is remembered"),
}


def sequence(train: Mapping[str, Any]) -> int:
    """Steps that a minibatch must not cut: 1 without memory."""
    return train["sequence_length"] if train.get("memory", "none") != "none" else 1


def check(plain: Plain) -> list[str]:
    """What is wrong with the memory that is asked for."""
    train = plain["train"]
    if train.get("memory", "none") == "none":
        return []
    start = f"train.memory={train['memory']}: "
    row = learner_facts(train["learner"])
    if row is not None and {train["learner"], row.like} & _STYLE:
        return [f"{start}the policies of {row.label} remember nothing; write train.memory=none"]
    problems = [
        f"train.{name}={types.show(train[name])}: does not go with {start}{why}; write"
        f" train.{name}={types.show(off)}"
        for name, (off, why) in _ALONE.items()
        if train[name] != off
    ]
    horizon, length = train["horizon_length"], train["sequence_length"]
    if horizon % length:
        fits = [n for n in range(2, horizon + 1) if horizon % n == 0]
        near = sorted(fits, key=lambda n: abs(n - length))[:2]
        instead = " or ".join(f"train.sequence_length={n}" for n in sorted(near))
        problems.append(
            f"train.sequence_length={length}: does not divide train.horizon_length={horizon}; nearest that do:"
            f" {instead or 'none, so write train.horizon_length=32'}"
        )
    return problems
