"""The terms of a task, read from its source without importing it (a task imports torch)."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Dict, FrozenSet, Mapping, Optional, Set

KINDS = ("observation", "reward", "success", "failure")
_TASKS = Path(__file__).resolve().parents[1] / "tasks"


def term_names(task: str, folder: Path = _TASKS) -> Optional[Mapping[str, FrozenSet[str]]]:
    """Kind -> names of the methods that a task's class and its parents mark as terms.

    None where the class cannot be followed from the source alone: no such file or class, or a parent that is
    not a task of this folder. The task itself then says at its making what it does not know.
    """
    found: Dict[str, Set[str]] = {kind: set() for kind in KINDS}
    name = task
    while name != "Task":
        path = folder / f"{_module(name)}.py"
        tree = ast.parse(path.read_text(encoding="utf-8")) if path.is_file() else ast.Module([], [])
        classes = [n for n in tree.body if isinstance(n, ast.ClassDef) and n.name == name]
        if not classes or len(classes[0].bases) != 1 or not isinstance(classes[0].bases[0], ast.Name):
            return None
        for method in classes[0].body:
            if isinstance(method, ast.FunctionDef):
                for decorator in method.decorator_list:
                    kind = decorator.func if isinstance(decorator, ast.Call) else decorator
                    if isinstance(kind, ast.Name) and kind.id in found:
                        found[kind.id].add(method.name)
        name = classes[0].bases[0].id
    return {kind: frozenset(names) for kind, names in found.items()}


def _module(name: str) -> str:
    """BoxGrasping -> box_grasping, as the registry of tasks finds it."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
