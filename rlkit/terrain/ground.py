"""Where the ground is how high, for many places at once and on any device: no rays are cast."""

from __future__ import annotations

import torch
from torch import Tensor

from rlkit.terrain.field import HeightField


class Ground:
    """A height field on a device; its surface is MuJoCo's, two triangles a cell, to float32's precision.

    origins: `[levels, columns, 3]` m, world: where robots begin, see `HeightField`.
    """

    def __init__(self, field: HeightField, device: torch.device) -> None:
        rows, self._columns = field.heights.shape
        self._heights = torch.from_numpy(field.heights.copy()).to(device).flatten()
        self._corner = torch.tensor(field.corner, device=device)
        self._most = torch.tensor((float(self._columns - 1), float(rows - 1)), device=device)
        self._last = torch.tensor((self._columns - 2, rows - 2), device=device)
        self._resolution = field.resolution
        self.origins = torch.from_numpy(field.origins.copy()).to(device)

    def height(self, places: Tensor) -> Tensor:
        """`[...]` m, world, below places `[..., 2]` (m, world; x and y); of the edge for those beyond it.

        The triangles of a cell meet in the diagonal from its least x and y to its greatest.
        """
        # Of an env whose physics failed no place is a number
        inside = ((places - self._corner) / self._resolution).nan_to_num(0.0, 0.0, 0.0)
        inside = torch.minimum(inside.clamp(min=0.0), self._most)
        cell = torch.minimum(inside.long(), self._last)
        x, y = (inside - cell).unbind(-1)
        first = cell[..., 1] * self._columns + cell[..., 0]
        middle = first + torch.where(x > y, 1, self._columns)
        heights = self._heights
        low, between, high = heights[first], heights[middle], heights[first + self._columns + 1]
        return low + torch.maximum(x, y) * (between - low) + torch.minimum(x, y) * (high - between)

    def beyond(self, places: Tensor, margin: float) -> Tensor:
        """`[...]` bool: places `[..., 2]` (m, world) less than `margin` (m) from the field's edge, or outside."""
        inside = (places - self._corner) / self._resolution
        room = margin / self._resolution
        return ((inside < room) | (inside > self._most - room)).any(dim=-1)
