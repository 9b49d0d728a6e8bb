"""Goals in place of a reference: where bodies are to be at a mask's last moment, from a text or from who looks on."""

from __future__ import annotations

from typing import Mapping, Sequence

import torch
from torch import Tensor

from rlkit.rotations import heading, multiply, rotate
from rlkit.tasks.motion.goals_file import Goal

JUST_AHEAD = 1e-4
"""s: times are sums of steps in float32."""


class Goals:
    """Goals of N envs and b bodies, in the world.

    on: `[N]` bool, the envs whose last moment is a goal's. position: `[N, b, 3]` m, rotation: `[N, b, 4]` wxyz, body to
    world. visible: `[N, b, 2]` 1 where a position, and a rotation, is given.
    """

    def __init__(self, num_envs: int, bodies: Sequence[str], device: torch.device) -> None:
        self._bodies = tuple(bodies)
        self.on = torch.zeros(num_envs, dtype=torch.bool, device=device)
        self.position = torch.zeros(num_envs, len(bodies), 3, device=device)
        self.rotation = torch.zeros(num_envs, len(bodies), 4, device=device)
        self.rotation[..., 0] = 1.0
        self.visible = torch.zeros(num_envs, len(bodies), 2, device=device)

    def hold(self, env: int, places: Mapping[str, Sequence[float]]) -> None:
        """One env has these `places`, `[3]` m, for goals, by body."""
        self.on[env] = True
        self.visible[env] = 0.0
        for body, place in places.items():
            index = self._bodies.index(body)
            self.position[env, index] = torch.tensor(place, device=self.position.device)
            self.visible[env, index, 0] = 1.0

    def take(self, envs: Tensor, position: Tensor, rotation: Tensor, visible: Tensor) -> None:
        """Those of `envs` `[N]` bool have these: `[N, b, 3]` m, `[N, b, 4]` wxyz, body to world, and `[N, b, 2]`."""
        self.on |= envs
        for mine, new in ((self.position, position), (self.rotation, rotation), (self.visible, visible)):
            mine.copy_(torch.where(envs[:, None, None], new, mine))


class Course:
    """The goals of a text, one time after the other, for all envs; where it lies is where an episode begins.

    error_sum, error_worst: `[N]` m, count: `[N]`, over the times of this episode that have come: mean distances of the
    bodies to where they were to be.
    """

    def __init__(self, listed: Sequence[Goal], goals: Goals, bodies: Sequence[str]) -> None:
        device, count = goals.on.device, len(goals.on)
        times = sorted({goal.time for goal in listed})
        self.goals = goals
        self.times = torch.tensor(times, device=device)
        shape = (len(times), len(bodies))
        self._position = torch.zeros(*shape, 3, device=device)
        self._rotation = torch.zeros(*shape, 4, device=device)
        self._rotation[..., 0] = 1.0
        self._visible = torch.zeros(*shape, 2, device=device)
        for goal in listed:
            place = times.index(goal.time), bodies.index(goal.body)
            if goal.position is not None:
                self._position[place] = torch.tensor(goal.position, device=device)
                self._visible[place][0] = 1.0
            if goal.rotation is not None:
                self._rotation[place] = torch.tensor(goal.rotation, device=device)
                self._visible[place][1] = 1.0
        self._origin = torch.zeros(count, 3, device=device)
        self._facing = torch.zeros(count, 4, device=device)
        self._began = torch.zeros(count, device=device)  # s in the clip
        self.error_sum, self.error_worst = (
            torch.zeros(count, device=device),
            torch.zeros(count, device=device),
        )
        self.count = torch.zeros(count, device=device)

    def begin(self, env_ids: Tensor, root_pos: Tensor, root_quat: Tensor, now: Tensor) -> None:
        """New episodes of `env_ids` `[k]`, now `[k]` s in their clips.

        root_pos: `[k, 3]` m, root_quat: `[k, 4]` wxyz, body to world.
        """
        self._origin[env_ids] = root_pos * torch.tensor([1.0, 1.0, 0.0], device=root_pos.device)
        self._facing[env_ids] = heading(root_quat)
        self._began[env_ids] = now
        for sums in (self.error_sum, self.error_worst, self.count):
            sums[env_ids] = 0.0

    def next(self, envs: Tensor, now: Tensor) -> Tensor:
        """The next goals become those of `envs` `[N]` bool; returns when they are due, `[N]` s in the clip, of all.

        now: `[N]` s in the clip. Where none is left nothing is visible any more.
        """
        index = torch.searchsorted(self.times, now - self._began + JUST_AHEAD, right=True)
        left = index < len(self.times)
        index = index.clamp(max=len(self.times) - 1)
        facing = self._facing[:, None]
        position = self._origin[:, None] + rotate(facing, self._position[index])
        rotation = multiply(facing, self._rotation[index])
        self.goals.take(envs, position, rotation, self._visible[index] * left[:, None, None])
        return self._began + self.times[index]

    def judge(self, come: Tensor, body_pos: Tensor) -> None:
        """Add up how far `[N, b, 3]` m the bodies are off in the envs whose time has `come` `[N]` bool."""
        there = self.goals.visible[..., 0]
        off = (body_pos - self.goals.position).norm(dim=-1) * there
        error = off.sum(dim=-1) / there.sum(dim=-1).clamp(min=1.0)
        counts = come & (there.sum(dim=-1) > 0.0)
        self.error_sum += error * counts
        self.error_worst.copy_(torch.where(counts, torch.maximum(self.error_worst, error), self.error_worst))
        self.count += counts
