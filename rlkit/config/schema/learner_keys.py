"""The settings of each learner, flat under `train`, as its `settings.py` declares them."""

from __future__ import annotations

from typing import Any, Mapping, NamedTuple

from rlkit.config.schema import types
from rlkit.learners.facts import LEARNERS, LearnerFacts, learner_facts
from rlkit.plugins.modules import CodeError

OPEN = (
    "env.kwargs",
    "train.network_settings",
    "task.groups",
    "task.cameras",
    "task.randomization.observationNoise",
)
"""Sections that take names of others."""


class Key(NamedTuple):
    """One setting: its name in the YAML, its type (see types.py), its unit, what it means."""

    name: str
    type: str
    unit: str
    meaning: str


def key(name: str, metadata: Mapping[str, Any]) -> Key:
    """The line of a setting that a class declares."""
    return Key(f"{name}.*" if name in OPEN else name, **metadata)


def is_learner(name: str) -> bool:
    """Whether there is such a learner here, of rlkit's or of others."""
    return learner_facts(name) is not None


def learner_keys(name: str) -> tuple[Key, ...]:
    """The settings of a learner that there is."""
    row = learner_facts(name)
    assert row is not None, name
    return LEARNER_KEYS.get(name) or _keys(name, row)


def _keys(name: str, row: LearnerFacts) -> tuple[Key, ...]:
    names = "|".join(_builds_on(name, row))
    for f in row.settings() if row.code else ():
        try:
            for value in (1, [1]):
                types.problem(f.metadata["type"], value)
        except (AssertionError, ValueError) as error:
            raise CodeError(f"{row.code}: the setting {f.name} has no type of ours: {error}") from error
    return (
        Key("train.learner", names, "", "the learner that reads this section"),
        *(key(f"train.{f.name}", f.metadata) for f in row.settings()),
    )


def _builds_on(name: str, row: LearnerFacts) -> list[str]:
    """A learner, and those whose files its own may build on."""
    return [name, *(_builds_on(row.like, LEARNERS[row.like]) if row.like else ())]


LEARNER_KEYS = {name: _keys(name, row) for name, row in LEARNERS.items()}
"""Those of rlkit's own learners."""
