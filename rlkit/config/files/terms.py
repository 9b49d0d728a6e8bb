"""The terms of a task, read from its source without importing it."""

from __future__ import annotations

import ast
from typing import Any, Mapping, NamedTuple

from rlkit.config.files import task_source
from rlkit.tasks.robots.legged import sizes_of

KINDS = ("observation", "reward", "success", "failure", "metric", "fact")


class Term(NamedTuple):
    """One method of a task that is marked as a term; size, alias: of an observation, where the source says them.

    A size that is a text is that of an attribute of the task.
    """

    kind: str
    name: str
    size: int | str | None
    alias: str | None


def term_names(task: str) -> Mapping[str, frozenset[str]] | None:
    """Kind -> names of the methods that a task's class and its parents mark as terms.

    None where the class cannot be followed from the source alone, see task_source.chain: the task itself then says
    at its making what it does not know.
    """
    found: dict[str, set[str]] = {kind: set() for kind in KINDS}
    terms = _terms(task)
    if terms is None:
        return None
    for term in terms:
        found[term.kind].add(term.name)
    return {kind: frozenset(names) for kind, names in found.items()}


def observation_sizes(task: Mapping[str, Any]) -> Mapping[str, int] | None:
    """Observation term -> how many numbers it has in a `task` section, of those whose source and robot say it.

    None as in term_names.
    """
    terms = _terms(task_source.named(task))
    if terms is None:
        return None
    counts = sizes_of(task)
    sizes: dict[str, int | str | None] = {}
    for term in terms:  # the class itself first: what it defines anew counts
        sizes.setdefault(term.name, term.size)
    found = {name: counts.get(size) if isinstance(size, str) else size for name, size in sizes.items()}
    return {name: size for name, size in found.items() if size is not None}


def frames(task: Mapping[str, Any], term: str) -> int:
    """How many of its latest values a term of the policy's observation shows in a `task` section."""
    terms = task.get("historyTerms") or [term]
    return int(task.get("history", 1)) if term in terms else 1


def unaliased(task: Mapping[str, Any]) -> dict[str, Any]:
    """The `task` section with observation terms by their own names where it has one of their aliases."""
    terms = _terms(task_source.named(task)) or []
    names = {term.alias: term.name for term in terms if term.alias}
    names.update((term.name, term.name) for term in terms)
    result = dict(task)
    if "observations" in task:
        result["observations"] = [names.get(name, name) for name in task["observations"]]
    if "historyTerms" in task:
        result["historyTerms"] = [names.get(name, name) for name in task["historyTerms"]]
    if task.get("groups"):
        groups = task["groups"]
        result["groups"] = {group: [names.get(n, n) for n in terms] for group, terms in groups.items()}
    random = task.get("randomization", {})
    if random.get("observationNoise"):
        noise = {names.get(name, name): deviation for name, deviation in random["observationNoise"].items()}
        result["randomization"] = {**random, "observationNoise": noise}
    return result


def _terms(task: str) -> list[Term] | None:
    """The terms of a task's class, then those of its parent, and so on."""
    sources = task_source.chain(task)
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


def _term(method: str, decorator: ast.expr) -> list[Term]:
    """The term that a decorator such as `@observation(19, alias="q")` makes of a method, if it makes one."""
    kind = decorator.func if isinstance(decorator, ast.Call) else decorator
    if not isinstance(kind, ast.Name) or kind.id not in KINDS:
        return []
    first = decorator.args[0] if isinstance(decorator, ast.Call) and decorator.args else None
    size = first.value if isinstance(first, ast.Constant) and isinstance(first.value, (int, str)) else None
    words = decorator.keywords if isinstance(decorator, ast.Call) else []
    aliases = (word.value for word in words if word.arg == "alias")
    alias = next((str(node.value) for node in aliases if isinstance(node, ast.Constant)), None)
    return [Term(kind.id, method, size, alias)]
