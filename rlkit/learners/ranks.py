"""What processes that train one policy share of it; in a process alone everything here leaves things as they are.

The process group is the launcher's, and is there before a learner is made. All ranks must call together, in one order.
"""

from __future__ import annotations

import hashlib
import os
from contextlib import contextmanager
from typing import Iterable, Iterator, Sequence

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


def ranks_here() -> int:
    """How many of the ranks are on this machine."""
    return int(os.environ.get("LOCAL_WORLD_SIZE", "1")) if several() else 1


def begin_alike(module: nn.Module) -> None:
    """Parameters and buffers become those of rank 0."""
    if several():
        for tensor in module.state_dict().values():
            dist.broadcast(tensor, 0)


class Gradients:
    """Averages the gradients of parameters over the ranks, in one flat buffer of which they are views from then on.

    The buffer is made once, and never in a process alone. Of one loss the averages are the gradients of the mean over
    the samples of all ranks, where every rank has as many samples. beside: how many numbers go along.
    """

    def __init__(self, parameters: Iterable[nn.Parameter], beside: int = 0) -> None:
        self._parameters, self._beside = list(parameters), beside
        self._flat: Tensor | None = None  # [numbers in all parameters, and those beside]
        self._parts: list[Tensor] = []  # views of it, one a parameter

    @torch.no_grad()
    def average(self, *beside: Tensor) -> None:
        """Each gradient becomes its mean over the ranks; parameters without one must be the same on all.

        beside: numbers, 0-dim each, that become their means too: one collective for all.
        """
        if not several():
            return
        if self._flat is None:
            self._flat = self._buffer()
        learnt = [
            (parameter, part, parameter.grad)
            for parameter, part in zip(self._parameters, self._parts)
            if parameter.grad is not None
        ]
        fresh = [(part, grad) for _, part, grad in learnt if grad is not part]
        along = list(zip(self._flat[self._flat.numel() - self._beside :], beside))
        _copy([*fresh, *along])
        dist.all_reduce(self._flat)
        self._flat /= dist.get_world_size()
        for parameter, part, _ in learnt:
            parameter.grad = part
        _copy([(own, mean) for mean, own in along])

    def _buffer(self) -> Tensor:
        sizes = [parameter.numel() for parameter in self._parameters]
        first = self._parameters[0]
        flat = torch.zeros(sum(sizes) + self._beside, dtype=first.dtype, device=first.device)
        parts = flat.split([*sizes, self._beside])
        self._parts = [part.view_as(p) for part, p in zip(parts, self._parameters)]
        return flat


@torch.no_grad()
def average(tensors: list[Tensor]) -> None:
    """Each tensor `[...]`, all of one type, becomes its mean over the ranks, in place; one collective."""
    if several() and tensors:
        flat = torch.cat([tensor.flatten() for tensor in tensors])
        dist.all_reduce(flat)
        flat /= dist.get_world_size()
        parts = flat.split([tensor.numel() for tensor in tensors])
        _copy([(tensor, part.view_as(tensor)) for tensor, part in zip(tensors, parts)])


def _copy(pairs: Sequence[tuple[Tensor, Tensor]]) -> None:
    """Into the first of each pair, what is in the second of the same shape."""
    if pairs:
        into, values = map(list, zip(*pairs))
        torch._foreach_copy_(into, values)  # pyright: ignore[reportPrivateImportUsage]


def anywhere(flag: bool, device: torch.device) -> bool:
    """Whether the flag is set on any rank."""
    if not several():
        return flag
    answer = torch.tensor(float(flag), device=device)
    dist.all_reduce(answer, dist.ReduceOp.MAX)
    return bool(answer.item())


def gathered(values: Tensor) -> Tensor:
    """The values `[...]` of every rank, `[ranks, ...]` in their order."""
    if not several():
        return values.unsqueeze(0)
    found = [torch.empty_like(values) for _ in range(dist.get_world_size())]
    dist.all_gather(found, values)
    return torch.stack(found)


def go_on_drawing(generator: torch.Generator, saved: Tensor) -> None:
    """Random numbers go on as rank 0's did; another rank's are new ones, which its rank and those decide.

    saved: `Generator.get_state()`, `[bytes]` uint8; of another kind of device's these are new ones that it decides.
    """
    saved = saved.cpu()
    if len(saved) == len(generator.get_state()):
        generator.set_state(saved)
    else:
        digest = hashlib.sha256(bytes(saved.tolist())).digest()
        generator.manual_seed(int.from_bytes(digest[:8], "little") >> 1)
    rank, _ = place()
    if rank:
        where = torch.randint(2**62, (), generator=generator, device=generator.device)
        generator.manual_seed(int(where) + rank)


def share_moments(count: Tensor, mean: Tensor, variance: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Count, mean and variance of the samples of all ranks, float64 and `[...]` of one shape, from this rank's."""
    if not several():
        return count, mean, variance
    sums = torch.stack([count, count * mean, count * (variance + mean.square())])
    dist.all_reduce(sums)
    divisor = sums[0].clamp_min(1.0)
    mean = sums[1] / divisor
    return sums[0], mean, (sums[2] / divisor - mean.square()).clamp_min(0.0)
