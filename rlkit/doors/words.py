"""Keywords of Python -> the words of the command line: one spelling of every setting, and one set of checks."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Iterator, Mapping

from rlkit.config.words import values
from rlkit.errors import ConfigError, raise_for
from rlkit.untrusted import echo

_NAME = re.compile(r"[A-Za-z_][\w./@]*$", re.ASCII)


def given(overrides: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """The settings that were given as a mapping; raises ConfigError where they were given otherwise."""
    if overrides is None or isinstance(overrides, Mapping):
        return overrides or {}
    raise ConfigError('overrides: takes a mapping, as overrides={"task.episodeLength": 40}')


def words(settings: Mapping[str, Any]) -> list[str]:
    """Settings by name as `name=value`; None leaves an alias or a group as it is, and is null for a full name.

    A name is one of the command line: a full one (`task.episodeLength`), an alias in any spelling (`num_envs`), a group
    (`sim`). Text is read as the command line reads it; a mapping holds settings of the section that it is named after.
    Raises ConfigError for a name that is none, and for a value that no setting can have.
    """
    found, problems = [], []
    for name, value in _flat(settings):
        if not _NAME.match(name) or name.partition(".")[0] in ("hydra", "defaults", "help"):
            problems.append(
                f"{echo(repr(name))}: no setting is called so; give names as num_envs or task.episodeLength"
            )
            continue
        try:
            found.append(f"{name}={text(value)}")
        except TypeError as error:
            problems.append(f"{name}: {error}")
    raise_for(problems)
    return found


def _flat(settings: Mapping[str, Any], section: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in settings.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{section}{name}.")
        elif value is not None or "." in f"{section}{name}":
            yield f"{section}{name}", value


def text(value: Any) -> str:
    """A value as it is typed behind `=`; raises TypeError for what cannot be typed."""
    if hasattr(value, "item") and getattr(value, "ndim", None) == 0:
        value = value.item()  # numpy's and torch's scalars
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, (str, Path)):
        return str(value) or "''"
    if isinstance(value, (list, tuple)):
        items = (values.quote(item, path=False) if isinstance(item, str) else text(item) for item in value)
        return f"[{','.join(items)}]"
    raise TypeError(
        f"{type(value).__name__} is no value of a setting: give numbers, text, True, False, None or lists"
    )
