"""An env in which nothing happens: what a learner costs by itself is timed on it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Mapping

import torch
from torch import Tensor

from rlkit.env.api import EnvSpec, Observations, Step, StepInfo, VecEnv

_SMALL = 0x40  # bytes below it are, four by four, float32 numbers below 2


class Still(VecEnv):
    """Random observations that never change, of the sizes of another env: what a learner costs by itself."""

    def __init__(self, spec: EnvSpec, num_envs: int) -> None:
        self.spec = replace(spec, num_envs=num_envs, tasks=())
        generator = torch.Generator().manual_seed(0)
        self._obs = {
            name: (
                torch.randint(_SMALL, (num_envs, size), dtype=torch.uint8, generator=generator)
                if spec.of_bytes(name)
                else torch.randn(num_envs, size, generator=generator)
            ).to(spec.device)
            for name, size in spec.obs_sizes.items()
        }
        self._reward = torch.randn(num_envs, generator=generator).to(spec.device)
        self._never = torch.zeros(num_envs, dtype=torch.bool, device=spec.device)

    def reset(self) -> Observations:
        """See `VecEnv.reset`: the same observations as ever."""
        return self._obs

    def step(self, actions: Tensor) -> Step:
        """See `VecEnv.step`: nothing moves and no episode ends."""
        info = StepInfo(self._obs, self._never)
        return Step(self._obs, self._reward, self._never, self._never, info)

    def demonstrations(self, group: str, count: int) -> Tensor:
        """See `VecEnv.demonstrations`: random numbers `[count, size]`."""
        return torch.randn(count, self.spec.obs_sizes[group], device=self.spec.device)

    def observe(self) -> Observations:
        """See `VecEnv.observe`: the same observations as ever."""
        return self._obs

    def state(self) -> dict[str, Any]:
        """Nothing to go on from."""
        return {}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Nothing to go on from."""
