"""The policy's motion of earlier iterations, so that a discriminator does not forget what it was shown to be wrong."""

from __future__ import annotations

from typing import Any, Mapping

import torch
from torch import Tensor


class Replay:
    """At most `capacity` rows `[size]`: all there are until it is full, then `keep` of those that come at a time.

    The oldest make room. Random numbers are torch's global ones.
    """

    def __init__(self, capacity: int, size: int, keep: int, device: torch.device) -> None:
        self.rows = torch.zeros(capacity, size, device=device)
        self.keep = keep
        self.count = 0  # of rows that hold something
        self.next = 0  # where the next one goes

    @property
    def full(self) -> bool:
        """Whether every row holds something."""
        return self.count == len(self.rows)

    def add(self, rows: Tensor) -> None:
        """Take rows `[B, size]`."""
        capacity, most = len(self.rows), self.keep if self.full else len(rows)
        most = min(most, capacity)
        if most < len(rows):
            rows = rows[torch.randperm(len(rows), device=rows.device)[:most]]
        places = (self.next + torch.arange(len(rows), device=rows.device)) % capacity
        self.rows[places] = rows
        self.next = (self.next + len(rows)) % capacity
        self.count = min(capacity, self.count + len(rows))

    def sample(self, count: int) -> Tensor:
        """Rows `[count, size]`, any of them any number of times; there must be some."""
        return self.rows[torch.randint(self.count, (count,), device=self.rows.device)]

    def state(self) -> dict[str, Any]:
        """What it holds, as a copy."""
        return {"rows": self.rows[: self.count].clone(), "next": self.next}

    def load(self, state: Mapping[str, Any]) -> bool:
        """Continue from `state()`, rows `[count, size]`; False, changing nothing, where these were more or wider."""
        rows = state["rows"]
        capacity, size = self.rows.shape
        if len(rows) > capacity or rows.shape[1] != size:
            return False
        self.rows[: len(rows)] = rows
        self.count = len(rows)
        # One that is not full goes on behind its last row, also where there is more room than there was
        self.next = state["next"] if self.full else self.count
        return True
