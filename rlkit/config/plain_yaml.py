"""The settings of a run, perhaps somebody else's, read as plain values: no file that is larger than settings are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rlkit.config import yaml_text
from rlkit.config.errors import ConfigError

_MOST_BYTES = 4 << 20


def read_plain(path: Path) -> Any:
    """The content of a file; raises ConfigError that names it where it cannot be read or is no plain YAML."""
    try:
        with path.open("rb") as file:
            text = file.read(_MOST_BYTES + 1).decode("utf-8")
        if len(text) > _MOST_BYTES:
            raise ValueError(f"it is larger than {_MOST_BYTES >> 20} MB")
        return yaml_text.load(text)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise ConfigError([f"{path}, the settings of the run, cannot be read: {reason}"]) from error
