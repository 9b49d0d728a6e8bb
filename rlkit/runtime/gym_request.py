"""What a request says about Gymnasium environments, and whether they can be had; without torch."""

from __future__ import annotations

import shlex
from typing import Any, Dict, List, Mapping, Tuple

from rlkit.config import Experiment
from rlkit.env.gym import installed
from rlkit.env.gym.request import recipe_arguments
from rlkit.env.spec import EnvError
from rlkit.runtime.stopping import StopAtOnce


def problems(experiment: Experiment) -> List[str]:
    """What is wrong with the environments asked for; makes each of them once, before there is a run folder."""
    with StopAtOnce():
        from rlkit.env.gym import making, member  # only here: no other task needs gymnasium

        try:
            return member.problems(making.recipes(**recipe_of(experiment)))
        except EnvError as error:
            return [str(error)]


def recipe_of(experiment: Experiment) -> Dict[str, Any]:
    """How the environments of the `env` and `task` sections are made: the arguments of `making.recipes`.

    Raises EnvError where there is no such wrapper as the task names, and where a run asks for code of its own.
    """
    sections = experiment.sections()
    return recipe_arguments(sections["env"], sections["task"], experiment.trusted)


def to_type(config: Mapping[str, Any]) -> Tuple[List[str], List[str]]:
    """The words that a test or resume of a run needs besides for what is not installed, and its modules.

    config: the sections of its config.yaml, whatever is in them.
    """
    env, task = config.get("env"), config.get("task")
    if not isinstance(env, dict) or not isinstance(task, dict) or task.get("engine") != "gymnasium":
        return [], []
    found = installed.uninstalled({"id": None, "ids": [], **env}, task)
    return [shlex.quote(words) for words in dict.fromkeys(found.values())], list(map(shlex.quote, found))
