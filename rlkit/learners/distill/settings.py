"""The settings of students that learn a teacher's actions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Mapping

from rlkit.learners.settings import LearnerSettings, setting


@dataclass(frozen=True)
class StudentSettings(LearnerSettings):
    """What every student has; docs/distill.md says more of it."""

    teacher_share: float = setting(
        "float in [0, 1]", "", "share of the steps in which the teacher acts at first"
    )
    teacher_iterations: int = setting("int >= 0", "iterations", "in which that share falls to 0, evenly")
    noise: float = setting(
        "float >= 0", "", "standard deviation of the noise on the student's actions in training"
    )
    mini_epochs: int = setting("int >= 1", "", "passes over the data of one iteration")
    minibatch_size: int = setting(
        "int >= 1", "samples", "of the rollout in a gradient step; of the replay come as many more"
    )
    learning_rate: float = setting("float in (0, 1]", "", "of Adam")
    max_grad_norm: float = setting("float >= 0", "", "largest norm of the gradient; 0: any")
    obs_normalization: bool = setting("bool", "", "normalise observations by running statistics")
    replay_size: int = setting("int >= 0", "samples", "of earlier rollouts that are learnt from too; 0: none")
    save_buffer: bool = setting("bool", "", "save the replay with the last checkpoint, for an exact resume")
    activation: str = setting("relu|silu|elu|gelu|tanh", "", "of hidden layers")


@dataclass(frozen=True)
class Settings(StudentSettings):
    """The keys of `train`."""

    teacher: str | None = setting(
        "text or null",
        "",
        "run whose policy is learnt from, named as for checkpoint=; needed in training alone",
    )
    network: str = setting(
        "mlp or network", "", "the network: plain, or a class of yours, as my_project.nets:Net"
    )
    network_settings: Mapping[str, Any] = setting("any", "", "what your class takes by this name")
    units: tuple[int, ...] = setting("list of int >= 1", "", "widths of the hidden layers")
