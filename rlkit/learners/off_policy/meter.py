"""Means of what the updates report, kept on the device until somebody asks."""

from __future__ import annotations

from typing import Mapping

import torch
from torch import Tensor


class Meter:
    """Sums of named 0-dim tensors in groups; `read` is the only place that waits for the device.

    The tensors are made at a group's first `add` and changed in place from then on.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._names: dict[str, tuple[str, ...]] = {}
        self._sums: dict[str, Tensor] = {}  # [names + 1]; the last one counts

    @torch.no_grad()
    def add(self, group: str, values: Mapping[str, Tensor]) -> None:
        """Add one 0-dim observation of every name of the group; each group has the same names every time."""
        one = torch.ones((), device=self._device)
        row = torch.stack([*(value.detach().float() for value in values.values()), one])
        if group not in self._sums:
            self._names[group] = tuple(values)
            self._sums[group] = torch.zeros_like(row)
        self._sums[group] += row

    def read(self) -> dict[str, float]:
        """The means since the last call, empty before anything was added; begins anew."""
        if not self._sums:
            return {}
        widths = [len(names) + 1 for names in self._names.values()]
        rows = [row.tolist() for row in torch.cat(list(self._sums.values())).split(widths)]
        for sums in self._sums.values():
            sums.zero_()
        means: dict[str, float] = {}
        for names, row in zip(self._names.values(), rows):
            if row[-1]:
                means.update({name: value / row[-1] for name, value in zip(names, row)})
        return means

    def tensors(self) -> list[Tensor]:
        """What `add` changes: a group's sums, `[names + 1]` each."""
        return list(self._sums.values())
