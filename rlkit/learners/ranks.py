"""What processes that train one policy share of it; in a process alone everything here leaves things as they are.

The process group is the launcher's, and is there before a learner is made. All ranks must call together, in one order.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import Iterable, Iterator

import torch
from torch import Tensor, nn
from torch import distributed as dist

from rlkit.learners.api import LearnerError

_apart = 0  # how many `apart` are open


def several() -> bool:
    """Whether there are other ranks to share with."""
    return not _apart and dist.is_available() and dist.is_initialized()


@contextmanager
def apart() -> Iterator[None]:
    """What is made inside is this rank's own: a policy that only acts, which the others may not even have."""
    global _apart
    _apart += 1
    try:
        yield
    finally:
        _apart -= 1


def place() -> tuple[int, int]:
    """This rank and how many there are, (0, 1) alone; raises LearnerError where others are only announced."""
    if several():
        return dist.get_rank(), dist.get_world_size()
    if not _apart and int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise LearnerError("WORLD_SIZE is above 1 but torch.distributed has no process group yet")
    return 0, 1


def begin_alike(module: nn.Module) -> None:
    """Parameters and buffers become those of rank 0."""
    if several():
        for tensor in module.state_dict().values():
            dist.broadcast(tensor, 0)


def average_gradients(parameters: Iterable[Tensor]) -> None:
    """The gradients `[...]` become their means over the ranks: those of one loss, the mean over the samples of all.

    That holds where every rank has as many samples. Parameters without a gradient must be the same on all.
    """
    grads = [parameter.grad for parameter in parameters if parameter.grad is not None]
    if not grads or not several():
        return
    flat = torch.cat([grad.view(-1) for grad in grads])
    dist.all_reduce(flat)
    means = (flat / dist.get_world_size()).split([grad.numel() for grad in grads])
    for grad, mean in zip(grads, means):
        grad.copy_(mean.view_as(grad))


def share_moments(count: Tensor, mean: Tensor, variance: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Count, mean and variance of the samples of all ranks, float64 and `[...]` of one shape, from this rank's."""
    if not several():
        return count, mean, variance
    sums = torch.stack([count, count * mean, count * (variance + mean.square())])
    dist.all_reduce(sums)
    divisor = sums[0].clamp_min(1.0)
    mean = sums[1] / divisor
    return sums[0], mean, (sums[2] / divisor - mean.square()).clamp_min(0.0)
