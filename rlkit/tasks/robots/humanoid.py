"""What the humanoid tasks from a stance share: actions around it, first states, HumanoidBench's reward.

The reward is a product of factors in [0, 1], so an episode of 1000 steps earns at most 1000. A task says what its
factor `moving` asks for.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import Any, Mapping

import torch
from torch import Tensor

from rlkit.sims.api import Simulator
from rlkit.tasks.api import reward, success
from rlkit.tasks.robots.humanoid_task import HumanoidTask

_TOLERANCE_AT_MARGIN = 0.1  # of the Gaussian


# dm_control's tolerance is one of these shapes over the distance to what is wanted.


def gaussian(distance: Tensor, margin: float) -> Tensor:
    """1 at distance 0, 0.1 at `margin`, towards 0 beyond it; distance: `[...]` in any unit, the margin's."""
    return torch.exp(math.log(_TOLERANCE_AT_MARGIN) * (distance / margin) ** 2)


def linear(distance: Tensor, margin: float) -> Tensor:
    """1 at distance 0, 0 from `margin` on, straight between them; distance: `[...]` in any unit, the margin's."""
    return (1.0 - distance.abs() / margin).clamp(min=0.0)


def quadratic(distance: Tensor, margin: float) -> Tensor:
    """1 at distance 0, 0 from `margin` on, a parabola between them; distance: `[...]` in any unit, the margin's."""
    return (1.0 - (distance / margin) ** 2).clamp(min=0.0)


def short_of(value: Tensor, bound: float) -> Tensor:
    """How much `value` `[...]` lacks to reach `bound`; 0 at and above it."""
    return (bound - value).clamp(min=0.0)


class Humanoid(HumanoidTask):
    """A humanoid whose actions are around its stance.

    An action of 0 is the stance; 1 and -1 are `actionRange` of the way from there to the joint's limits.
    Solved: the episode lasted its whole length and earned at least `successReturn`.
    """

    def __init__(self, config: Mapping[str, Any], sim: Simulator, generator: torch.Generator) -> None:
        super().__init__(config, sim, generator)
        share = float(config["actionRange"])
        self.up, self.down = share * (self._high - self.stance), share * (self.stance - self._low)
        self._shoulders = sim.bodies(self.robot.shoulders)
        self.earned = self.buffer("earned")  # sum of humanoid_bench in this episode

    # State.

    def refresh(self) -> None:
        """As every humanoid's, with the height of the shoulders."""
        super().refresh()
        self.shoulder_height = self.above_ground(self.sim.body_pos[:, self._shoulders]).mean(dim=-1)

    def advance(self) -> None:
        """Add up what the episode has earned, where that decides."""
        if "return_reached" in self.success_terms:
            self.earned += self.humanoid_bench()

    # Rewards: within [0, 1].

    @reward
    def humanoid_bench(self) -> Tensor:
        """The product of standing, upright, small_control and moving."""
        return self.standing() * self.upright() * self.small_control() * self.moving()

    @reward
    def standing(self) -> Tensor:
        """1 with the shoulders as high as the robot stands or higher, 0.1 a quarter of that lower (Gaussian)."""
        height = self.robot.standing_height
        return gaussian(short_of(self.shoulder_height, height), height / 4.0)

    @reward
    def upright(self) -> Tensor:
        """1 while the pelvis's axis is within 26 degrees of vertical (cosine 0.9), 0 upside down, linear."""
        return linear(short_of(-self.gravity[:, 2], 0.9), 1.9)

    @reward
    def small_control(self) -> Tensor:
        """From 0.8 to 1: the mean over joints of a parabola that is 0 from 10 N m on."""
        return (4.0 + quadratic(self.torques, 10.0).mean(dim=-1)) / 5.0

    @abstractmethod
    def moving(self) -> Tensor:
        """The factor that is the task's own, a reward term `[N]` within [0, 1]."""

    def forward(self, speed: float) -> Tensor:
        """`moving` `[N]` for tasks that go somewhere: 1/6 at rest, 1 from `speed` (m/s) forward on, linear."""
        return (5.0 * linear(short_of(self.velocity[:, 0], speed), speed) + 1.0) / 6.0

    # Endings.

    @success
    def return_reached(self) -> Tensor:
        """The last step of the episode, and at least `successReturn` earned on the way."""
        return (self.episode_step >= self.max_episode_length) & (
            self.earned >= float(self.config["successReturn"])
        )
