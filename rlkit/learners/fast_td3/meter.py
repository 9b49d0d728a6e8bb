"""Means of what the updates report, kept on the device until somebody asks."""

from __future__ import annotations

from typing import Dict, List, Mapping, Tuple

import torch
from torch import Tensor


class Meter:
    """Sums of named 0-dim tensors in groups; `read` is the only place that waits for the device.

    The tensors are made at a group's first `add` and changed in place from then on.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._names: Dict[str, Tuple[str, ...]] = {}
        self._sums: Dict[str, Tensor] = {}  # [names + 1]; the last one counts

    @torch.no_grad()
    def add(self, group: str, values: Mapping[str, Tensor]) -> None:
        """Add one observation of every name of the group; each group has the same names every time."""
        row = torch.stack([*(value.detach().float() for value in values.values()), self._one()])
        if group not in self._sums:
            self._names[group] = tuple(values)
            self._sums[group] = torch.zeros_like(row)
        self._sums[group] += row

    def read(self) -> Dict[str, float]:
        """The means since the last call, empty before anything was added; begins anew."""
        if not self._sums:
            return {}
        rows = [row.tolist() for row in torch.cat(list(self._sums.values())).split(self._widths())]
        for sums in self._sums.values():
            sums.zero_()
        means: Dict[str, float] = {}
        for names, row in zip(self._names.values(), rows):
            if row[-1]:
                means.update({name: value / row[-1] for name, value in zip(names, row)})
        return means

    def tensors(self) -> List[Tensor]:
        """What `add` changes."""
        return list(self._sums.values())

    def _widths(self) -> List[int]:
        return [len(names) + 1 for names in self._names.values()]

    def _one(self) -> Tensor:
        return torch.ones((), device=self._device)
