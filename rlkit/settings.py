"""How a setting is declared: once, as a field of a frozen dataclass, from which checks, help and docs are read too."""

from __future__ import annotations

from dataclasses import MISSING, field
from typing import Any


def setting(type: str, unit: str, meaning: str, default: Any = MISSING) -> Any:
    """A field of the dataclass: its type in the words of `rlkit.config.schema.types`, its unit, what it means.

    Its usual value stands in conf/; default: what it is in requests from before it was there.
    """
    return field(default=default, metadata={"type": type, "unit": unit, "meaning": meaning})
