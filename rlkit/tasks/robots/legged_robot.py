"""What tasks know of any robot on legs: its joints and their servos, its stance, its feet, and its mirror image.

Plain values, read without torch: `config/` asks them how large observations and actions are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Mapping, NamedTuple


class Servo(NamedTuple):
    """torque = stiffness * (target - angle) - damping * velocity, at most `limit`: N m/rad, N m s/rad, N m."""

    stiffness: float
    damping: float
    limit: float


@dataclass(frozen=True)
class LeggedRobot:
    """A robot on legs, and the numbers that tasks go by; m and rad, z up, x forward, left is +y.

    name: of the robot (`task.robot`) and of its model in rlkit/sims/models. title: for people.
    servos: joint -> its servo, in the order of actions, targets and observations: the model's own.
    bent: joints that are not at 0 in the stance, rad. stance_height: of the root then, the lowest sole on the ground.
    sole: from a foot's frame down to its sole, m. feet: bodies of the model, in pairs, the left one first.
    """

    name: str
    title: str
    servos: Mapping[str, Servo]
    bent: Mapping[str, float]
    stance_height: float
    sole: float
    feet: tuple[str, ...]

    @property
    def root(self) -> str:
        """The body on the free joint."""
        raise NotImplementedError

    @property
    def joints(self) -> tuple[str, ...]:
        """The joints in the order of actions, targets and observations."""
        return tuple(self.servos)

    @property
    def stance(self) -> tuple[float, ...]:
        """rad, by joint: standing with bent legs."""
        return tuple(self.bent.get(joint, 0.0) for joint in self.servos)

    def joint_mirror(self) -> tuple[list[int], list[float]]:
        """For every joint which one its mirror image is read from, and the sign it gets."""
        raise NotImplementedError

    def feet_mirror(self) -> tuple[list[int], list[float]]:
        """The same of the feet: those of a pair are exchanged."""
        return [foot ^ 1 for foot in range(len(self.feet))], [1.0] * len(self.feet)
