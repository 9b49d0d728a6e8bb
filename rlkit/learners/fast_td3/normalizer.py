"""Running statistics: of observations, and of discounted returns to scale rewards by."""

from __future__ import annotations

import torch
from torch import Tensor, nn

EPSILON = 1e-2  # added to the standard deviation, as in the reference implementation of FastTD3


class RunningNorm(nn.Module):
    """Normalise `[..., size]` by the mean and standard deviation of everything passed to `update`.

    Statistics change in `update` alone: acting, learning and evaluating only read them.
    """

    mean: Tensor
    variance: Tensor
    count: Tensor

    def __init__(self, size: int, device: torch.device) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(size, device=device))
        self.register_buffer("variance", torch.ones(size, device=device))
        self.register_buffer("count", torch.zeros((), dtype=torch.float64, device=device))

    @torch.no_grad()
    def update(self, x: Tensor) -> None:
        """Merge the rows `[N, size]` into the statistics (Chan et al. 1983)."""
        new = x.shape[0]
        total = self.count + new
        share = (new / total).float()
        difference = x.mean(0) - self.mean
        variance = x.var(0, unbiased=False)
        between = difference.square() * share * (1.0 - share)
        self.variance.lerp_(variance, share).add_(between)
        self.mean.add_(difference * share)
        self.count.copy_(total)

    def forward(self, x: Tensor) -> Tensor:
        """The normalised rows."""
        return (x - self.mean) / (self.variance.sqrt() + EPSILON)


class ReturnScale(nn.Module):
    """Follows the discounted return of every env, and scales rewards so that returns fit the critics' support.

    The scale is 1 / max(std(G), max|G| / limit) with G ← gamma G + r, from 0 at the start of an episode; rewards
    are not centred.
    """

    returns: Tensor
    mean: Tensor
    variance: Tensor
    count: Tensor
    low: Tensor
    high: Tensor

    def __init__(self, num_envs: int, gamma: float, limit: float, device: torch.device) -> None:
        super().__init__()
        self.gamma, self.limit = gamma, limit
        self.register_buffer("returns", torch.zeros(num_envs, device=device))
        for name, value in (("mean", 0.0), ("variance", 0.0), ("count", 0.0), ("low", 0.0), ("high", 0.0)):
            dtype = torch.float64 if name in ("mean", "variance", "count") else torch.float32
            self.register_buffer(name, torch.full((), value, dtype=dtype, device=device))

    @torch.no_grad()
    def update(self, reward: Tensor, ended: Tensor) -> None:
        """Take the rewards `[N]` of one step of all envs; `ended` `[N]` bool begins a new return after it."""
        returns = self.returns.mul_(self.gamma).add_(reward)
        total = self.count + len(reward)
        share = len(reward) / total
        values = returns.double()
        difference = values.mean() - self.mean
        between = difference.square() * share * (1.0 - share)
        self.variance.lerp_(values.var(unbiased=False), share).add_(between)
        self.mean.add_(difference * share)
        self.count.copy_(total)
        torch.minimum(self.low, returns.min(), out=self.low)
        torch.maximum(self.high, returns.max(), out=self.high)
        returns.masked_fill_(ended, 0.0)

    def scale(self) -> Tensor:
        """The factor on rewards, a 0-dim tensor; 1 before anything was seen."""
        size = torch.maximum(self.low.abs(), self.high.abs()) / self.limit
        divisor = torch.maximum(self.variance.sqrt().float(), size)
        return torch.where(divisor > 1e-8, 1.0 / divisor.clamp_min(1e-8), torch.ones_like(divisor))
