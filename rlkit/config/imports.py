"""The settings that import code by a name: a run that is somebody else's may not choose what."""

from __future__ import annotations

from typing import Any, Collection, FrozenSet, List, Mapping

from rlkit.config.conf import Conf, flatten
from rlkit.config.inherit import Base

IMPORTS = ("env.id", "env.ids", "task.wrapper", "task.packages")


def imports_of(plain: Mapping[str, Any], names: Collection[str] = IMPORTS) -> FrozenSet[str]:
    """The values of those settings, each by itself: `module:Name-v0`, `module:function` or `module`."""
    flat = flatten(plain)
    found: List[Any] = []
    for name in IMPORTS:
        value = flat.get(name) if name in names else None
        found += value if isinstance(value, list) else [value]
    return frozenset(value for value in found if isinstance(value, str))


def trusted_imports(
    plain: Mapping[str, Any], files: Mapping[str, Any], typed: Collection[str], base: Base, conf: Conf
) -> FrozenSet[str]:
    """Those values of `plain` that its run alone did not choose: they were typed, or stand in the project's files.

    files: what the files and words make without the run. typed: full names of the settings that were typed.
    """
    asked = imports_of(plain)
    ours = imports_of(plain, typed) | imports_of(files)
    if not asked <= ours and base.config_name in conf.sound_roots():
        ours |= imports_of(conf.sets(base.config_name))
    return asked & ours
