"""What a request says about Gymnasium environments, and whether they can be had; without torch."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any, Mapping, Sequence

from rlkit.config import Experiment
from rlkit.config.checks import env_memory, images
from rlkit.config.facts.code import refused
from rlkit.config.facts.machine import Machine
from rlkit.config.words.imports import trusted_here
from rlkit.env.api import EnvError
from rlkit.env.gym import installed
from rlkit.env.gym.request import recipe_arguments
from rlkit.runtime.process.stopping import StopAtOnce

if TYPE_CHECKING:
    from rlkit.env.gym.making import Recipe
    from rlkit.env.gym.member import Form


def problems(experiment: Experiment) -> list[str]:
    """What is wrong with the environments asked for; makes each of them once, before there is a run folder."""
    with StopAtOnce():
        from rlkit.env.gym import making, member  # only here: no other task needs gymnasium

        try:
            recipes, forms = making.recipes(**recipe_of(experiment)), []
            return (
                member.problems(recipes, forms)
                or _images(experiment, forms)
                or _too_large(experiment, recipes, forms)
            )
        except EnvError as error:
            return [str(error)]


def _images(experiment: Experiment, forms: Sequence[Form]) -> list[str]:
    """What cannot be where the environments observe images."""
    found = {name: image for form in forms for name, image in form.images.items()}
    if not found:
        return []
    able = " or ".join(f"train=Gym{label}" for label in images.able())
    return images.check(
        experiment.sections(),
        Machine.detect(),
        found,
        sum(form.obs_size for form in forms),
        f"env.id={experiment.env.id}",
        f"write {able}, or wrap the environment (task.wrapper) so that it shows its state",
    )


def _too_large(experiment: Experiment, recipes: Sequence[Recipe], forms: Sequence[Form]) -> list[str]:
    """That so many environments do not fit into main memory, where the task does not say what one takes."""
    sections, machine = experiment.sections(), Machine.detect()
    if sections["task"].get("envMemory", "auto") != "auto":
        return []  # checked with the settings
    from rlkit.env.gym import member

    grown = float(sum(form.memory for form in forms))  # with all that was imported: an upper bound
    if env_memory.too_much(sections, grown, machine) is None:
        return []
    problem = env_memory.too_much(sections, float(sum(map(member.memory_of, recipes))), machine)
    return [] if problem is None else [problem]


def recipe_of(experiment: Experiment) -> dict[str, Any]:
    """How the environments of the `env` and `task` sections are made: the arguments of `making.recipes`.

    Raises EnvError where there is no such wrapper as the task names, and where a run asks for code of its own.
    """
    sections = experiment.sections()
    return recipe_arguments(sections["env"], sections["task"], experiment.trusted)


def to_type(config: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """The words that a test or resume of a run needs besides for what is not installed, and its modules.

    config: the sections of its config.yaml, whatever is in them.
    """
    env, task = config.get("env"), config.get("task")
    if not isinstance(env, dict) or not isinstance(task, dict):
        return [], []
    found = {module: words for module, (words, _) in refused(config, trusted_here(config)).items()}
    if task.get("engine") == "gymnasium":
        found.update(installed.uninstalled({"id": None, "ids": [], **env}, task))
    return [shlex.quote(words) for words in dict.fromkeys(found.values())], list(map(shlex.quote, found))
