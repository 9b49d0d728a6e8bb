"""The terms of a task, read from its source without importing it."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Dict, FrozenSet, List, Mapping, NamedTuple, Optional, Set

from rlkit.config import task_source

KINDS = ("observation", "reward", "success", "failure")


class Term(NamedTuple):
    """One method of a task that is marked as a term; `size` of an observation, where the source says a number."""

    kind: str
    name: str
    size: Optional[int]


def term_names(task: str, folder: Optional[Path] = None) -> Optional[Mapping[str, FrozenSet[str]]]:
    """Kind -> names of the methods that a task's class and its parents mark as terms.

    None where the class cannot be followed from the source alone, see task_source.chain: the task itself then says
    at its making what it does not know.
    """
    found: Dict[str, Set[str]] = {kind: set() for kind in KINDS}
    terms = _terms(task, folder)
    if terms is None:
        return None
    for term in terms:
        found[term.kind].add(term.name)
    return {kind: frozenset(names) for kind, names in found.items()}


def observation_sizes(task: str, folder: Optional[Path] = None) -> Optional[Mapping[str, int]]:
    """Observation term -> how many numbers it has, of those whose source says it; None as in term_names."""
    terms = _terms(task, folder)
    if terms is None:
        return None
    sizes: Dict[str, int] = {}
    for term in terms:  # the class itself first: what it defines anew counts
        if term.size is not None:
            sizes.setdefault(term.name, term.size)
    return sizes


def _terms(task: str, folder: Optional[Path]) -> Optional[List[Term]]:
    """The terms of a task's class, then those of its parent, and so on."""
    sources = task_source.chain(task, folder)
    if sources is None:
        return None
    return [
        term
        for source in sources
        for method in source.definition.body
        if isinstance(method, ast.FunctionDef)
        for decorator in method.decorator_list
        for term in _term(method.name, decorator)
    ]


def _term(method: str, decorator: ast.expr) -> List[Term]:
    """The term that a decorator such as `@observation(19)` makes of a method, if it makes one."""
    kind = decorator.func if isinstance(decorator, ast.Call) else decorator
    if not isinstance(kind, ast.Name) or kind.id not in KINDS:
        return []
    first = decorator.args[0] if isinstance(decorator, ast.Call) and decorator.args else None
    size = first.value if isinstance(first, ast.Constant) and isinstance(first.value, int) else None
    return [Term(kind.id, method, size)]
