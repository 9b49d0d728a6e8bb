"""Hyperspherical residual networks (SimbaV2: Lee et al. 2025, arXiv 2502.15280).

Features and weights live on the unit sphere: a layer's output is a vector of cosines, and learnt scalers bring back
the magnitude. `project` puts the weights back on the sphere after every optimiser step.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import Iterable, Sequence

import torch
from torch import Tensor, nn

SHIFT = 3.0  # appended to the input before it is normalised, so that its magnitude is not lost
EXPANSION = 4


class Torso(nn.Module):
    """`[B, inputs]` to unit vectors `[B, width]`, or `[members, B, width]` where members is given.

    units: one width a block, all equal.
    """

    def __init__(self, members: int | None, inputs: int, units: Sequence[int]) -> None:
        super().__init__()
        width = units[0]
        self.members = members
        self.embed = UnitLinear(members or 1, inputs + 1, width)
        self.embed_scale = Scaler(members or 1, width, math.sqrt(2.0 / width), math.sqrt(2.0 / width))
        self.blocks = nn.Sequential(*(Block(members or 1, width, len(units)) for _ in units))

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        x = _unit(nn.functional.pad(x, (0, 1), value=SHIFT))
        x = self.blocks(_unit(self.embed_scale(self.embed(x))))
        return x if self.members is not None else x.squeeze(0)


class Block(nn.Module):
    """A step on the sphere from x `[members, B, width]` towards what an inverted bottleneck makes of it.

    LERP, then normalised.
    """

    def __init__(self, members: int, width: int, blocks: int) -> None:
        super().__init__()
        inner = EXPANSION * width
        self.expand = UnitLinear(members, width, inner)
        self.scale = Scaler(members, inner, math.sqrt(2.0 / width), math.sqrt(2.0 / width))
        self.contract = UnitLinear(members, inner, width)
        self.step = Scaler(members, width, 1.0 / (blocks + 1), 1.0 / math.sqrt(width))

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        moved = _unit(self.contract(nn.functional.relu(self.scale(self.expand(x)))))
        return _unit(x + self.step(moved - x))


class OnSphere(nn.Module, ABC):
    """A layer whose parameters are put back on a sphere after every step of an optimiser."""

    @abstractmethod
    def project(self) -> None:
        """Put them back, in place."""


class UnitLinear(OnSphere):
    """Linear layers without bias whose weight vectors have unit length: `weight` `[members, inputs, outputs]`.

    `[B, inputs]` (shared) or `[members, B, inputs]` to `[members, B, outputs]`.
    """

    def __init__(self, members: int, inputs: int, outputs: int) -> None:
        super().__init__()
        weights = [nn.init.orthogonal_(torch.empty(inputs, outputs)) for _ in range(members)]
        self.weight = nn.Parameter(torch.stack(weights))
        self.project()

    @torch.no_grad()
    def project(self) -> None:
        """Put the weight vector of every output back on the unit sphere."""
        self.weight /= self.weight.norm(dim=1, keepdim=True).clamp_min(1e-8)

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        return torch.bmm(x.expand(self.weight.shape[0], *x.shape[-2:]), self.weight)


class Scaler(nn.Module):
    """A learnt factor for each feature of `[members, B, width]`: from `start`, learning as if it began at `scale`."""

    def __init__(self, members: int, width: int, start: float, scale: float) -> None:
        super().__init__()
        self.factor = nn.Parameter(torch.full((members, 1, width), scale))
        self.gain = start / scale

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        return x * (self.factor * self.gain)


def project(modules: Iterable[nn.Module]) -> None:
    """Project all layers on spheres among `modules`, after an optimiser step."""
    for module in modules:
        if isinstance(module, OnSphere):
            module.project()


def _unit(x: Tensor) -> Tensor:
    return nn.functional.normalize(x, dim=-1, eps=1e-8)
