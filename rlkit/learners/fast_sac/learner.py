"""FastSAC behind the `Learner` seam."""

from __future__ import annotations

from functools import partial
from typing import Callable

import torch
from torch import Tensor

from rlkit.learners.fast_sac.settings import Settings
from rlkit.learners.fast_sac.update import Update
from rlkit.learners.off_policy.learner import OffPolicy


class FastSAC(OffPolicy):
    """Soft actor-critic for many environments (Seo et al. 2025, arXiv 2512.01996), and plain SAC; see docs/learners.md.

    The policy is a distribution and explores by its samples; without noise it is the tanh of the Gaussian's mean.
    """

    settings_class = Settings
    update_class = Update
    shape = ("log_std_min", "log_std_max")
    actor_layers = ("update.actor.torso.", "update.actor.head.")

    def _act(self, obs: Tensor) -> Tensor:
        return self._sampled(obs, generator=self.generator)

    def _explorer(self, generator: torch.Generator) -> Callable[[Tensor], Tensor]:
        return partial(self._sampled, generator=generator)

    def _sampled(self, obs: Tensor, generator: torch.Generator) -> Tensor:
        shape = (len(obs), self.spec.num_actions)
        noise = torch.randn(shape, generator=generator, device=self.spec.device)
        return self.update.actor.sample(obs, noise)[0]
