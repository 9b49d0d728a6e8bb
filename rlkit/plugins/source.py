"""Python read as text: the classes of modules, with their parents wherever these stand; nothing is imported."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any, Callable, Iterator, NamedTuple, Optional

from rlkit.errors import shown
from rlkit.nearest import did_you_mean
from rlkit.plugins import modules

FileOf = Callable[[str], Optional[Path]]
_READ: dict[Path, tuple[int, ast.Module]] = {}  # a file is parsed once as long as it stays as it is


class Source(NamedTuple):
    """A class and the module that it stands in."""

    path: Path
    module: ast.Module
    definition: ast.ClassDef
    name: str  # of the module


def parse(path: Path) -> ast.Module:
    """The tree of a file; raises SyntaxError and ValueError, as ast.parse does."""
    changed = path.stat().st_mtime_ns
    if path not in _READ or _READ[path][0] != changed:
        try:
            _READ[path] = (changed, ast.parse(path.read_bytes(), str(path)))
        except (RecursionError, MemoryError) as error:
            raise ValueError("is nested too deep for Python") from error
    return _READ[path][1]


def problem(name: str, file_of: FileOf = modules.file_of) -> str | None:
    """Why there is no class module:Class, or why it or a parent cannot be read; None where it is there."""
    module, _, cls = name.partition(":")
    path = file_of(module)
    if path is None:
        return f"there is no module {modules.missing(module)}"
    try:
        if list(lineage(module, cls, file_of, strict=True)):
            return None
        names = [node.name for node in parse(path).body if isinstance(node, ast.ClassDef)]
    except SyntaxError as error:
        return f"{shown(Path(error.filename or path))}, line {error.lineno or 1}: {error.msg}"
    except ValueError as error:
        return f"{shown(path)}: {error}"
    if _home(cls, module, path, parse(path)) is not None:
        return None
    return f"{shown(path)} has no class {cls}{did_you_mean(cls, names, f'; write `class {cls}` in it')}"


def lineage(
    module: str, name: str, file_of: FileOf = modules.file_of, *, until: str = "", strict: bool = False
) -> Iterator[Source]:
    """A class, its parents, and so on, up to the class `until`: each class after all that build on it.

    Of several parents the first comes first, as Python looks for methods. Those that are not found by their names are
    left out. strict: raise SyntaxError or ValueError where a file cannot be read; else its classes are left out.
    """
    yield from _ancestry(module, name, file_of, until, strict)[0]


def whole_lineage(
    module: str, name: str, until: str, file_of: FileOf = modules.file_of
) -> list[Source] | None:
    """The same where every parent is found, up to the class `until`; None where one is not."""
    found, whole = _ancestry(module, name, file_of, until, strict=False)
    return found if whole else None


def _ancestry(module: str, name: str, file_of: FileOf, until: str, strict: bool) -> tuple[list[Source], bool]:
    """A class and its parents, see `lineage`, and whether all lead to `until`."""
    found: dict[tuple[str, str], Source] = {}  # by where a class stands, parents before their children
    seen: set[tuple[str, str]] = set()

    def climb(module: str, name: str) -> bool:
        if name == until or (module, name) in seen:
            return name == until or (module, name) in found
        seen.add((module, name))
        path = file_of(module)
        try:
            tree = None if path is None else parse(path)
        except (SyntaxError, ValueError):
            if strict:
                raise
            return False
        if path is None or tree is None:
            return False
        definition = next((n for n in tree.body if isinstance(n, ast.ClassDef) and n.name == name), None)
        if definition is None:  # it may be imported here
            there = _home(name, module, path, tree)
            return there is not None and climb(*there)
        whole = bool(definition.bases)
        for base in reversed(definition.bases):
            parent = base.id if isinstance(base, ast.Name) else ""
            whole = climb(*(_home(parent, module, path, tree) or (module, parent))) and whole
        found[(module, name)] = Source(path, tree, definition, module)
        return whole

    whole = climb(module, name)
    return list(reversed(list(found.values()))), whole


def imported_from(node: ast.ImportFrom, module: str, path: Path) -> str:
    """The full name of the module in `from module import …`, which may be relative to its own."""
    if not node.level:
        return node.module or ""
    parts = module.split(".")
    above = parts[: len(parts) - node.level + (path.name == "__init__.py")]
    return ".".join([*above, *([node.module] if node.module else [])])


def keywords(module: str, name: str) -> dict[str, Any]:
    """The arguments in `NAME = Something(key=value, …)` at the top of a module; none where there is no such line.

    Raises CodeError where they are not written out as plain values.
    """
    path = modules.file_of(module)
    for node in [] if path is None else parse(path).body:
        targets = node.targets if isinstance(node, ast.Assign) else []
        if [target.id for target in targets if isinstance(target, ast.Name)] != [name]:
            continue
        value = getattr(node, "value", None)
        try:
            return {str(word.arg): ast.literal_eval(word.value) for word in getattr(value, "keywords", ())}
        except ValueError as error:
            raise modules.CodeError(
                f"{path}, line {node.lineno}: {name} is read without running it: write its values out, as {name} ="
                " Facts(key=1)"
            ) from error
    return {}


def parameters(name: str) -> dict[str, Any] | None:
    """What the constructor of module:Class takes by name behind its first argument -> its default, tuples as lists.

    REQUIRED for one without a default; None where the source of no such constructor is found. Raises CodeError where a
    default is not written out as a plain value.
    """
    module, _, cls = name.partition(":")
    for source in lineage(module, cls):
        for node in source.definition.body:
            if isinstance(node, ast.FunctionDef) and node.name == "__init__":
                return {word.arg: _default(word, value, source.path) for word, value in _taken(node.args)}
    return None


REQUIRED = object()
"""In place of the default of a parameter that has none."""


def _taken(arguments: ast.arguments) -> Iterator[tuple[ast.arg, ast.expr | None]]:
    """The arguments behind `self` and the first one, each with its default."""
    places = [*arguments.posonlyargs, *arguments.args]
    defaults = [*[None] * (len(places) - len(arguments.defaults)), *arguments.defaults]
    yield from list(zip(places, defaults))[2:]
    yield from zip(arguments.kwonlyargs, arguments.kw_defaults)


def _default(word: ast.arg, value: ast.expr | None, path: Path) -> Any:
    if value is None:
        return REQUIRED
    try:
        default = ast.literal_eval(value)
    except ValueError as error:
        raise modules.CodeError(
            f"{path}, line {value.lineno}: the default of {word.arg} is read without running it: write it out, as"
            f" {word.arg}=1"
        ) from error
    if isinstance(default, int) and not isinstance(default, bool) and _says(word.annotation, "float"):
        return float(default)
    return list(default) if isinstance(default, tuple) else default


def _says(annotation: ast.expr | None, kind: str) -> bool:
    return isinstance(annotation, ast.Name) and annotation.id == kind


def _home(name: str, module: str, path: Path, tree: ast.Module) -> tuple[str, str] | None:
    """The module from which another takes a class that it calls `name`, and its name there; None for its own."""
    for node in tree.body:
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                if (alias.asname or alias.name) == name:
                    return imported_from(node, module, path), alias.name
    return None
