"""Running statistics of features: mean and variance, in place of rl_games' own module of the same buffers; size."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from rlkit.learners import ranks


class RunningNormalizer(nn.Module):
    """Shifts and scales features to mean 0 and variance 1 with statistics of all samples seen.

    rl_games' RunningMeanStd learns whenever it is called in training mode: in every mini-epoch anew, and on
    each rank for itself. This one learns when `update` is called: once per sample, from all ranks together.
    """

    running_mean: Tensor
    running_var: Tensor
    count: Tensor

    def __init__(self, size: int, epsilon: float = 1e-5, clip: float = 5.0) -> None:
        super().__init__()
        self.epsilon = epsilon
        self.clip = clip
        self.register_buffer("running_mean", torch.zeros(size, dtype=torch.float64))
        self.register_buffer("running_var", torch.ones(size, dtype=torch.float64))
        self.register_buffer("count", torch.ones((), dtype=torch.float64))

    def forward(self, x: Tensor, denorm: bool = False) -> Tensor:
        """Normalised `[..., size]`, clipped to +-clip; with `denorm` the way back."""
        mean = self.running_mean.float()
        std = (self.running_var.float() + self.epsilon).sqrt()
        if denorm:
            return x.clamp(-self.clip, self.clip) * std + mean
        return ((x - mean) / std).clamp(-self.clip, self.clip)

    @torch.no_grad()
    def update(self, x: Tensor) -> None:
        """Learn from `x [..., size]`, and from what the other ranks pass in their call.

        Parallel variance: Chan, Golub and LeVeque, "Updating formulae and a pairwise algorithm" (1979).
        """
        samples = x.reshape(-1, x.shape[-1])
        var, mean = (moment.double() for moment in torch.var_mean(samples, dim=0, correction=0))
        count = torch.full_like(mean, float(samples.shape[0]))
        count, mean, var = ranks.share_moments(count, mean, var)
        total = self.count + count
        delta = mean - self.running_mean
        squares = self.running_var * self.count + var * count + delta**2 * self.count * count / total
        self.running_mean.add_(delta * count / total)
        self.running_var.copy_(squares / total)
        self.count.copy_(total[0])


class PartNormalizer(RunningNormalizer):
    """Normalises the first `size` features; any behind them, unit vectors, are scaled to a mean square of 1."""

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self.size = size

    def forward(self, x: Tensor, denorm: bool = False) -> Tensor:
        """Normalised `[..., size]` or more."""
        first, rest = x[..., : self.size], x[..., self.size :]
        return torch.cat((super().forward(first, denorm), rest * rest.shape[-1] ** 0.5), dim=-1)

    def update(self, x: Tensor) -> None:
        """Learn from the first `size` of `x [..., size]` or more."""
        super().update(x[..., : self.size])


class ScaleNormalizer(nn.Module):
    """Divides features by the mean of their sizes over all samples seen, and shifts nothing: 0 stays 0.

    Source: Zhang et al. 2025, Physics-based motion imitation with adversarial differential discriminators (arXiv
    2505.04961), whose differences of 0 are the data.
    """

    LEAST = 1e-4  # that is divided by

    running_size: Tensor
    count: Tensor

    def __init__(self, size: int, clip: float = 5.0) -> None:
        super().__init__()
        self.clip = clip
        self.register_buffer("running_size", torch.ones(size, dtype=torch.float64))
        self.register_buffer("count", torch.zeros((), dtype=torch.float64))

    def forward(self, x: Tensor) -> Tensor:
        """Divided `[..., size]`, clipped to +-clip."""
        return (x / self.running_size.float().clamp(min=self.LEAST)).clamp(-self.clip, self.clip)

    @torch.no_grad()
    def update(self, x: Tensor) -> None:
        """Learn from `x [..., size]`, and from what the other ranks pass in their call; before the first of them
        everything is divided by 1.
        """
        samples = x.reshape(-1, x.shape[-1])
        mean = samples.abs().mean(dim=0).double()
        count = torch.full_like(mean, float(samples.shape[0]))
        count, mean, _ = ranks.share_moments(count, mean, torch.zeros_like(mean))
        total = self.count + count[0]
        self.running_size.lerp_(mean, (count[0] / total).item())
        self.count.copy_(total)
