"""Several processes training one policy: `torchrun --nproc_per_node=N train.py ...`."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from rlkit.config.facts.machine import divided
from rlkit.runtime.process.slurm import adopt_tasks

T = TypeVar("T")


@dataclass(frozen=True)
class Ranks:
    """This process's place: rank 0 writes the run, the others only compute."""

    rank: int = 0
    local_rank: int = 0
    size: int = 1
    local_size: int = 1

    @property
    def leads(self) -> bool:
        """Whether this process writes files and talks."""
        return self.rank == 0

    def device(self, device: str) -> str:
        """The device of this rank: with several ranks on CUDA, each takes the GPU of its local rank."""
        return f"cuda:{self.local_rank}" if self.size > 1 and device.startswith("cuda") else device

    def threads(self, cores: int) -> int:
        """This rank's share of the machine's cores for the simulator."""
        return divided(cores, self.local_size)

    def any(self, flag: bool) -> bool:
        """Whether the flag is set on any rank; all ranks must ask together."""
        return self.any_of(flag)[0]

    def any_of(self, *flags: bool) -> tuple[bool, ...]:
        """Of each flag whether it is set on any rank; all ranks must ask together."""
        if self.size == 1:
            return flags
        import torch
        from torch import distributed

        answer = torch.tensor(flags, dtype=torch.float32)
        distributed.all_reduce(answer, distributed.ReduceOp.MAX, group=_group)
        return tuple(map(bool, answer.tolist()))

    def meet(self) -> None:
        """Go on when all ranks are here, however long one of them is at work alone."""
        self.any(False)

    def agree(self, seed: int, checkpoint: Path | None) -> tuple[int, Path | None]:
        """Rank 0's seed and checkpoint, on all ranks; all must ask together.

        Each rank has read the command line for itself: a seed of -1 was drawn on each, and only rank 0 looks
        for the run that training.resume=auto goes on with.
        """
        return self.told((seed, checkpoint))

    def told(self, value: T) -> T:
        """Rank 0's value, on all ranks; all must ask together, and their own counts for nothing."""
        if self.size == 1:
            return value
        from torch import distributed

        values: list[Any] = [value]
        distributed.broadcast_object_list(values, src=0, group=_group)
        return values[0]


def from_environment() -> Ranks:
    """The place that torchrun (or torch.distributed.launch), or srun, gave this process; alone without one."""
    adopt_tasks()
    env = os.environ
    return Ranks(
        rank=int(env.get("RANK", "0")),
        local_rank=int(env.get("LOCAL_RANK", "0")),
        size=int(env.get("WORLD_SIZE", "1")),
        local_size=int(env.get("LOCAL_WORLD_SIZE", "1")),
    )


_group: Any = None  # in which ranks talk; None: torch's default


def talk_by(group: Any) -> None:
    """From now on ranks talk in this process group on the CPU; None: in torch's default group."""
    global _group
    _group = group
