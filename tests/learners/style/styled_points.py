"""PointMass whose style is its velocity: the data goes along x at 0.5 m/s. Others follow that, or show skills."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Mapping

import torch
from torch import Tensor

from benchmarks.point_mass import PointMass
from rlkit.env.api import Observations, Step

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


class FollowingPoints(StyledPoints):
    """Its group `difference` is how the velocity differs from DATA's."""

    def __init__(self, num_envs: int = 16) -> None:
        super().__init__(num_envs)
        self.spec = replace(self.spec, obs_sizes={**self.spec.obs_sizes, "difference": 2})

    def observe(self) -> Observations:
        return {**super().observe(), "difference": torch.tensor(DATA) - self._state[:, 2:]}


class SkilledPoints(StyledPoints):
    """The policy sees a latent of 3 numbers behind position and velocity, drawn anew in every third step; so does the
    critic, unless it is `blind`.
    """

    def __init__(self, num_envs: int = 16, *, blind: bool = False) -> None:
        super().__init__(num_envs)
        self._of_latents = torch.Generator().manual_seed(2)
        self._blind, self._count = blind, 0
        terms = (("position", 2), ("velocity", 2))
        seen = (*terms, ("latent", 3))
        sizes = {**self.spec.obs_sizes, "policy": 7, "critic": 4 if blind else 7}
        layouts = {"policy": seen, "critic": terms if blind else seen}
        self.spec = replace(self.spec, obs_sizes=sizes, observation_terms=layouts, mirror=None)
        self._draw()

    def _draw(self) -> None:
        latent = torch.randn(self.spec.num_envs, 3, generator=self._of_latents)
        self.latent = latent / latent.norm(dim=1, keepdim=True)

    def step(self, actions: Tensor) -> Step:
        self._count += 1
        if self._count % 3 == 0:
            self._draw()
        return super().step(actions)

    def observe(self) -> Observations:
        obs = super().observe()
        policy = torch.cat((obs["policy"], self.latent), dim=1)
        return {**obs, "policy": policy, "critic": obs["critic"] if self._blind else policy}

    def state(self) -> dict[str, Any]:
        rng = self._of_latents.get_state()
        return {**super().state(), "latent": self.latent.clone(), "of_latents": rng, "count": self._count}

    def load_state(self, state: Mapping[str, Any]) -> None:
        super().load_state(state)
        self.latent, self._count = state["latent"].clone(), state["count"]
        self._of_latents.set_state(state["of_latents"])
