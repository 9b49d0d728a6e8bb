"""The settings of AMP: PPO's, and those of the discriminator."""

from __future__ import annotations

from dataclasses import dataclass

from rlkit.learners.ppo.settings import Settings as PPOSettings
from rlkit.learners.settings import setting


@dataclass(frozen=True)
class Settings(PPOSettings):
    """The keys of `train`; docs/style.md says more of those that matter most."""

    style_weight: float = setting("float >= 0", "", "weight of the style's reward")
    task_weight: float = setting("float >= 0", "", "weight of the task's own reward, behind reward_scale")
    disc_units: tuple[int, ...] = setting("list of int >= 1", "", "hidden layers of the discriminator")
    disc_learning_rate: float = setting("float in (0, 1]", "", "learning rate of the discriminator")
    disc_batch_size: int = setting(
        "int >= 2", "samples", "of the data, of the rollout and of the replay, in each update of it"
    )
    disc_updates: int = setting("int >= 1", "", "updates of it in one iteration")
    disc_gradient_penalty: float = setting("float >= 0", "", "weight of its squared slope at the data")
    disc_logit_penalty: float = setting("float >= 0", "", "weight of the squared weights of its last layer")
    disc_weight_decay: float = setting("float >= 0", "", "weight of the squares of all its weights")
    replay_size: int = setting("int >= 1", "samples", "the policy's motion that is kept for it")
    replay_keep: int = setting("int >= 1", "samples", "how many of each rollout, once it is full")
    save_buffer: bool = setting("bool", "", "save the replay with the last checkpoint, for an exact resume")
