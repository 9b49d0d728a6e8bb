"""The settings of FastTD3: what it has beside those of its family."""

from __future__ import annotations

from dataclasses import dataclass

from rlkit.learners.off_policy.settings import OffPolicySettings
from rlkit.learners.settings import setting


@dataclass(frozen=True)
class Settings(OffPolicySettings):
    """The keys of `train`."""

    target_actor: bool = setting("bool", "", "a slow copy of the actor gives the target's actions")
    policy_noise: float = setting("float >= 0", "", "noise on the target's actions, standard deviation")
    noise_clip: float = setting("float >= 0", "", "largest noise on the target's actions, each way")
    std_min: float = setting("float >= 0", "", "smallest standard deviation of the exploration noise")
    std_max: float = setting("float >= 0", "", "largest; every environment draws its own for each episode")
    action_squash: str = setting("tanh|clip", "", "how the actor's output is kept in [-1, 1]")
