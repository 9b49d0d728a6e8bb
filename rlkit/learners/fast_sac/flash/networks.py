"""FlashSAC's networks: residual blocks that batches normalise, their weights and gains on spheres.

After the code of FlashSAC's authors (arXiv 2604.04539). While critics learn, the present and the next states stand in
one batch, so that both are normalised alike (CrossQ: Bhatt et al. 2024, arXiv 1902.05605); `by_batch` says so. All else
goes by running statistics.
"""

from __future__ import annotations

import math
from typing import Sequence

import torch
from torch import Tensor, nn

from rlkit.env.api import EnvSpec
from rlkit.learners.fast_sac import actor
from rlkit.learners.fast_sac.settings import Settings
from rlkit.learners.off_policy.networks import NUM_CRITICS
from rlkit.learners.off_policy.simba import EXPANSION, OnSphere, UnitLinear

MOMENTUM = 0.01
BATCH_EPSILON, RMS_EPSILON = 1e-5, 1e-6


class BatchNorm(OnSphere):
    """Batch normalisation of `[members, B, width]`, gain and offset together of the length √width.

    mean, variance: `[members, 1, width]`, running, of the batches that were normalised by themselves.
    """

    mean: Tensor
    variance: Tensor

    def __init__(self, members: int, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(members, 1, width))
        self.bias = nn.Parameter(torch.zeros(members, 1, width))
        self.register_buffer("mean", torch.zeros(members, 1, width))
        self.register_buffer("variance", torch.ones(members, 1, width))

    def forward(self, x: Tensor, by_batch: bool) -> Tensor:
        """See the class."""
        x = x.float()
        mean, variance = self.mean, self.variance
        if by_batch:
            variance, mean = torch.var_mean(x, dim=1, correction=0, keepdim=True)
            self._follow(mean.detach(), variance.detach() * (x.shape[1] / (x.shape[1] - 1)))
        gain = self.weight * torch.rsqrt(variance + BATCH_EPSILON)
        return torch.addcmul(self.bias - mean * gain, x, gain)

    @torch.no_grad()
    def _follow(self, mean: Tensor, variance: Tensor) -> None:
        self.mean.lerp_(mean, MOMENTUM)
        self.variance.lerp_(variance, MOMENTUM)

    @torch.no_grad()
    def project(self) -> None:
        """See `OnSphere.project`."""
        square = (self.weight.square() + self.bias.square()).sum(-1, keepdim=True)
        factor = math.sqrt(self.weight.shape[-1]) * torch.rsqrt(square + 1e-8)
        self.weight *= factor
        self.bias *= factor


class RmsNorm(OnSphere):
    """Vectors `[members, B, width]` over the root of their mean square, times a gain of the length √width."""

    def __init__(self, members: int, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(members, 1, width))

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + RMS_EPSILON) * self.weight

    @torch.no_grad()
    def project(self) -> None:
        """See `OnSphere.project`."""
        square = self.weight.square().sum(-1, keepdim=True)
        self.weight *= math.sqrt(self.weight.shape[-1]) * torch.rsqrt(square + 1e-8)


class Block(nn.Module):
    """x `[members, B, width]` and what an inverted bottleneck makes of it, which is never negative."""

    def __init__(self, members: int, width: int) -> None:
        super().__init__()
        self.expand, self.contract = (
            UnitLinear(members, width, EXPANSION * width),
            UnitLinear(members, EXPANSION * width, width),
        )
        self.inner, self.outer = BatchNorm(members, EXPANSION * width), BatchNorm(members, width)

    def forward(self, x: Tensor, by_batch: bool) -> Tensor:
        """See the class."""
        hidden = torch.relu(self.inner(self.expand(x), by_batch))
        return x + torch.relu(self.outer(self.contract(hidden), by_batch))


class Torso(nn.Module):
    """`[B, inputs]` to vectors `[members, B, width]` of the length √width; units: one width a block, all equal."""

    def __init__(self, members: int, inputs: int, units: Sequence[int]) -> None:
        super().__init__()
        self.members, width = members, units[0]
        self.inputs = BatchNorm(members, inputs)
        self.embed = UnitLinear(members, inputs, width)
        self.blocks = nn.ModuleList(Block(members, width) for _ in units)
        self.norm = RmsNorm(members, width)

    def forward(self, x: Tensor, by_batch: bool = False) -> Tensor:
        """See the class."""
        x = self.embed(self.inputs(x.expand(self.members, *x.shape), by_batch))
        for block in self.blocks:
            x = block(x, by_batch)
        return self.norm(x)


class Head(nn.Module):
    """`[members, B, width]` to `[members, B, outputs]`: unit weights and an offset, 0 at first."""

    def __init__(self, members: int, width: int, outputs: int) -> None:
        super().__init__()
        self.linear = UnitLinear(members, width, outputs)
        self.bias = nn.Parameter(torch.zeros(members, 1, outputs))

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        return self.linear(x) + self.bias


class Critics(nn.Module):
    """Observations `[B, size]` and actions `[B, actions]` to logits `[critics, B, atoms]`."""

    def __init__(self, spec: EnvSpec, settings: Settings) -> None:
        super().__init__()
        units = settings.critic_units
        self.torso = Torso(NUM_CRITICS, spec.obs_sizes["critic"] + spec.num_actions, units)
        self.head = Head(NUM_CRITICS, units[0], settings.num_atoms)

    def forward(self, obs: Tensor, action: Tensor, by_batch: bool = False) -> Tensor:
        """See the class."""
        return self.head(self.torso(torch.cat([obs, action], -1), by_batch))


class Actor(actor.Actor):
    """As FastSAC's, with the networks of this page."""

    def __init__(self, spec: EnvSpec, settings: Settings) -> None:
        nn.Module.__init__(self)
        width, actions = settings.actor_units[0], spec.num_actions
        self.torso = Torso(1, spec.obs_sizes["policy"], settings.actor_units)
        self.head, self.log_std = Head(1, width, actions), Head(1, width, actions)
        self._bound(settings)

    def distribution(self, hidden: Tensor) -> tuple[Tensor, Tensor]:
        """See `Actor.distribution`; hidden: `[1, B, width]`."""
        mean, log_std = super().distribution(hidden)
        return mean.squeeze(0), log_std.squeeze(0)

    def forward(self, obs: Tensor) -> Tensor:
        """Observations `[B, size]` to actions `[B, actions]` in [-1, 1]: the tanh of the Gaussian's mean."""
        return super().forward(obs).squeeze(0)
