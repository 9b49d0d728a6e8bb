"""HumanoidVelocity: walk as told, at a speed forward, a speed sideways and a rate of turning.

Learnt without motion data.
"""

from __future__ import annotations

from typing import Any, Mapping

import torch
from torch import Tensor

from rlkit.sims.api import Simulator
from rlkit.tasks.api import reward
from rlkit.tasks.robots.humanoid import Humanoid
from rlkit.tasks.velocity.velocity_task import VelocityTask

SHORTEST_STRIDE = 0.4  # s: a longer time on one leg earns no more


class HumanoidVelocity(VelocityTask, Humanoid):
    """A humanoid under a velocity command; the clock wants its feet on the ground by turns.

    Solved: upright to the episode's end, with mean errors of velocity and turning within `successErrors`.
    """

    gait = (0.0, 0.5)  # left, right

    def __init__(self, config: Mapping[str, Any], sim: Simulator, generator: torch.Generator) -> None:
        super().__init__(config, sim, generator)
        self._hips, self._upper_body = sim.joints(self.robot.hips), sim.joints(self.robot.upper_body)
        self.was_on_ground = self.buffer("was_on_ground", 2, first=True)
        self.mode_time = self.buffer("mode_time", 2)  # s that a foot has been on the ground or in the air

    def advance(self) -> None:
        """As the parents', with the clocks of the feet."""
        super().advance()
        kept = self.on_ground == self.was_on_ground
        self.mode_time.copy_(self.mode_time * kept + self.control_period)
        self.was_on_ground.copy_(self.on_ground)

    @reward
    def moving(self) -> Tensor:
        """The factor of `humanoid_bench`: `track_linear`."""
        return self.track_linear()

    @reward
    def air_time(self) -> Tensor:
        """On one leg, when told to go: the time (s, at most 0.4) that both feet have been as they are (Isaac Lab's
        feet_air_time_positive_biped).
        """
        single = self.on_ground.sum(dim=-1) == 1
        time = self.mode_time.min(dim=-1).values.clamp(max=SHORTEST_STRIDE)
        return time * (single & self.moves)

    @reward
    def hip_deviation(self) -> Tensor:
        """Σ |q − stance| of the hips' yaw and roll, rad: legs neither splayed nor crossed (Isaac Lab)."""
        return self.joint_pos_rel()[:, self._hips].abs().sum(dim=-1)

    @reward
    def upper_body_deviation(self) -> Tensor:
        """Σ |q − stance| of the joints above the legs, rad (Isaac Lab)."""
        return self.joint_pos_rel()[:, self._upper_body].abs().sum(dim=-1)
