"""A task's class, read from its source without importing it (a task imports torch).

A task is named as `Reach`, whose class stands in rlkit/tasks/reach.py, or as `my_package.my_module:MyReach`.
"""

from __future__ import annotations

import ast
from functools import lru_cache
from pathlib import Path
from typing import Any, Mapping

from rlkit.config.schema.spelling import snake
from rlkit.errors import shown
from rlkit.plugins import modules
from rlkit.plugins.source import Source, imported_from, parse, whole_lineage
from rlkit.plugins.source import problem as problem_of_class

TASKS = Path(__file__).resolve().parents[2] / "tasks"


def named(task: Mapping[str, Any]) -> str:
    """What a `task` section calls its class: by the task's name where it stands in rlkit/tasks."""
    return str(task.get("class") or task["name"])


def is_ours(task: str) -> bool:
    """Whether there is a file for a task's class in rlkit/tasks."""
    return _file_of(place(task)[0]) is not None


def place(task: str) -> tuple[str, str]:
    """The module and the name of a task's class; of ours some stand in a folder of rlkit/tasks."""
    module, _, name = task.rpartition(":")
    own = snake(task).lower()
    folders = [
        folder for folder in ("", "hand.", "motion.", "velocity.") if _file_of(f"rlkit.tasks.{folder}{own}")
    ]
    return module or f"rlkit.tasks.{folders[0] if folders else ''}{own}", name


def problem(task: str) -> str | None:
    """Why a task's file has no class that could be made: no such file or class, or no valid Python."""
    module, name = place(task)
    path = _file_of(module)
    if path is None and ":" not in task:
        return (
            f"task={task}: conf/task/{task}.yaml has no class; write `class {task}` in"
            f" {shown(TASKS / f'{snake(task).lower()}.py')}, as docs/tasks.md shows, or name one of your own below"
            f" `task:` in it, as `class: my_project.my_task:{task}`"
        )
    found = problem_of_class(f"{module}:{name}", _file_of)
    return None if found is None else f"task={task}: {found}"


def chain(task: str) -> list[Source] | None:
    """A task's class, its parents, and so on, without Task itself.

    None where the source alone does not tell: no such file or class, or a parent that is not found by its name.
    """
    return whole_lineage(*place(task), "Task", _file_of)


def words(task: str) -> frozenset[str] | None:
    """Every text constant in the modules of a task's classes and those that they import of their own packages.

    A setting that is in none of them is read by nothing. None as in `chain`.
    """
    sources = chain(task)
    if sources is None:
        return None
    read = {source.path: source.module for source in sources}
    for source in sources:
        for node in source.module.body:
            for module in _modules(node, source):
                path = _file_of(module) if _may_read(module, source) else None
                if path is not None and path not in read:
                    read[path] = parse(path)
    return frozenset().union(*map(_texts, read.values()))


def required(task: str) -> Mapping[tuple[str, ...], str]:
    """The settings that a task's classes take by `config["a"]["b"]`, as their keys: the class that does.

    Without those that it also asks for by `in` or `.get`; empty where `chain` is None.
    """
    found: dict[tuple[str, ...], str] = {}
    optional: set[str] = set()
    replaced: set[str] = set()  # methods that a child has put its own in place of
    for source in chain(task) or []:
        methods = [node for node in source.definition.body if isinstance(node, ast.FunctionDef)]
        for method in methods:
            if method.name not in replaced:
                for keys in _subscripts(method):
                    found.setdefault(keys, source.definition.name)
                optional |= _asked_for(method)
        replaced |= {method.name for method in methods if not _calls_parent(method)}
    return {keys: name for keys, name in found.items() if optional.isdisjoint(keys)}


def _modules(node: ast.stmt, source: Source) -> list[str]:
    """The modules that `from package import names` may mean: the package itself, and each name in it."""
    if not isinstance(node, ast.ImportFrom):
        return []
    package = imported_from(node, source.name, source.path)
    return [package, *(f"{package}.{alias.name}" for alias in node.names)]


def _may_read(module: str, source: Source) -> bool:
    """Whether a module may read the settings of a task: of rlkit its tasks, of others what is in the same package."""
    package = module.partition(".")[0]
    return module.startswith("rlkit.tasks.") or package == source.name.partition(".")[0] != "rlkit"


def _file_of(module: str) -> Path | None:
    """Where the source of a module lies; None where it is not found."""
    package, _, inside = module.partition("rlkit.tasks.")
    if package or not inside:
        return modules.file_of(module) if module else None
    path = TASKS / f"{inside.replace('.', '/')}.py"
    return path if path.is_file() else None


@lru_cache(maxsize=1024)
def _texts(module: ast.Module) -> frozenset[str]:
    """Every text constant in a module."""
    constants = [node.value for node in ast.walk(module) if isinstance(node, ast.Constant)]
    return frozenset(value for value in constants if isinstance(value, str))


@lru_cache(maxsize=1024)
def _subscripts(method: ast.FunctionDef) -> tuple[tuple[str, ...], ...]:
    """The keys of `config["a"]["b"]` and `self.config["a"]` that a method reads."""
    found: list[tuple[str, ...]] = []
    given = {argument.arg for argument in method.args.args}
    for node in ast.walk(method):
        keys: list[str] = []
        while isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load):
            index = getattr(node.slice, "value", None)  # a constant, on Python 3.8 inside of an Index
            index = index.value if isinstance(index, ast.Constant) else index
            if not isinstance(index, str):
                break
            keys.insert(0, index)
            node = node.value
        else:
            if keys and _is_config(node, given):
                found.append(tuple(keys))
    return tuple(found)


def _is_config(node: ast.AST, given: set[str]) -> bool:
    if isinstance(node, ast.Name):
        return node.id == "config" and "config" in given
    return (
        isinstance(node, ast.Attribute)
        and node.attr == "config"
        and isinstance(node.value, ast.Name)
        and node.value.id == "self"
    )


@lru_cache(maxsize=1024)
def _asked_for(method: ast.FunctionDef) -> set[str]:
    """The names in `"a" in …` and `.get("a")`."""
    found: set[str] = set()
    for node in ast.walk(method):
        if isinstance(node, ast.Compare) and isinstance(node.ops[0], (ast.In, ast.NotIn)):
            found |= {str(node.left.value)} if isinstance(node.left, ast.Constant) else set()
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "get":
            found |= {str(a.value) for a in node.args[:1] if isinstance(a, ast.Constant)}
    return found


@lru_cache(maxsize=1024)
def _calls_parent(method: ast.FunctionDef) -> bool:
    return any(
        isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "super"
        for node in ast.walk(method)
    )
