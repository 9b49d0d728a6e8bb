"""The settings of FastSAC: what it has beside those of its family."""

from __future__ import annotations

from dataclasses import dataclass

from rlkit.learners.off_policy.settings import OffPolicySettings
from rlkit.learners.settings import setting


@dataclass(frozen=True)
class Settings(OffPolicySettings):
    """The keys of `train`."""

    alpha_init: float = setting("float > 0", "", "temperature at the start: what a nat of entropy is worth")
    alpha_learning_rate: float = setting(
        "float in [0, 1]", "", "learning rate of its logarithm, of no schedule; 0: it stays"
    )
    target_entropy_ratio: float = setting(
        "float", "nats", "the entropy that it keeps is minus this for each action, of actions in [-1, 1]"
    )
    log_std_min: float = setting("float", "", "least logarithm of the policy's deviation, before the tanh")
    log_std_max: float = setting("float", "", "largest")
