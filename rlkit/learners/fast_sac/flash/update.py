"""What FlashSAC learns by: FastSAC's losses on joint batches; the temperature learns with the actor."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from rlkit.env.api import EnvSpec
from rlkit.learners import ranks
from rlkit.learners.fast_sac import update
from rlkit.learners.fast_sac.flash.losses import actor_loss, critic_loss
from rlkit.learners.fast_sac.flash.networks import Actor, BatchNorm, Critics
from rlkit.learners.off_policy.losses import Info
from rlkit.learners.off_policy.replay.buffer import Batch


class Update(update.Update):
    """See the base class; the learning rate of the temperature falls as the actor's does."""

    plain_critic_loss = staticmethod(critic_loss)
    plain_actor_loss = staticmethod(actor_loss)

    def _make_actor(self, spec: EnvSpec) -> Actor:
        return Actor(spec, self.settings)

    def _make_critics(self, spec: EnvSpec) -> Critics:
        return Critics(spec, self.settings)

    def _looked_ahead(self, batch: Batch, log_prob: Tensor) -> None:
        """Nothing is learnt of the next states' entropy."""

    def _judge_actor(self, batch: Batch) -> tuple[Tensor, Info]:
        loss, info = super()._judge_actor(batch)
        self._entropy = info["policy/entropy"]
        return loss, info

    def update_actor(self, batch: Batch) -> None:
        """See the base class; then the temperature learns of the entropy that the actor had."""
        super().update_actor(batch)
        self._update_temperature(self._entropy)

    def _step(self, optimizer: torch.optim.Optimizer, module: nn.Module, loss: Tensor) -> Tensor:
        norm = super()._step(optimizer, module, loss)
        layers = [layer for layer in module.modules() if isinstance(layer, BatchNorm)]
        ranks.average([tensor for layer in layers for tensor in (layer.mean, layer.variance)])
        return norm

    def _rates(self) -> list[tuple[torch.optim.Optimizer, float, float]]:
        settings = self.settings
        start, fall = (
            settings.alpha_learning_rate,
            settings.actor_learning_rate_end / settings.actor_learning_rate,
        )
        return [*super()._rates(), (self.alpha_optimizer, start, start * fall)]
