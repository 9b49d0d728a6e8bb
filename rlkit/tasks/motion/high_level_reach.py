"""HighLevelReach: bring a hand to a point in the world by skills that are there already.

A high-level task of ASE (Peng et al. 2022, arXiv 2205.01906).
"""

from __future__ import annotations

from typing import Any, Mapping

import torch
from torch import Tensor

from rlkit.rotations import rotate_inverse
from rlkit.sims.api import ResetState, SceneSpec, Simulator
from rlkit.tasks.api import MirrorImage, metric, observation, reward, success, unit
from rlkit.tasks.motion.loading import load_library
from rlkit.tasks.motion.style import StyleWindow, with_ends
from rlkit.tasks.robots.humanoid_task import HumanoidTask


class HighLevelReach(HumanoidTask):
    """A humanoid whose right hand belongs at a point around it, another one every few seconds.

    Its joints are driven by a frozen policy (`task.skills`); an action says which skill that shows. Without one, as
    where only the task is looked at, actions are around the stance and reach the joints' limits.
    Solved: upright to the episode's end, the hand on average within `task.target.near` of its points, after `settle` s.

    skill_steps: control steps that an action holds.
    """

    @classmethod
    def scene(cls, config: Mapping[str, Any]) -> SceneSpec:
        """The humanoid on flat ground, with its feet and hands."""
        return with_ends(super().scene(config), config)

    def __init__(self, config: Mapping[str, Any], sim: Simulator, generator: torch.Generator) -> None:
        super().__init__(config, sim, generator)
        self.skills = config["skills"]
        self.skill_steps = int(config["skillSteps"])
        self.window = StyleWindow(self, load_library(config, self.robot, self.device))
        self._hand = sim.body(self.robot.hands[1])
        target = config["target"]
        self._width, self._near = float(target["width"]), float(target["near"])
        self._settle = float(target["settle"])
        self.target = self.buffer("target", 3)  # m, world
        self.target_time = self.buffer("target_time")  # s that it still holds
        self.target_age = self.buffer("target_age")  # s that it has held
        self.distance_sum = self.buffer("distance_sum")  # m, over the steps that count
        self.steps_counted = self.buffer("steps_counted")

    def refresh(self) -> None:
        """As every humanoid's; where the hand is."""
        super().refresh()
        self.hand_pos = self.sim.body_pos[:, self._hand]  # m, world
        self.distance = (self.target - self.hand_pos).norm(dim=-1)  # m

    def advance(self) -> None:
        """Run the clocks of the points, and add up the distances to those that have held for `settle`."""
        self.target_time -= self.control_period
        self.target_age += self.control_period
        counts = self.target_age > self._settle
        self.distance_sum += self.distance * counts
        self.steps_counted += counts

    def remember(self) -> None:
        """As every humanoid's; another point where the time of the last one is over."""
        super().remember()
        over = self.target_time <= 0.0
        targets, times = self._drawn(self.pelvis_pos)
        self.target.copy_(torch.where(over[:, None], targets, self.target))
        self.target_time.copy_(torch.where(over, times, self.target_time))
        self.target_age *= ~over

    def reset(self, env_ids: Tensor) -> ResetState:
        """See `Task.reset`: any moment of a clip, with a new point."""
        state = self.window.begin(env_ids)
        assert state.free_pose is not None
        self.targets[env_ids] = state.joint_pos
        self.target[env_ids], self.target_time[env_ids] = self._drawn(state.free_pose[:, 0, :3])
        return state

    def _drawn(self, around: Tensor) -> tuple[Tensor, Tensor]:
        """Points `[k, 3]` m, world, around places `[k, 3]` m, at any bearing, and for how long each holds `[k]`, s."""
        k, target = len(around), self.config["target"]
        away, height, time = (
            self.uniform(float(low), float(high), k)
            for low, high in (target["distance"], target["height"], target["time"])
        )
        bearing = self.uniform(-torch.pi, torch.pi, k)
        place = around[:, :2] + away[:, None] * torch.stack((bearing.cos(), bearing.sin()), dim=-1)
        return torch.cat((place, height[:, None]), dim=-1), time

    def mirror(self) -> Mapping[str, MirrorImage] | None:
        """None: the other hand has no point."""
        return None

    @observation(3)
    def target_offset(self) -> Tensor:
        """Where the point is from the pelvis, m: forward, left, up, in the frame turned with its heading alone."""
        return rotate_inverse(self.heading, self.target - self.pelvis_pos)

    @observation(3)
    def hand_offset(self) -> Tensor:
        """Where the point is from the hand, m, in the same frame."""
        return rotate_inverse(self.heading, self.target - self.hand_pos)

    @metric
    @unit("m")
    def hand_distance(self) -> Tensor:
        """`[N]` m: how far the hand is from its point."""
        return self.distance

    @reward
    def reaching(self) -> Tensor:
        """exp(−d² / σ²) of that distance, σ being `task.target.width`."""
        return torch.exp(-((self.distance / self._width) ** 2))

    @success
    def reached(self) -> Tensor:
        """The last step, and the mean distance to the points was at most `target.near`."""
        mean = self.distance_sum / self.steps_counted.clamp(min=1.0)
        return self.out_of_time() & (self.steps_counted > 0.0) & (mean <= self._near)
