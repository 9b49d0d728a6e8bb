"""The reward of following a reference: a discriminator that learns to tell differences to it from none."""

from __future__ import annotations

import torch
from torch import Tensor

from rlkit.env.api import VecEnv
from rlkit.learners.ppo.normalizer import ScaleNormalizer
from rlkit.learners.ppo.style.discriminator import Discriminator, loss_of
from rlkit.learners.ppo.style.reward import StyleReward


class DifferenceReward(StyleReward):
    """Judges differences between a reference and the robot: the data is the difference of 0, where both are the same.

    The normaliser shifts nothing, so that 0 is 0 to the discriminator too, and learns from the robot alone. Rollouts
    pull away from a single point, so the slope is penalised there and at the rollout.
    """

    def _discriminator(self, size: int) -> Discriminator:
        return Discriminator(size, self.settings.disc_units, ScaleNormalizer(size))

    def shown(self, env: VecEnv) -> Tensor:
        """Differences of 0, `[2 disc_batch_size, S]`."""
        rows, size = 2 * self.settings.disc_batch_size, self.replay.rows.shape[1]
        return torch.zeros(rows, size, device=self.replay.rows.device)

    @torch.no_grad()
    def measured(self, played: Tensor, shown: Tensor) -> dict[str, Tensor]:
        """See `StyleReward.measured`; the metric is how large the differences are, of their mean so far."""
        norm = self.discriminator.norm
        norm.update(played)
        return {"style/difference": norm(played).abs().mean()}

    def loss(self, shown: Tensor, played: Tensor, replayed: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """See `StyleReward.loss`."""
        return loss_of(self.discriminator, shown, played, replayed, self.settings, smooth_at_both=True)
