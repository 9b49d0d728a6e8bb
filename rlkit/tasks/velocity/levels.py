"""The curriculum of a terrain: who walks out of its patch goes a level up, who falls far behind a level down.

The rule of legged_gym (Rudin et al. 2021, arXiv 2109.11978) and Isaac Lab. How much was walked is measured along the
command here, so that an env that is told to turn on the spot, or in circles, is not one that falls behind.
"""

from __future__ import annotations

import torch
from torch import Tensor

from rlkit.tasks.api import Task
from rlkit.terrain.settings import TerrainSettings

BEHIND = 0.5  # share of the commanded way: who makes less goes down


class Levels:
    """Which patch each env is on: the column always the same, spread evenly; the level as it did so far.

    level, column: `[N]` int64. mean: `[columns]` float32, the mean level of a column's envs, -1 before there is one:
    what a resume with another number of envs goes on from.
    """

    def __init__(self, task: Task, settings: TerrainSettings) -> None:
        device, terrain = task.device, task.config["terrain"]
        self._task, self._size = task, settings.size
        self._start, self._curriculum = int(terrain["startLevel"]), bool(terrain["curriculum"])
        self._levels, self._columns = settings.levels, len(settings.kinds)
        self.column = torch.arange(task.num_envs, device=device) % self._columns
        self.level = torch.zeros_like(self.column)
        self.mean = torch.full((self._columns,), -1.0, device=device)
        self.farthest = task.buffer("terrain_farthest")  # m from where it began, the most in this episode
        self.walked = task.buffer("terrain_walked")  # m along the command
        self.asked = task.buffer("terrain_asked")  # m that were commanded

    def advance(self, away: Tensor, velocity: Tensor, command: Tensor) -> None:
        """One control period more. away: `[N]` m from where it began. velocity, command: `[N, 2]` m/s, same frame."""
        period, speed = self._task.control_period, command.norm(dim=-1)
        torch.maximum(self.farthest, away, out=self.farthest)
        self.walked += period * (velocity * command).sum(dim=-1) / speed.clamp(min=1e-6)
        self.asked += period * speed

    def begin(self, env_ids: Tensor, left: Tensor) -> None:
        """The patches of new episodes for `env_ids` `[k]`; asked before what is known of the last ones is cleared.

        left: `[N]` bool, episodes that ended because the robot came to the field's edge.
        """
        if not (self._task.learning and self._curriculum):
            self.level[env_ids] = self._drawn(len(env_ids), self._levels)
            return
        played = self._task.steps_played[env_ids] > 0
        self.level[env_ids] = torch.where(played, self._next(env_ids, left), self._first(env_ids))
        for column in range(min(self._columns, self._task.num_envs)):
            self.mean[column] = self.level[column :: self._columns].float().mean()

    def _first(self, env_ids: Tensor) -> Tensor:
        """The levels `[k]` of envs that have not played: those that a training had reached, else the first ones."""
        mean = self.mean[self.column[env_ids]]
        there = (mean + self._task.uniform(0.0, 1.0, len(env_ids))).long()
        drawn = self._drawn(len(env_ids), self._start + 1)
        return torch.where(mean < 0.0, drawn, there.clamp(max=self._levels - 1))

    def _next(self, env_ids: Tensor, left: Tensor) -> Tensor:
        """The levels `[k]` that follow from how the last episodes went; beyond the last level any of them."""
        task, steps = self._task, self._task.steps_played[env_ids]
        out = self.farthest[env_ids] >= 0.5 * self._size
        # Who fell has not made the rest of the way either
        fell = (task.episode_step[env_ids] < task.max_episode_length) & ~left[env_ids]
        whole = torch.where(fell, task.max_episode_length / steps.clamp(min=1), 1.0)
        behind = self.walked[env_ids] < BEHIND * self.asked[env_ids] * whole
        level = self.level[env_ids] + out.long() - (behind & ~out).long()
        again = self._drawn(len(env_ids), self._levels)
        return torch.where(level >= self._levels, again, level.clamp(min=0))

    def _drawn(self, k: int, count: int) -> Tensor:
        """`[k]` int64 in 0 to count - 1, evenly."""
        return (self._task.uniform(0.0, float(count), k).long()).clamp(max=count - 1)
