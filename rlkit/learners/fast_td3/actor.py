"""The actor of TD3: one action for an observation."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from rlkit.env.api import EnvSpec
from rlkit.learners.fast_td3.settings import Settings
from rlkit.learners.off_policy.networks import actor_head, actor_torso


class Actor(nn.Module):
    """Observations `[B, size]` (normalised) to actions `[B, actions]` in [-1, 1], near 0 at the start."""

    def __init__(self, spec: EnvSpec, settings: Settings) -> None:
        super().__init__()
        self.torso, width = actor_torso(spec, settings)
        self.head = actor_head(width, spec.num_actions, settings.init_scale)
        self.squash = torch.tanh if settings.action_squash == "tanh" else _clip

    def forward(self, obs: Tensor) -> Tensor:
        """See the class."""
        return self.squash(self.head(self.torso(obs)).float())


def _clip(x: Tensor) -> Tensor:
    return x.clamp(-1.0, 1.0)
