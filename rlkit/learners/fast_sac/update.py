"""What SAC learns by: the soft value of the policy's samples, at a temperature that keeps their entropy."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from rlkit.env.api import EnvSpec
from rlkit.learners.fast_sac.actor import Actor
from rlkit.learners.fast_sac.losses import actor_loss, alpha_loss, with_entropy
from rlkit.learners.fast_sac.settings import Settings
from rlkit.learners.off_policy import update
from rlkit.learners.off_policy.losses import Info
from rlkit.learners.off_policy.replay.buffer import Batch


class Temperature(nn.Module):
    """What a nat of the policy's entropy is worth beside rewards: exp of a parameter, so that it stays above 0."""

    def __init__(self, start: float) -> None:
        super().__init__()
        self.log_alpha = nn.Parameter(torch.tensor(math.log(start)))

    def forward(self) -> Tensor:
        """Alpha, 0-dim, without gradient."""
        return self.log_alpha.detach().exp()


class Update(update.Update):
    """See the base class; the temperature learns with each update of the critics, of the entropy at the next states."""

    settings: Settings
    actor: Actor
    plain_actor_loss = staticmethod(actor_loss)

    def _make_actor(self, spec: EnvSpec) -> Actor:
        return Actor(spec, self.settings)

    def _make_networks(self, spec: EnvSpec) -> None:
        super()._make_networks(spec)
        self.temperature = Temperature(self.settings.alpha_init).to(spec.device)
        self.target_entropy = -self.settings.target_entropy_ratio * spec.num_actions
        self._actor_learns = True

    def _make_optimizers(self) -> None:
        super()._make_optimizers()
        # No decay: it would pull the logarithm to 0, which is alpha = 1
        self.alpha_optimizer = self._adamw(self.temperature, self.settings.alpha_learning_rate, 0.0)

    def turn(self, phase: int, actor_learns: bool) -> None:
        """See the base class; while the actor waits its entropy cannot change, and the temperature waits too."""
        self._actor_learns = actor_learns
        super().turn(phase, actor_learns)

    def _look_ahead(self, batch: Batch) -> tuple[Batch, Tensor]:
        with torch.no_grad(), self._precision():
            action, log_prob = self.actor.sample(batch.next_policy, self._noise(batch))
        alpha = self.temperature()
        self.meter.add("temperature", {"policy/alpha": alpha})
        self._looked_ahead(batch, log_prob)
        return with_entropy(batch, log_prob, alpha), action

    def _looked_ahead(self, batch: Batch, log_prob: Tensor) -> None:
        """The temperature learns of the entropy at the next states; log_prob: `[B]`, without gradient."""
        if self._actor_learns:
            self._update_temperature(-(log_prob * batch.weight).sum() / batch.weight.sum().clamp_min(1.0))

    def _update_temperature(self, entropy: Tensor) -> None:
        if self.settings.alpha_learning_rate == 0:
            return
        loss = alpha_loss(self.temperature.log_alpha, entropy, self.target_entropy)
        self._step(self.alpha_optimizer, self.temperature, loss)
        self.meter.add("alpha", {"losses/alpha": loss})

    def _judge_actor(self, batch: Batch) -> tuple[Tensor, Info]:
        networks = self.actor, self.critics, self.atoms
        return self.actor_loss(
            batch, self._noise(batch), self.temperature(), *networks, self.settings.use_cdq
        )

    def _modules(self) -> dict[str, nn.Module]:
        return {**super()._modules(), "temperature": self.temperature}

    def _optimizers(self) -> dict[str, torch.optim.Optimizer]:
        return {**super()._optimizers(), "alpha_optimizer": self.alpha_optimizer}
