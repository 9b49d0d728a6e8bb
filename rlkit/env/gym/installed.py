"""What a run or a recording may have imported: packages that were installed, never a file that came with it."""

from __future__ import annotations

import sys
from typing import Any, Collection, Iterator, Mapping

from rlkit.env.api import EnvError
from rlkit.packages import train_command
from rlkit.plugins.installed import why_not


def require(env: Mapping[str, Any], task: Mapping[str, Any], trusted: Collection[str]) -> None:
    """Raise EnvError where the sections `env` and `task` would import what is neither installed nor trusted.

    trusted: values of these settings that were typed or stand in the project's files, or names of modules.
    """
    for value, module, words in _imports(env, task):
        # What is loaded already runs nothing when it is imported; of a wrapper a function would be called.
        loaded = module in sys.modules and not words.startswith("task.wrapper")
        if loaded or value in trusted or module in trusted:
            continue
        problem = why_not(module)
        if problem is not None:
            raise EnvError(
                f"{words}: a run or recording asks for this, and it would import {module}, which {problem}. If you know"
                f" what it does, say so: type {words} with {train_command()}, --trust {module} with rlkit"
            )


def uninstalled(env: Mapping[str, Any], task: Mapping[str, Any]) -> dict[str, str]:
    """Module -> the words that ask for it, of what these sections import and `require` refuses untyped."""
    return {module: words for _, module, words in _imports(env, task) if why_not(module) is not None}


def _imports(env: Mapping[str, Any], task: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """(value, module, the words that ask for it) of every setting that imports."""
    packages, wrapper = list(task.get("packages") or ()), task.get("wrapper")
    for package in packages:
        yield str(package), str(package), f"task.packages=[{','.join(map(str, packages))}]"
    if wrapper is not None:
        yield str(wrapper), str(wrapper).partition(":")[0], f"task.wrapper={wrapper}"
    ids = [str(name) for name in env["ids"] or ()]
    for name in [str(env["id"])] if env["id"] is not None else ids:
        module = name.rpartition(":")[0]
        if module:
            yield name, module, f"env.ids=[{','.join(ids)}]" if env["id"] is None else f"env.id={name}"
