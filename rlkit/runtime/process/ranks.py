"""Several processes training one policy: `torchrun --nproc_per_node=N train.py ...`."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Iterator, TypeVar

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
        return max(1, cores // self.local_size)

    def any(self, flag: bool) -> bool:
        """Whether the flag is set on any rank; all ranks must ask together."""
        if self.size == 1:
            return flag
        import torch
        from torch import distributed

        device = torch.device("cuda", self.local_rank) if distributed.get_backend() == "nccl" else "cpu"
        answer = torch.tensor(float(flag), device=device)
        distributed.all_reduce(answer, distributed.ReduceOp.MAX)
        return bool(answer.item())

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
        distributed.broadcast_object_list(values, src=0)
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


@contextmanager
def joined(ranks: Ranks, device: str) -> Iterator[None]:
    """Inside, the ranks can talk: NCCL between GPUs, gloo on the CPU. No thread of theirs outlives it."""
    if ranks.size == 1:
        yield
        return
    import torch

    # Before there is a group: functions of this module take the group as a default argument, and torch's
    # optimisers import it on the way. A group held there outlives its destruction, and one of its threads
    # that lets go of a tensor while Python is ending aborts the process.
    import torch.distributed.nn
    from torch import distributed

    cuda = device.startswith("cuda")
    if cuda:
        torch.cuda.set_device(device)
    distributed.init_process_group("nccl" if cuda else "gloo")
    try:
        yield
        distributed.barrier()  # leave together: none closes its connections while another still listens
    finally:
        distributed.destroy_process_group()
