"""What a request says about Gymnasium environments, and whether they can be had; without torch."""

from __future__ import annotations

from typing import Any, Dict, List

from rlkit.config import Experiment
from rlkit.env.gym.request import recipe_arguments
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

    Raises EnvError where there is no such wrapper as the task names, and where a run asks for code of its own.
    """
    sections = experiment.sections()
    return recipe_arguments(sections["env"], sections["task"], experiment.trusted)
