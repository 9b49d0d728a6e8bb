"""What the `env` and `task` sections of a configuration say about Gymnasium environments."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Any, Callable, Collection, Mapping

from rlkit.env.api import EnvError
from rlkit.env.foreign import RAISED, boundary, failure
from rlkit.env.gym import installed


@dataclass(frozen=True)
class Wrapper:
    """`task.wrapper`, "module:function": called with an environment and the `task` section as a plain dict."""

    name: str
    function: Callable[[Any, dict[str, Any]], Any]
    task: dict[str, Any]

    def __call__(self, env: Any) -> Any:
        """The wrapped environment; raises EnvError for whatever the function raises, or returns in place of one."""
        with boundary(f"task.wrapper={self.name} failed"):
            wrapped = self.function(env, self.task)
        if not hasattr(wrapped, "step") or not hasattr(wrapped, "reset"):
            raise EnvError(
                f"task.wrapper={self.name} returned {wrapped!r:.200}, not an environment: it is called as"
                " function(env, task_section) and must return the environment to use"
            )
        return wrapped


def recipe_arguments(
    env: Mapping[str, Any], task: Mapping[str, Any], trusted: Collection[str]
) -> dict[str, Any]:
    """How the environments of two resolved sections, plain dicts, are made: the arguments of `making.recipes`.

    trusted: what may be imported from anywhere, see `installed.require`. Raises EnvError where the rest would import
    what is not installed, where there is no such wrapper as the task names, or an environment variable is not set.
    """
    env, task = _with_variables(env, task)
    installed.require(env, task, trusted)
    return {
        "ids": (env["id"],) if env["id"] is not None else tuple(env["ids"]),
        "kwargs": env["kwargs"],
        "packages": task.get("packages", ()),
        "wrap": _wrapper(task),
        "max_episode_length": None if task["episodeLength"] == "auto" else int(task["episodeLength"]),
    }


def _with_variables(
    env: Mapping[str, Any], task: Mapping[str, Any]
) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """The sections with the values of environment variables: files hold `${oc.env:NAME}` in their place."""
    if "${oc.env:" not in f"{env}{task}":
        return env, task
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    try:
        sections: Any = OmegaConf.to_container(OmegaConf.create({"env": env, "task": task}), resolve=True)
    except OmegaConfBaseException as error:
        raise EnvError(str(error).splitlines()[0]) from error
    return sections["env"], sections["task"]


def _wrapper(task: Mapping[str, Any]) -> Wrapper | None:
    """Raises EnvError where there is no such function, or its module cannot be imported."""
    name = task.get("wrapper")
    if name is None:
        return None
    module, _, function = str(name).partition(":")
    try:
        wrap = getattr(importlib.import_module(module), function)
    except (ImportError, AttributeError, ValueError) as error:
        raise EnvError(f"task.wrapper={name}: {error}; it must be <module>:<function>") from error
    except RAISED as error:
        raise failure(f"task.wrapper={name}: its module cannot be imported", error) from error
    return Wrapper(str(name), wrap, dict(task))
