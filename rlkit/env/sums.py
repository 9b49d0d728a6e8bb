"""Sums over the running episodes, and over those that end."""

from __future__ import annotations

from typing import Mapping

import torch
from torch import Tensor

from rlkit.tasks.api import Task


class EpisodeSums:
    """Of the running episodes: returns `[N]`, terms `[reward terms, N]` weighted, and the task's metrics."""

    def __init__(self, task: Task) -> None:
        n, device = task.num_envs, task.device
        self._task = task
        self.returns = torch.zeros(n, device=device)
        self.terms = torch.zeros(len(task.reward_weights), n, device=device)
        self._metrics = {name: task.buffer(f"metric/{name}") for name in task.metric_terms}

    def add(self, rewards: Tensor, terms: Tensor, metrics: Mapping[str, Tensor], unstable: Tensor) -> None:
        """One step of all envs. rewards: `[N]`, terms: `[reward terms, N]`, metrics: `[N]`, 0 where `unstable`."""
        self.returns += rewards
        self.terms += terms
        for name, value in metrics.items():
            self._metrics[name] += value.masked_fill(unstable, 0.0)

    def clear(self, ids: Tensor) -> None:
        """New episodes in the envs `ids` `[k]`; the task clears its metrics itself."""
        self.returns[ids] = 0.0
        self.terms[:, ids] = 0.0

    def over(
        self, ids: Tensor, success: Tensor, truncated: Tensor, reached: Mapping[str, Tensor]
    ) -> dict[str, Tensor]:
        """Sums over the envs `ids` `[k]`, whose episodes ended, as in `StepInfo.episodes`; flags are `[N]` bool.

        None of what timed out early because its age was made up.
        """
        task = self._task
        steps = task.steps_played[ids]
        whole = (~truncated[ids] | (task.head_start[ids] == 0)).float()
        sums = {
            "count": whole.sum(),
            "return": (whole * self.returns[ids]).sum(),
            "length": (whole * steps).sum(),
            "success": (whole * success[ids]).sum(),
            "timeout": (whole * truncated[ids]).sum(),
        }
        for name, flags in reached.items():
            sums[name] = (whole * flags[ids]).sum()
        for name, returns in zip(task.reward_terms, (whole * self.terms[:, ids]).sum(-1)):
            sums[f"reward/{name}"] = returns
        for name, total in self._metrics.items():
            sums[f"metric/{name}"] = (whole * total[ids] / steps).sum()
        return sums
