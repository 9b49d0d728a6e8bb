"""The spellings of a setting: numEnvs and num_envs are one name."""

from __future__ import annotations

import re


def snake(name: str) -> str:
    """numEnvs -> num_envs."""
    return re.sub(r"(?<=[a-z0-9])([A-Z])", lambda m: "_" + m.group(1).lower(), name)


def camel(name: str) -> str:
    """num_envs -> numEnvs."""
    return re.sub(r"(?<=[A-Za-z0-9])_([a-z])", lambda m: m.group(1).upper(), name)


def spellings(name: str) -> tuple[str, ...]:
    """The spellings that are accepted for a name: as written, snake_case and camelCase."""
    return (name, snake(name), camel(name))
