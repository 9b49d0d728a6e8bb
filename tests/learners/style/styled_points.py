"""PointMass whose style is its velocity: the data goes along x at 0.5 m/s."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Mapping

import torch
from torch import Tensor

from benchmarks.point_mass import PointMass
from rlkit.env.api import Observations

DATA = (0.5, 0.0)  # m/s


class StyledPoints(PointMass):
    """Its group `style` is the velocity, 2 numbers; the demonstrations are DATA with a deviation of 0.05 m/s."""

    def __init__(self, num_envs: int = 16, *, asymmetric: bool = False) -> None:
        super().__init__(num_envs, asymmetric=asymmetric)
        self.spec = replace(self.spec, obs_sizes={**self.spec.obs_sizes, "style": 2})
        self._of_data = torch.Generator().manual_seed(1)

    def observe(self) -> Observations:
        return {**super().observe(), "style": self._state[:, 2:].clone()}

    def demonstrations(self, group: str, count: int) -> Tensor:
        return torch.tensor(DATA) + 0.05 * torch.randn(count, 2, generator=self._of_data)

    def state(self) -> dict[str, Any]:
        return {**super().state(), "of_data": self._of_data.get_state()}

    def load_state(self, state: Mapping[str, Any]) -> None:
        super().load_state(state)
        self._of_data.set_state(state["of_data"])
