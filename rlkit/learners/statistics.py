"""Running mean and variance, shared by what normalises observations and what scales rewards."""

from __future__ import annotations

from torch import Tensor


def merge(mean: Tensor, variance: Tensor, count: Tensor, new: Tensor, spread: Tensor, number: Tensor) -> None:
    """Merge the mean `new` and variance `spread` of `number` samples into the running ones, in place.

    All are `[...]` of one shape; `count` and `number` may be 0-dim. Nothing happens where both are 0.
    Source: Chan, Golub and LeVeque, "Updating formulae and a pairwise algorithm" (1979).
    """
    total = count + number
    share = (number / total.clamp_min(1.0)).to(mean.dtype)
    difference = new - mean
    between = difference.square() * share * (1.0 - share)
    variance.lerp_(spread, share).add_(between)
    mean.add_(difference * share)
    count.copy_(total)
