"""What a request says about Gymnasium environments, and whether they can be had; without torch."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any, Mapping, Sequence

from rlkit.config import Experiment
from rlkit.config.checks import env_memory
from rlkit.config.facts.code import refused
from rlkit.config.facts.machine import Machine
from rlkit.config.words.imports import trusted_here
from rlkit.env.api import EnvError
from rlkit.env.gym import installed
from rlkit.env.gym.request import recipe_arguments
from rlkit.learners import cnn
from rlkit.learners.facts import LEARNERS, learner_facts
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
    """That the learner takes no images, its convolutions do not fit on them, or a rollout of them fills the memory."""
    images = {name: image for form in forms for name, image in form.images.items()}
    if not images:
        return []
    env_id, (name, image) = experiment.env.id, next(iter(images.items()))
    learner = str(experiment.train["learner"])
    row = learner_facts(learner)
    if row is None or not row.images:
        able = " or ".join(f"train=Gym{row.label}" for row in LEARNERS.values() if row.images)
        return [
            f"train.learner={learner}: env.id={env_id} observes {name}, an image {image}, and this learner takes"
            f" vectors of numbers alone; write {able}, or wrap the environment (task.wrapper) so that it shows its"
            " state"
        ]
    frames = int(experiment.task.get("history", 1))
    found = [cnn.problem(experiment.train["cnn"], name, image) for name, image in images.items()]
    size = frames * sum(form.obs_size for form in forms)
    return [line for line in found if line] or _rollout_too_large(experiment, size)


def _rollout_too_large(experiment: Experiment, size: int) -> list[str]:
    """That rollouts of observations of `size` bytes do not fit into memory, and how many envs do."""
    train, machine, device = experiment.train, Machine.detect(), experiment.env.device
    if experiment.training.test or "minibatch_size" not in train:
        return []
    on_cpu = device == "cpu"
    free = machine.memory if on_cpu else machine.gpu_memory(int(device.partition(":")[2] or 0))
    # A rollout is kept step by step, and once more env by env; a minibatch of it as float32
    each = 2 * train["horizon_length"] * size * (machine.ranks_here if on_cpu else 1)
    num_envs, minibatch = experiment.env.num_envs, 4 * size * train["minibatch_size"]
    needed = num_envs * each + minibatch
    if free is None or needed <= free:
        return []
    place = "main memory has" if on_cpu else "the GPU has"
    fits = max(1, int((env_memory.SHARE * free - minibatch) // each))
    return [
        f"env.numEnvs={num_envs}: a rollout of {train['horizon_length']} steps with images of {size} bytes needs"
        f" {needed / env_memory.GB:.1f} GB, {place} {free / env_memory.GB:.1f} free; env.numEnvs={fits} or a smaller"
        " train.horizon_length fits"
    ]


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
