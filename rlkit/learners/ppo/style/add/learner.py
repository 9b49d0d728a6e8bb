"""ADD: PPO that is rewarded for differing from a reference as little as nothing at all."""

from __future__ import annotations

from typing import Any

from rlkit.learners.ppo.style.add.reward import DifferenceReward
from rlkit.learners.ppo.style.add.settings import Settings
from rlkit.learners.ppo.style.learner import AMP
from rlkit.learners.ppo.style.reward import StyleReward


class ADD(AMP):
    """Adversarial differential discriminators (Zhang et al. 2025, arXiv 2505.04961) on PPO; see docs/style.md.

    Further arguments and errors as of PPO; its env must have an observation group `difference`, 0 where the robot is
    as the reference.
    """

    groups = ("policy", "critic", "difference")
    label = "ADD"
    settings_class = Settings

    def _make_style(self, settings: Any, size: int) -> StyleReward:
        return DifferenceReward(settings, size, self.spec.device)
