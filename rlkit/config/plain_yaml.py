"""YAML of somebody else, read as plain values: no tags, no anchors, no depth and no size that no settings have."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from rlkit.config.errors import ConfigError

_MOST_BYTES = 4 << 20
_DEEPEST = 32
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_plain(path: Path) -> Any:
    """The content of a file; raises ConfigError that names it where it cannot be read or is no plain YAML."""
    try:
        with path.open("rb") as file:
            text = file.read(_MOST_BYTES + 1).decode("utf-8")
        if len(text) > _MOST_BYTES:
            raise ValueError(f"it is larger than {_MOST_BYTES >> 20} MB")
        _require_plain(text)
        return yaml.load(text, Loader=_Loader)
    except (OSError, ValueError, yaml.YAMLError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error).splitlines()[0]
        raise ConfigError([f"{path}, the settings of the run, cannot be read: {reason}"]) from error


def _require_plain(text: str) -> None:
    """Look at the parser's events, before anything is built of them; raises ValueError."""
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, yaml.AliasEvent):
            raise ValueError("it refers to itself (an alias of YAML), which no settings do")
        depth += isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent))
        depth -= isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent))
        if depth > _DEEPEST:
            raise ValueError(f"it is nested deeper than {_DEEPEST} levels")
