"""The actor of SAC: a Gaussian squashed by tanh (Haarnoja et al. 2018, arXiv 1812.05905, appendix C)."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from rlkit.env.api import EnvSpec
from rlkit.learners.fast_sac.settings import Settings
from rlkit.learners.off_policy.networks import actor_head, actor_torso


class Actor(nn.Module):
    """Observations `[B, size]` (normalised) to actions `[B, actions]` in [-1, 1]: the tanh of the Gaussian's mean.

    The deviation's logarithm is kept between its bounds by another tanh; it starts in the middle of them.
    """

    def __init__(self, spec: EnvSpec, settings: Settings) -> None:
        super().__init__()
        self.torso, width = actor_torso(spec, settings)
        self.head = actor_head(width, spec.num_actions, settings.init_scale)
        self.log_std = actor_head(width, spec.num_actions, settings.init_scale)
        self._bound(settings)

    def _bound(self, settings: Settings) -> None:
        low, high = settings.log_std_min, settings.log_std_max
        self._middle, self._reach = (high + low) / 2, (high - low) / 2

    def forward(self, obs: Tensor) -> Tensor:
        """See the class."""
        return torch.tanh(self.head(self.torso(obs)).float())

    def sample(self, obs: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        """Actions `[B, actions]` and their log-density `[B]`; noise: `[B, actions]`, standard normal."""
        return squashed(*self.distribution(self.torso(obs)), noise)

    def distribution(self, hidden: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and logarithm of the deviation `[B, actions]` before the tanh, of what the torso gives `[B, width]`."""
        mean, raw = self.head(hidden).float(), self.log_std(hidden).float()
        return mean, self._middle + self._reach * torch.tanh(raw)


def squashed(mean: Tensor, log_std: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
    """Actions `[B, actions]` of this noise and their log-density `[B]`; all are `[B, actions]`."""
    before = mean + log_std.exp() * noise
    return torch.tanh(before), log_density(before, log_std, noise)


def log_density(before: Tensor, log_std: Tensor, noise: Tensor) -> Tensor:
    """Log-density `[B]` of the actions tanh(before); all are `[B, actions]`, before = mean + exp(log_std) noise.

    log N(before) - Σ log(1 - tanh²(before)), the latter as 2 (log 2 - x - softplus(-2 x)), which never is log 0.
    """
    gaussian = -0.5 * noise.square() - log_std - 0.5 * math.log(2.0 * math.pi)
    squash = 2.0 * (math.log(2.0) - before - softplus(-2.0 * before))
    return (gaussian - squash).sum(-1)
