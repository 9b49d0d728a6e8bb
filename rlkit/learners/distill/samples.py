"""What a student learns from: rows of observations with the teacher's actions, of this rollout and of earlier ones."""

from __future__ import annotations

from typing import Any, Dict, Iterator, Mapping

import torch
from torch import Tensor

Rows = Dict[str, Tensor]
"""By name `[B, size]`: observation groups, and "label", the teacher's actions."""


def minibatches(rollout: Rows, size: int, passes: int, generator: torch.Generator) -> Iterator[Rows]:
    """The rollout's rows in chunks of `size`, the last of a pass maybe smaller, in another order in each pass."""
    count = len(rollout["label"])
    for _ in range(passes):
        order = torch.randperm(count, generator=generator, device=generator.device)
        for chosen in order.split(size):
            yield {name: rows[chosen] for name, rows in rollout.items()}


def joined(one: Rows, other: Rows) -> Rows:
    """The rows `[B + C, size]` of both."""
    return {name: torch.cat((rows, other[name])) for name, rows in one.items()}


class Replay:
    """The newest `capacity` rows of all that was added; `sizes` are their numbers by name."""

    def __init__(self, capacity: int, sizes: Mapping[str, int], device: torch.device) -> None:
        self.rows: Rows = {name: torch.zeros(capacity, size, device=device) for name, size in sizes.items()}
        self.capacity = capacity
        self.count = 0  # of rows that hold something
        self.next = 0  # where the next one goes

    @property
    def nbytes(self) -> int:
        """Bytes of the device that it takes."""
        return sum(rows.numel() * rows.element_size() for rows in self.rows.values())

    def add(self, rollout: Rows) -> None:
        """Take rows `[B, size]`; the oldest make room."""
        if not self.capacity:
            return
        kept = {name: rows[-self.capacity :] for name, rows in rollout.items()}
        count = len(kept["label"])
        places = (self.next + torch.arange(count, device=kept["label"].device)) % self.capacity
        for name, rows in kept.items():
            self.rows[name][places] = rows
        self.next = (self.next + count) % self.capacity
        self.count = min(self.capacity, self.count + count)

    def draw(self, count: int, generator: torch.Generator) -> Rows:
        """Rows `[count, size]`, any of them any number of times; there must be some."""
        chosen = torch.randint(self.count, (count,), generator=generator, device=generator.device)
        return {name: rows[chosen] for name, rows in self.rows.items()}

    def state(self) -> dict[str, Any]:
        """What it holds, as copies."""
        return {
            "rows": {name: rows[: self.count].clone() for name, rows in self.rows.items()},
            "next": self.next,
        }

    def load(self, state: Mapping[str, Any]) -> bool:
        """Continue from `state()`, rows `[count, size]`; False, changing nothing, where these are more or of other
        sizes."""
        saved = state["rows"]
        fits = saved.keys() == self.rows.keys() and all(
            rows.shape[1] == self.rows[name].shape[1] and len(rows) <= self.capacity
            for name, rows in saved.items()
        )
        if not fits:
            return False
        self.count = len(saved["label"])
        for name, rows in saved.items():
            self.rows[name][: self.count] = rows
        self.next = state["next"] if self.count == self.capacity else self.count % max(1, self.capacity)
        return True
