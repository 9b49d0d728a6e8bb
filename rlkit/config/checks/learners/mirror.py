"""Whether there is a mirror for a learner that asks for one, known from the task's source."""

from __future__ import annotations

import ast

from rlkit.config.facts.engine import engine_of
from rlkit.config.files import task_source
from rlkit.config.schema import types
from rlkit.config.schema.types import Plain
from rlkit.learners.facts import learner_facts

_OFF = {"symmetry": False, "mirror_loss_coef": 0}
_JUDGED = {"amp", "add", "ase"}


def check(plain: Plain) -> list[str]:
    """What is wrong with symmetry where it is asked for; a task may still find that it has none with these clips."""
    train, name = plain["train"], plain["task"]["name"]
    asked = {f"train.{key}": off for key, off in _OFF.items() if train.get(key, off) != off}
    if not asked or plain["training"]["test"]:
        return []
    first = next(iter(asked))
    start = f"{first}={types.show(train[first.partition('.')[2]])}: "
    off = "write " + " ".join(f"{key}={types.show(value)}" for key, value in asked.items())
    row = learner_facts(train["learner"])
    if row is not None and {train["learner"], row.like} & _JUDGED:
        return [
            f"{start}what the discriminator of {row.label} rewards need not be as good in a mirror; {off}"
        ]
    if engine_of(plain) == "gymnasium":
        return [f"{start}Gymnasium environments declare no mirror; {off}"]
    sources = task_source.chain(task_source.named(plain["task"]))
    if sources is None or any(_declares(source.definition) for source in sources):
        return []
    return [f"{start}task {name} declares no mirror (Task.mirror in its file); {off}"]


def _declares(definition: ast.ClassDef) -> bool:
    return any(isinstance(node, ast.FunctionDef) and node.name == "mirror" for node in definition.body)
