"""What tasks know of a humanoid robot beside what every robot on legs has; plain values, read without torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Mapping

from rlkit.tasks.robots.legged_robot import LeggedRobot

_SWAP = {"left": "right", "right": "left"}
_LEG = ("hip", "knee", "ankle")


@dataclass(frozen=True)
class HumanoidRobot(LeggedRobot):
    """A robot with two legs and two arms; see `LeggedRobot`.

    standing_height: of the shoulders of a robot that stands up straight enough, m.
    low: heights of the pelvis, by what they are too low for: `lying` to be off the ground, `stooped` to walk.
    pelvis, torso, shoulders, knees, elbows, hands: bodies of the model; of pairs the left one first.
    """

    standing_height: float
    low: Mapping[str, float]
    hands: tuple[str, str]
    pelvis: str = "pelvis"
    torso: str = "torso_link"
    shoulders: tuple[str, str] = ("left_shoulder_roll_link", "right_shoulder_roll_link")
    knees: tuple[str, str] = ("left_knee_link", "right_knee_link")
    elbows: tuple[str, str] = ("left_elbow_link", "right_elbow_link")

    @property
    def root(self) -> str:
        """The pelvis."""
        return self.pelvis

    @property
    def hips(self) -> tuple[str, ...]:
        """The joints that splay or cross the legs."""
        return tuple(f"{side}_hip_{axis}" for side in _SWAP for axis in ("yaw", "roll"))

    @property
    def upper_body(self) -> tuple[str, ...]:
        """The joints above the legs."""
        return tuple(joint for joint in self.servos if not any(part in joint for part in _LEG))

    @property
    def key_bodies(self) -> tuple[str, ...]:
        """The bodies whose places tell the pose: pelvis, torso, then knees, feet, shoulders, elbows, hands."""
        pairs = (self.knees, self.feet, self.shoulders, self.elbows, self.hands)
        found = (self.pelvis, self.torso, *(body for pair in pairs for body in pair))
        return tuple(dict.fromkeys(found))

    @property
    def masked_bodies(self) -> tuple[str, ...]:
        """The bodies of which targets may be hidden: pelvis, torso, feet, hands."""
        return (self.pelvis, self.torso, *self.feet, *self.hands)

    def joint_mirror(self) -> tuple[list[int], list[float]]:
        """Left and right exchanged; rotations about x and z (roll, yaw, the H1's torso) turn the other way."""
        source, sign = [], []
        for joint in self.joints:
            side, _, rest = joint.partition("_")
            source.append(self.joints.index(f"{_SWAP[side]}_{rest}" if side in _SWAP else joint))
            sign.append(-1.0 if joint.endswith(("roll", "yaw", "torso")) else 1.0)
        return source, sign


def both_sides(left: Mapping[str, float], *, opposite: tuple[str, ...] = ()) -> dict[str, float]:
    """Angles of the joints of one side by their names without it, for both; `opposite`: the right one's sign turns."""
    sides = (("left", 1.0), ("right", -1.0))
    return {
        f"{side}_{joint}": angle * (sign if joint in opposite else 1.0)
        for side, sign in sides
        for joint, angle in left.items()
    }
