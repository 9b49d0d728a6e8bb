"""What TD3 learns by: one action looks ahead, smoothed by noise; a slow copy of the actor may choose it."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from rlkit.env.api import EnvSpec
from rlkit.learners.fast_td3.actor import Actor
from rlkit.learners.fast_td3.losses import actor_loss, target_actions
from rlkit.learners.fast_td3.settings import Settings
from rlkit.learners.off_policy import update
from rlkit.learners.off_policy.losses import Info
from rlkit.learners.off_policy.replay.buffer import Batch


class Update(update.Update):
    """See the base class."""

    settings: Settings
    actor: Actor
    plain_actor_loss = staticmethod(actor_loss)

    def _make_actor(self, spec: EnvSpec) -> Actor:
        return Actor(spec, self.settings)

    def _make_networks(self, spec: EnvSpec) -> None:
        super()._make_networks(spec)
        self.target_actor: Any = self.actor
        if self.settings.target_actor:
            self.target_actor = update.frozen_copy(self.actor)

    def _look_ahead(self, batch: Batch) -> tuple[Batch, Tensor]:
        noise = self._noise(batch) * self.settings.policy_noise
        with torch.no_grad(), self._precision():
            action = target_actions(self.target_actor, batch.next_policy, noise, self.settings.noise_clip)
        return batch, action

    def _judge_actor(self, batch: Batch) -> tuple[Tensor, Info]:
        return self.actor_loss(batch, self.actor, self.critics, self.atoms, self.settings.use_cdq)

    def _targets_follow(self, actor_moved: bool) -> None:
        if not self.settings.target_actor:
            super()._targets_follow(actor_moved)
        elif actor_moved:  # plain TD3 moves all targets with the delayed actor
            update.follow(self.target_critics, self.critics, self.settings.tau)
            update.follow(self.target_actor, self.actor, self.settings.tau)

    def _modules(self) -> dict[str, nn.Module]:
        modules = super()._modules()
        return {**modules, "target_actor": self.target_actor} if self.settings.target_actor else modules
