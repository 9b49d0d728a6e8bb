"""The motion library that a task's settings name, and actions that reach what is in it."""

from __future__ import annotations

from typing import Any, Mapping

import torch
from torch import Tensor

from rlkit.motion.collection import resolve
from rlkit.motion.kinematics import Kinematics
from rlkit.motion.library import MotionLibrary
from rlkit.motion.pack import load_clips
from rlkit.motion.robots import find_robot
from rlkit.tasks.robots.humanoid_robot import HumanoidRobot
from rlkit.tasks.robots.servos import Servos


def load_library(config: Mapping[str, Any], robot: HumanoidRobot, device: torch.device) -> MotionLibrary:
    """The clips of `task.motion`, with their mirror images where `task.mirrored` asks for them.

    Raises MotionError for what is not there, no clip, or not of this robot.
    """
    choices = resolve(config["motion"])
    return MotionLibrary(
        load_clips(choices),
        Kinematics(find_robot(robot.name), device),
        weights=[choice.weight for choice in choices],
        joint_mirror=robot.joint_mirror() if config["mirrored"] else None,
    )


def around_clips(library: MotionLibrary, servos: Servos, share: float) -> tuple[Tensor, Tensor]:
    """The middle of what each joint does in the clips, and how far from there an action of 1 is to put its target.

    `[J]` rad each: half of the clips' range, and what makes the servo's spring pull with `share` of the torque limit.
    """
    low, high = library.joint_range()
    return 0.5 * (low + high), share * servos.limit / servos.stiffness + 0.5 * (high - low)
