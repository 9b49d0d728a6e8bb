"""What cannot be where a policy sees images, whatever they are of."""

from __future__ import annotations

from typing import Mapping

from rlkit.config.checks import env_memory
from rlkit.config.facts.machine import Machine
from rlkit.config.schema.types import Plain
from rlkit.env.images import Image
from rlkit.learners import cnn
from rlkit.learners.facts import LEARNERS, learner_facts


def check(
    plain: Plain, machine: Machine, images: Mapping[str, Image], size: int, of: str, instead: str
) -> list[str]:
    """That the learner takes no images, its convolutions do not fit on them, or a rollout of them fills the memory.

    images: by name, of one frame. size: bytes of an observation of one frame. of: what observes them. instead: what to
    do where the learner takes none.
    """
    learner, (name, image) = str(plain["train"]["learner"]), next(iter(images.items()))
    row = learner_facts(learner)
    if row is None or not row.images:
        return [
            f"train.learner={learner}: {of} observes {name}, an image {image}, and this learner takes vectors of"
            f" numbers alone; {instead}"
        ]
    found = [cnn.problem(plain["train"]["cnn"], name, image) for name, image in images.items()]
    frames = int(plain["task"].get("history", 1))
    return [line for line in found if line] or _rollout_too_large(plain, machine, frames * size)


def able() -> list[str]:
    """The labels of the learners that take images, as their train files end."""
    return [row.label for row in LEARNERS.values() if row.images]


def _rollout_too_large(plain: Plain, machine: Machine, size: int) -> list[str]:
    """That rollouts of observations of `size` bytes do not fit into memory, and how many envs do."""
    train, device = plain["train"], plain["env"]["device"]
    if plain["training"]["test"] or "minibatch_size" not in train:
        return []
    on_cpu = device == "cpu"
    free = machine.memory if on_cpu else machine.gpu_memory(int(device.partition(":")[2] or 0))
    # A rollout is kept step by step, and once more env by env; a minibatch of it as float32
    each = 2 * train["horizon_length"] * size * (machine.ranks_here if on_cpu else 1)
    num_envs, minibatch = plain["env"]["numEnvs"], 4 * size * train["minibatch_size"]
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
