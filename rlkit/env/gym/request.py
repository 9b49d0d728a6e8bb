"""What the `env` and `task` sections of a configuration say about Gymnasium environments."""

from __future__ import annotations

import importlib
from functools import partial
from typing import Any, Callable, Collection, Dict, Mapping, Optional

from rlkit.env.gym import installed
from rlkit.env.spec import EnvError


def recipe_arguments(
    env: Mapping[str, Any], task: Mapping[str, Any], trusted: Collection[str]
) -> Dict[str, Any]:
    """How the environments of two resolved sections, plain dicts, are made: the arguments of `making.recipes`.

    trusted: what may be imported from anywhere, see `installed.require`. Raises EnvError where the rest would import
    what is not installed, and where there is no such wrapper as the task names.
    """
    installed.require(env, task, trusted)
    return {
        "ids": (env["id"],) if env["id"] is not None else tuple(env["ids"]),
        "kwargs": env["kwargs"],
        "packages": task.get("packages", ()),
        "wrap": _wrapper(task),
        "max_episode_length": None if task["episodeLength"] == "auto" else int(task["episodeLength"]),
    }


def _wrapper(task: Mapping[str, Any]) -> Optional[Callable[[Any], Any]]:
    """`task.wrapper`, "module:function": it is called with an environment and the `task` section as a plain dict.

    Raises EnvError where there is no such function.
    """
    name = task.get("wrapper")
    if name is None:
        return None
    module, _, function = str(name).partition(":")
    try:
        wrap = getattr(importlib.import_module(module), function)
    except (ImportError, AttributeError, ValueError) as error:
        raise EnvError(f"task.wrapper={name}: {error}; it must be <module>:<function>") from error
    return partial(_wrapped, wrap, dict(task))


def _wrapped(wrap: Callable[[Any, Dict[str, Any]], Any], task: Dict[str, Any], env: Any) -> Any:
    return wrap(env, task)
