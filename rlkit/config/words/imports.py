"""The settings that import code by a name: a run that is somebody else's may not choose what."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, Collection, Mapping

from rlkit.config.facts.code import classes_of
from rlkit.config.files.conf import Conf, conf_folders
from rlkit.config.schema.tree import flatten
from rlkit.config.words.inherit import Base
from rlkit.errors import ConfigError

CLASSES = ("task.class", "train.learner", "train.network", "sim.name")  # of which ours have no colon
IMPORTS = ("env.id", "env.ids", "task.wrapper", "task.packages", *CLASSES)


def imports_of(plain: Mapping[str, Any], names: Collection[str] = IMPORTS) -> frozenset[str]:
    """The values of those settings, each by itself: `module:Name-v0`, `module:function` or `module`."""
    flat = flatten(plain)
    found: list[Any] = []
    for name in IMPORTS:
        value = flat.get(name) if name in names else None
        found += value if isinstance(value, list) else [value]
    ours = {flat.get(name) for name in CLASSES if ":" not in str(flat.get(name))}
    return frozenset(value for value in found if isinstance(value, str) and value not in ours)


def trusted_imports(
    plain: Mapping[str, Any], files: Mapping[str, Any], typed: Collection[str], base: Base, conf: Conf
) -> frozenset[str]:
    """Those values of `plain` that its run alone did not choose: they were typed, or stand in the project's files.

    files: what the files and words make without the run. typed: full names of the settings that were typed.
    """
    asked = imports_of(plain)
    ours = (
        imports_of(plain, typed)
        | imports_of(files)
        | frozenset(filter(conf.gives, asked))
        | trusted_here(plain)
    )
    if not asked <= ours and base.config_name in conf.sound_roots():
        ours |= imports_of(conf.sets(base.config_name))
    return asked & ours


def trusted_here(sections: Mapping[str, Any]) -> frozenset[str]:
    """The classes that a run or a recording names and the files of the current project name too."""
    names = frozenset(classes_of(sections).values())
    if not names:
        return names
    with suppress(ConfigError):  # there is no conf/ at all
        return frozenset(filter(Conf(*conf_folders()).gives, names))
    return frozenset()
