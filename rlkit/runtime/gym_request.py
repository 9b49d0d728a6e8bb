"""What a request says about Gymnasium environments, and whether they can be had; without torch."""

from __future__ import annotations

import importlib
from functools import partial
from typing import Any, Callable, Dict, List, Mapping, Optional

from rlkit.config import Experiment
from rlkit.config.experiment import thaw
from rlkit.env.spec import EnvError
from rlkit.runtime.stopping import StopAtOnce


def problems(experiment: Experiment) -> List[str]:
    """What is wrong with the environments asked for; makes each of them once, before there is a run folder."""
    with StopAtOnce():
        from rlkit.env.gym import making  # only here: no other task needs gymnasium

        try:
            return making.problems(making.recipes(**recipe_of(experiment)))
        except EnvError as error:
            return [str(error)]


def recipe_of(experiment: Experiment) -> Dict[str, Any]:
    """How the environments of the `env` and `task` sections are made: the arguments of `making.recipes`.

    Raises EnvError where there is no such wrapper as the task names.
    """
    env, task = experiment.env, experiment.task
    return {
        "ids": (env.id,) if env.id is not None else env.ids,
        "kwargs": env.kwargs,
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
    return partial(_wrapped, wrap, thaw(task))


def _wrapped(wrap: Callable[[Any, Dict[str, Any]], Any], task: Dict[str, Any], env: Any) -> Any:
    return wrap(env, task)
