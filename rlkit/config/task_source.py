"""A task's class, read from its source without importing it (a task imports torch)."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Dict, FrozenSet, Iterator, List, Mapping, NamedTuple, Optional, Set, Tuple

from rlkit.config import types
from rlkit.config.command_line import snake
from rlkit.config.conf import shown

TASKS = Path(__file__).resolve().parents[1] / "tasks"
_READ: Dict[Path, Tuple[int, ast.Module]] = {}  # a file is parsed once as long as it stays as it is


class Source(NamedTuple):
    """A class of a task and the module that it stands in."""

    path: Path
    module: ast.Module
    definition: ast.ClassDef


def problem(task: str, folder: Optional[Path] = None) -> Optional[str]:
    """Why a task's file has no class that could be made: no such file or class, or no valid Python."""
    folder = folder or TASKS
    path = folder / f"{snake(task).lower()}.py"
    if not path.is_file():
        return (
            f"task={task}: conf/task/{task}.yaml has no class; write `class {task}` in {shown(path)}, as docs/tasks.md"
            " shows"
        )
    for file in (path, *(source.path for source in _sources(task, folder))):
        try:
            _parse(file)
        except SyntaxError as error:
            return f"task={task}: {shown(file)}, line {error.lineno or 1}: {error.msg}"
        except ValueError as error:
            return f"task={task}: {shown(file)}: {error}"
    names = [node.name for node in _parse(path).body if isinstance(node, ast.ClassDef)]
    if task in names or any(_imported(node, task) for node in _parse(path).body):
        return None
    near = types.nearest(task, names)
    return f"task={task}: {shown(path)} has no class {task}; " + (
        f"rename {near[0]} in it" if near else f"write `class {task}` in it"
    )


def chain(task: str, folder: Optional[Path] = None) -> Optional[List[Source]]:
    """A task's class, its parent, and so on, without Task itself.

    None where the source alone does not tell: no such file or class, or a parent that is not a task of this folder.
    """
    found = list(_sources(task, folder or TASKS))
    if not found:
        return None
    bases = found[-1].definition.bases
    whole = len(bases) == 1 and isinstance(bases[0], ast.Name) and bases[0].id == "Task"
    return found if whole else None


def words(task: str, folder: Optional[Path] = None) -> Optional[FrozenSet[str]]:
    """Every text constant in the modules of a task's classes and those of this folder that they import.

    A setting that is in none of them is read by nothing. None as in `chain`.
    """
    sources = chain(task, folder)
    if sources is None:
        return None
    folder = folder or TASKS
    modules = {source.path: source.module for source in sources}
    for source in sources:
        for node in source.module.body:
            package, _, inside = str(getattr(node, "module", "")).rpartition(".")
            path = folder / f"{inside}.py"
            if package == "rlkit.tasks" and path not in modules and path.is_file():
                modules[path] = _parse(path)
    return frozenset(
        node.value
        for module in modules.values()
        for node in ast.walk(module)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    )


def required(task: str, folder: Optional[Path] = None) -> Mapping[Tuple[str, ...], str]:
    """The settings that a task's classes take by `config["a"]["b"]`, as their keys: the class that does.

    Without those that it also asks for by `in` or `.get`; empty where `chain` is None.
    """
    found: Dict[Tuple[str, ...], str] = {}
    optional: Set[str] = set()
    replaced: Set[str] = set()  # methods that a child has put its own in place of
    for source in chain(task, folder) or []:
        methods = [node for node in source.definition.body if isinstance(node, ast.FunctionDef)]
        for method in methods:
            if method.name not in replaced:
                for keys in _subscripts(method):
                    found.setdefault(keys, source.definition.name)
                optional |= _asked_for(method)
        replaced |= {method.name for method in methods if not _calls_parent(method)}
    return {keys: name for keys, name in found.items() if optional.isdisjoint(keys)}


def _sources(task: str, folder: Path) -> Iterator[Source]:
    """The classes that can be found, the task's own first; it ends where the next one cannot."""
    name, path, seen = task, folder / f"{snake(task).lower()}.py", set()
    while name != "Task" and (path, name) not in seen and path.is_file():
        seen.add((path, name))
        try:
            module = _parse(path)
        except (SyntaxError, ValueError):
            return
        definition = next((n for n in module.body if isinstance(n, ast.ClassDef) and n.name == name), None)
        if definition is None:
            return
        yield Source(path, module, definition)
        if len(definition.bases) != 1 or not isinstance(definition.bases[0], ast.Name):
            return
        name = definition.bases[0].id
        path, name = _home(name, path, module, folder)


def _home(name: str, path: Path, module: ast.Module, folder: Path) -> Tuple[Path, str]:
    """The file that holds the class that a module calls `name`, and its name there."""
    if any(isinstance(node, ast.ClassDef) and node.name == name for node in module.body):
        return path, name
    for node in module.body:
        for alias in node.names if isinstance(node, ast.ImportFrom) else ():
            if (alias.asname or alias.name) == name and isinstance(node, ast.ImportFrom):
                package, _, inside = (node.module or "").rpartition(".")
                return (
                    folder if package == "rlkit.tasks" else Path("elsewhere")
                ) / f"{inside}.py", alias.name
    return folder / f"{snake(name).lower()}.py", name


def _imported(node: ast.stmt, name: str) -> bool:
    return isinstance(node, ast.ImportFrom) and any((a.asname or a.name) == name for a in node.names)


def _parse(path: Path) -> ast.Module:
    """Raises SyntaxError and ValueError, as ast.parse does."""
    changed = path.stat().st_mtime_ns
    if path not in _READ or _READ[path][0] != changed:
        try:
            _READ[path] = (changed, ast.parse(path.read_bytes()))
        except (RecursionError, MemoryError) as error:
            raise ValueError("is nested too deep for Python") from error
    return _READ[path][1]


def _subscripts(method: ast.FunctionDef) -> Iterator[Tuple[str, ...]]:
    """The keys of `config["a"]["b"]` and `self.config["a"]` that a method reads."""
    given = {argument.arg for argument in method.args.args}
    for node in ast.walk(method):
        keys: List[str] = []
        while isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load):
            index = getattr(node.slice, "value", None)  # a constant, on Python 3.8 inside of an Index
            index = index.value if isinstance(index, ast.Constant) else index
            if not isinstance(index, str):
                break
            keys.insert(0, index)
            node = node.value
        else:
            if keys and _is_config(node, given):
                yield tuple(keys)


def _is_config(node: ast.AST, given: Set[str]) -> bool:
    if isinstance(node, ast.Name):
        return node.id == "config" and "config" in given
    return (
        isinstance(node, ast.Attribute)
        and node.attr == "config"
        and isinstance(node.value, ast.Name)
        and node.value.id == "self"
    )


def _asked_for(method: ast.FunctionDef) -> Set[str]:
    """The names in `"a" in …` and `.get("a")`."""
    found: Set[str] = set()
    for node in ast.walk(method):
        if isinstance(node, ast.Compare) and isinstance(node.ops[0], (ast.In, ast.NotIn)):
            found |= {str(node.left.value)} if isinstance(node.left, ast.Constant) else set()
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "get":
            found |= {str(a.value) for a in node.args[:1] if isinstance(a, ast.Constant)}
    return found


def _calls_parent(method: ast.FunctionDef) -> bool:
    return any(
        isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "super"
        for node in ast.walk(method)
    )
