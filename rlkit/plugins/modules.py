"""Code of others by its name, `module:Class`: found without importing anything, imported where that is allowed.

A module is looked for where Python looks, and behind that in the current folder, where it is a project. Installed
packages offer classes as entry points, each a name for a class, in the GROUPS below.
"""

from __future__ import annotations

import importlib
import os
import re
import shlex
import sys
from dataclasses import fields
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any, Collection, Iterable, Mapping, NamedTuple, TypeVar

from rlkit.errors import RlkitError
from rlkit.nearest import did_you_mean, nearest
from rlkit.plugins.installed import found, is_bare, why_not

GROUPS = ("rlkit.tasks", "rlkit.learners", "rlkit.networks", "rlkit.sims")
_NAME = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*")
# A class begins with a capital where a dot stands
_NEARLY = re.compile(r"([\w./]+?)(?:(?:\.py)?::?|\.(?=[A-Z]))(\w+)")
_Kind = TypeVar("_Kind")
_OF_RUNS = ("run.json", "config.yaml", "nn")


class CodeError(RlkitError):
    """Code that is named is not there, or may not be imported."""


class Origin(NamedTuple):
    """The package that a class comes from, as its distribution is called, and its version where that is known."""

    package: str
    version: str | None


def is_name(value: object) -> bool:
    """Whether a value reads as module:Class."""
    return isinstance(value, str) and _NAME.fullmatch(value) is not None


def as_name(text: str) -> str | None:
    """module:Class that was meant by `my_package.my_module.MyClass` or `my_package/my_module.py:MyClass`, else None."""
    match = _NEARLY.fullmatch(text)
    if match is None or is_name(text):
        return None
    name = f"{match[1].lstrip('./').replace('/', '.')}:{match[2]}"
    return name if is_name(name) else None


def project() -> Path | None:
    """The current folder, where it is a project: it has a conf/ of its own, and is no run's folder."""
    return Path.cwd() if os.path.isdir("conf") and not is_run(Path()) else None  # noqa: PTH112  (no error of a locked folder)


def is_run(folder: Path) -> bool:
    """Whether a folder is some run's, in which nothing is looked for."""
    return any(os.path.lexists(folder / name) for name in _OF_RUNS)


class Elsewhere(NamedTuple):
    """A project in another folder. start: what to do about it, in words."""

    folder: Path
    start: str


def project_with(file: str) -> Elsewhere | None:
    """The project above the current folder, or right below it, that has such a file; its path starts at the project."""
    here = Path.cwd()
    if not is_run(here) and _has(here, file):
        return None
    below = [folder for folder in sorted(here.glob("*/")) if not folder.name.startswith(".")]
    for folder in (*here.parents, *below):
        if (folder / "conf").is_dir() and _has(folder, file) and not is_run(folder):
            return Elsewhere(folder, f"start there: cd {shlex.quote(os.path.relpath(folder))}")
    return None


def _has(folder: Path, file: str) -> bool:
    return os.path.isfile(folder / file)  # noqa: PTH113  (no error of a name that is too long)


def file_of(module: str) -> Path | None:
    """The source of a module, without importing it or a package that it is in; None where there is none."""
    package, *inside = module.split(".")
    spec, _ = found(package, project())
    if spec is None:
        return None
    if not inside:
        return Path(spec.origin) if spec.origin and spec.origin.endswith(".py") else None
    for folder in spec.submodule_search_locations or ():
        base = Path(folder, *inside)
        for path in (base / "__init__.py", base.with_name(f"{base.name}.py")):
            if path.is_file():
                return path
    return None


def folder_of(package: str) -> Path | None:
    """The folder of a package at the top, None where there is none."""
    spec, _ = found(package, project())
    places = list(spec.submodule_search_locations or ()) if spec is not None else []
    return Path(places[0]) if places else None


def missing(module: str) -> str:
    """What to say of a module that `file_of` does not find, completing "there is no module ..."."""
    package, *inside = module.split(".")
    folder = folder_of(package)
    if folder is None or (inside and not any(folder.glob("*.py"))):
        elsewhere = project_with(f"{package}/__init__.py")
        how = (
            "start in its project" if elsewhere is None else f"it is in {elsewhere.folder}: {elsewhere.start}"
        )
        return f"{module}: {package} is neither installed here nor in this folder; {how}, or install it"
    names = [path.stem for path in folder.joinpath(*inside[:-1]).glob("*.py")]
    near = nearest(inside[-1], names) if inside else []
    return f"{module} in {folder}" + (
        f"; did you mean {'.'.join([package, *inside[:-1], near[0]])}?" if near else ""
    )


def refusal(name: str, trusted: Collection[str]) -> str | None:
    """Why `name` may not be imported because a run says so, completing "which ..."; None where it may.

    trusted: names or modules that were typed, or stand in files that are not the run's.
    """
    module = name.partition(":")[0]
    if name in trusted or module in trusted:
        return None
    problem = why_not(module, project())
    return None if problem is None or name in all_offered() else problem


