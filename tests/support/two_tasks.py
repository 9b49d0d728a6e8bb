"""An env that plays two tasks, which differ in what they pay alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Mapping

import torch
from torch import Tensor

from benchmarks.point_mass import PointMass
from rlkit.env.api import Observations, Step

FACTOR = 1000.0


class TwoTasks(PointMass):
    """Points that play "low" and "high" in turn, the odd ones "high" first; "high" pays a thousand times as much."""

    def __init__(self, num_envs: int = 64, max_episode_length: int = 40, *, seed: int = 0) -> None:
        self._task = torch.arange(num_envs) % 2
        super().__init__(num_envs, max_episode_length, seed=seed)
        terms = (*self.spec.observation_terms["policy"], ("task", 2))
        self.spec = replace(
            self.spec,
            obs_sizes={"policy": 6, "critic": 6},
            observation_terms={"policy": terms, "critic": terms},
            mirror=None,
            tasks=("low", "high"),
        )

    def step(self, actions: Tensor) -> Step:
        pays = torch.where(self._task == 1, FACTOR, 1.0)
        step = super().step(actions)
        return step._replace(reward=step.reward * pays)

    def observe(self) -> Observations:
        one_hot = torch.nn.functional.one_hot(self._task, 2).float()
        obs = torch.cat([self._state, one_hot], 1)
        return {"policy": obs, "critic": obs}

    def state(self) -> dict[str, Any]:
        return {**super().state(), "task": self._task.clone()}

    def load_state(self, state: Mapping[str, Any]) -> None:
        super().load_state(state)
        self._task = state["task"].clone()

    def _restart(self, ids: Tensor) -> None:
        super()._restart(ids)
        self._task = self._task.clone()
        self._task[ids] = 1 - self._task[ids]
