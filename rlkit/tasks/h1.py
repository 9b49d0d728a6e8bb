"""The Unitree H1's names, servos, stance and mirror image: what every task with this humanoid shares."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from rlkit.tasks.api import MirrorImage


class Servo(NamedTuple):
    """torque = stiffness * (target - angle) - damping * velocity, at most `limit`: N m/rad, N m s/rad, N m."""

    stiffness: float
    damping: float
    limit: float


HIP, KNEE, ANKLE = Servo(200.0, 5.0, 200.0), Servo(300.0, 6.0, 300.0), Servo(40.0, 2.0, 40.0)
TORSO, SHOULDER, ARM = Servo(300.0, 6.0, 200.0), Servo(100.0, 2.0, 40.0), Servo(100.0, 2.0, 18.0)

_LEG = {"hip_yaw": HIP, "hip_roll": HIP, "hip_pitch": HIP, "knee": KNEE, "ankle": ANKLE}
_ARM = {"shoulder_pitch": SHOULDER, "shoulder_roll": SHOULDER, "shoulder_yaw": ARM, "elbow": ARM}
SERVOS = {
    **{f"left_{name}": servo for name, servo in _LEG.items()},
    **{f"right_{name}": servo for name, servo in _LEG.items()},
    "torso": TORSO,
    **{f"left_{name}": servo for name, servo in _ARM.items()},
    **{f"right_{name}": servo for name, servo in _ARM.items()},
}
JOINTS = tuple(SERVOS)  # the order of actions, targets and observations
STANCE_HEIGHT = 0.98  # m, of the pelvis: the soles are on the ground
_STANCE = {"hip_pitch": -0.4, "knee": 0.8, "ankle": -0.4}  # rad, both legs; all else is straight

PELVIS = "pelvis"
FEET = ("left_ankle_link", "right_ankle_link")
SHOULDERS = ("left_shoulder_roll_link", "right_shoulder_roll_link")


def stance(device: torch.device) -> Tensor:
    """`[19]` rad: standing with bent knees."""
    return torch.tensor([_STANCE.get(name.split("_", 1)[-1], 0.0) for name in JOINTS], device=device)


class Servos:
    """The law of all servos, so that a task knows their torques without asking the simulator."""

    def __init__(self, device: torch.device) -> None:
        columns = torch.tensor(list(SERVOS.values()), device=device).T
        self.stiffness, self.damping, self.limit = columns.unbind(0)  # [19] each

    def torques(self, targets: Tensor, joint_pos: Tensor, joint_vel: Tensor) -> Tensor:
        """`[N, 19]` N m at joint angles and velocities `[N, 19]` (rad, rad/s) under `targets` (rad)."""
        wanted = self.stiffness * (targets - joint_pos) - self.damping * joint_vel
        return torch.minimum(torch.maximum(wanted, -self.limit), self.limit)


def joint_mirror() -> MirrorImage:
    """Left and right exchanged; rotations about x and z (roll, yaw, the torso) turn the other way."""
    swap = {"left": "right", "right": "left"}
    source, sign = [], []
    for name in JOINTS:
        side, _, rest = name.partition("_")
        source.append(JOINTS.index(f"{swap[side]}_{rest}" if rest else name))
        sign.append(-1.0 if name == "torso" or rest.endswith(("roll", "yaw")) else 1.0)
    return source, sign
