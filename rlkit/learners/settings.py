"""The settings that every learner has, and how a learner reads its own.

No torch is imported here, nor in a learner's own `settings.py`: `rlkit.config` reads them.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Mapping, Type, TypeVar

from rlkit.settings import setting as setting

T = TypeVar("T", bound="LearnerSettings")


@dataclass(frozen=True)
class LearnerSettings:
    """What every learner has: the length of a run in env-steps follows from it."""

    horizon_length: int = setting("int >= 1", "steps", "steps of every environment in one iteration")


def read_settings(kind: Type[T], train: Mapping[str, Any]) -> T:  # noqa: UP006  (an alias at run time)
    """The settings of a `train` section that the configuration has checked; lists become tuples."""
    values: dict[str, Any] = {}
    for f in fields(kind):
        values[f.name] = _frozen(train[f.name])
    return kind(**values)


def _frozen(value: Any) -> Any:
    return tuple(map(_frozen, value)) if isinstance(value, list) else value