def known(kind: type, values: Mapping[str, Any]) -> Mapping[str, Any]:
    """The same values; raises CodeError where the dataclass `kind` has no such fields."""
    names = [field.name for field in fields(kind)]
    for name in values:
        if name not in names:
            raise CodeError(f"FACTS: {kind.__name__} has no {name}{did_you_mean(name, names)}")
    return values


def require(name: str, trusted: Collection[str]) -> None:
    """Raise CodeError where a run may not have `name` imported; trusted: as of `refusal`."""
    problem = refusal(name, trusted)
    if problem is not None:
        raise CodeError(f"{name} would import {name.partition(':')[0]}, which {problem}")


def load(name: str, trusted: Collection[str], kind: type[_Kind]) -> type[_Kind]:
    """Import a subclass of `kind`.

    Raises CodeError where that is not allowed or it is not there or is none, and what the module raises.
    """
    require(name, trusted)
    module, _, cls = name.partition(":")
    loaded = getattr(imported(module), cls, None)
    if not (isinstance(loaded, type) and issubclass(loaded, kind)):
        raise CodeError(f"{name} is no subclass of {kind.__module__}.{kind.__name__}")
    return loaded


def imported(module: str) -> ModuleType:
    """Import a module, of the project too; whoever asks has seen to it that it may be."""
    _make_importable(module.partition(".")[0])
    return importlib.import_module(module)


def _make_importable(package: str) -> None:
    """Let an import find the package that `found` does: its folder comes behind all else on sys.path."""
    meant, _ = found(package, project())
    if meant is None or package in sys.modules:
        return
    taken = next((spec for finder in sys.meta_path if (spec := finder.find_spec(package, None))), None)
    if taken is not None and not (is_bare(taken) and not is_bare(meant)):
        return
    places = list(meant.submodule_search_locations or ())
    folder = Path(places[0] if places else str(meant.origin)).parent
    sys.path.append(str(folder))  # behind all else, so that a file in it takes no other module's place


def offered(group: str) -> Mapping[str, list[str]]:
    """The entry points of a group that installed packages have: name -> module:Class, of each package that has it."""
    return _entry_points(tuple(sys.path), Path.cwd()).get(group, {})


def resolved(group: str, name: object) -> str | None:
    """module:Class behind a name: itself, or what `offer` finds; None where it is neither."""
    return str(name) if is_name(name) else offer(group, str(name))


def offer(group: str, name: str) -> str | None:
    """The class that installed packages offer by this name, None where none does.

    Raises CodeError where two of them do.
    """
    classes = offered(group).get(name, [])
    if len(classes) > 1:
        raise CodeError(
            f"several installed packages have a {name}: write the one that you mean, {' or '.join(classes)}"
        )
    return classes[0] if classes else None


def conf_of(names: Iterable[str]) -> list[Path]:
    """The conf/ folders of the packages that classes are in."""
    packages = [name.partition(":")[0].partition(".")[0] for name in names]
    folders = [folder / "conf" for folder in map(folder_of, dict.fromkeys(packages)) if folder is not None]
    return [folder for folder in folders if folder.is_dir()]


def all_offered() -> list[str]:
    """Every class that installed packages offer."""
    return [value for group in GROUPS for values in offered(group).values() for value in values]


def origin(name: str) -> Origin:
    """The installed package that a class belongs to; of one in no package its module's own name."""
    return _origin(name.partition(":")[0].partition(".")[0], tuple(sys.path), Path.cwd())


@lru_cache(maxsize=64)
def _origin(package: str, paths: tuple[str, ...], here: Path) -> Origin:
    from importlib import metadata  # only where it is needed: it takes a while

    places = _places(paths, here)
    for distribution in (
        *metadata.distributions(name=package, path=places),
        *metadata.distributions(path=places),
    ):
        names = (distribution.read_text("top_level.txt") or "").split()
        names = names or [path.parts[0] for path in distribution.files or ()]
        if package in names:
            return Origin(str(distribution.metadata["Name"]), distribution.version)
    return Origin(package, None)


@lru_cache(maxsize=8)
def _entry_points(paths: tuple[str, ...], here: Path) -> dict[str, dict[str, list[str]]]:
    """Group -> name -> the classes of every entry point that is ours, of all that is installed."""
    from importlib import metadata

    found: dict[str, dict[str, list[str]]] = {}
    for distribution in metadata.distributions(path=_places(paths, here)):
        if "[rlkit." in (distribution.read_text("entry_points.txt") or ""):
            for entry in distribution.entry_points:
                classes = found.setdefault(entry.group, {}).setdefault(entry.name, [])
                if is_name(entry.value) and entry.value not in classes:
                    classes.append(entry.value)
    return found


def _places(paths: tuple[str, ...], here: Path) -> list[str]:
    """Where packages are looked for: not in the current folder, which may be somebody's run, unless it is a project."""
    allowed = project() is not None
    return [path for path in paths if allowed or Path(path).resolve() != here.resolve()]
