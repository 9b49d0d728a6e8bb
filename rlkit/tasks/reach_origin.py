"""ReachOrigin: pull the hand towards the robot's own base, a goal that no pose reaches."""

from __future__ import annotations

from torch import Tensor

from rlkit.tasks.api import reward
from rlkit.tasks.robots.panda import Panda


class ReachOrigin(Panda):
    """RoboVerse's `reach_origin`: the reward is minus the hand's distance to the world's origin.

    The origin lies inside the robot's base, so the best return stays below zero and no episode succeeds.
    """

    @reward
    def hand_distance(self) -> Tensor:
        """−‖hand‖, m: the hand's origin from the world's, never above zero."""
        return -self.hand_position.norm(dim=-1)
