"""Two processes that train together over gloo, with deterministic kernels alone, each telling what came of it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any, Callable

import torch
from torch import distributed
from torch.multiprocessing.spawn import spawn


def both(work: Callable[..., Any], folder: Path, *given: Any) -> tuple[Any, Any]:
    """What `work(rank, *given)` returns on either rank, as `torch.load(weights_only=True)` reads it."""
    spawn(_one, (work, str(folder), given), nprocs=2)
    one, other = (torch.load(folder / f"{rank}.pth", weights_only=True) for rank in (0, 1))
    return one, other


def _one(rank: int, work: Callable[..., Any], folder: str, given: tuple[Any, ...]) -> None:
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    store, limit = f"file://{folder}/store", timedelta(seconds=100)
    distributed.init_process_group("gloo", init_method=store, rank=rank, world_size=2, timeout=limit)
    torch.save(work(rank, *given), f"{folder}/{rank}.pth")
    distributed.barrier()
    distributed.destroy_process_group()
