"""How a setting is declared: once, as a field of a frozen dataclass, from which checks, help and docs are read too."""

from __future__ import annotations

from dataclasses import MISSING, field, fields
from typing import Any, TypeVar

T = TypeVar("T")


def setting(type: str, unit: str, meaning: str, default: Any = MISSING) -> Any:
    """A field of the dataclass: its type in the words of `rlkit.config.schema.types`, its unit, what it means.

    Its usual value stands in conf/; default: what it is in requests from before it was there.
    """
    return field(default=default, metadata={"type": type, "unit": unit, "meaning": meaning})


def same_fields(kind: type[T], source: object, **others: Any) -> T:
    """A dataclass from what `source` calls as its fields are called; others: what it has otherwise, or not at all."""
    names = (f.name for f in fields(kind) if f.name not in others)  # type: ignore[arg-type]
    return kind(**{name: getattr(source, name) for name in names}, **others)
