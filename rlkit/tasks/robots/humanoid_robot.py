"""What tasks know of a humanoid robot: its joints and their servos, its stance, its parts, and its mirror image.

Plain values, read without torch: `config/` asks them how large observations and actions are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Mapping, NamedTuple

_SWAP = {"left": "right", "right": "left"}
_LEG = ("hip", "knee", "ankle")


class Servo(NamedTuple):
    """torque = stiffness * (target - angle) - damping * velocity, at most `limit`: N m/rad, N m s/rad, N m."""

    stiffness: float
    damping: float
    limit: float


@dataclass(frozen=True)
class HumanoidRobot:
    """A robot with two legs and two arms, and the numbers that tasks go by; m and rad, z up, x forward, left is +y.

    name: of the robot (`task.robot`) and of its model in rlkit/sims/models. title: for people.
    servos: joint -> its servo, in the order of actions, targets and observations: the model's own.
    bent: joints that are not at 0 in the stance, rad. stance_height: of the pelvis then, the soles on the ground.
    standing_height: of the shoulders of a robot that stands up straight enough.
    low: heights of the pelvis, by what they are too low for: `lying` to be off the ground, `stooped` to walk.
    sole: from a foot's frame down to its sole, m.
    pelvis, torso, feet, shoulders, knees, elbows, hands: bodies of the model; of pairs the left one first.
    """

    name: str
    title: str
    servos: Mapping[str, Servo]
    bent: Mapping[str, float]
    stance_height: float
    standing_height: float
    low: Mapping[str, float]
    sole: float
    feet: tuple[str, str]
    hands: tuple[str, str]
    pelvis: str = "pelvis"
    torso: str = "torso_link"
    shoulders: tuple[str, str] = ("left_shoulder_roll_link", "right_shoulder_roll_link")
    knees: tuple[str, str] = ("left_knee_link", "right_knee_link")
    elbows: tuple[str, str] = ("left_elbow_link", "right_elbow_link")

    @property
    def joints(self) -> tuple[str, ...]:
        """The joints in the order of actions, targets and observations."""
        return tuple(self.servos)

    @property
    def stance(self) -> tuple[float, ...]:
        """rad, by joint: standing with bent knees."""
        return tuple(self.bent.get(joint, 0.0) for joint in self.servos)

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
