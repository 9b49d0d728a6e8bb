"""Running statistics of observations."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from rlkit.learners import ranks
from rlkit.learners.statistics import merge

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
        """Merge the rows `[N, size]` into the statistics, and those that the other ranks pass in their call."""
        number = torch.full_like(self.count, float(x.shape[0]))
        mean, variance = x.mean(0), x.var(0, unbiased=False)
        if ranks.several():
            counts = number.expand(mean.shape)
            counts, mean, variance = ranks.share_moments(counts, mean.double(), variance.double())
            number, mean, variance = counts[0], mean.to(x.dtype), variance.to(x.dtype)
        merge(self.mean, self.variance, self.count, mean, variance, number)

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        return (x - self.mean) / (self.variance.sqrt() + EPSILON)
