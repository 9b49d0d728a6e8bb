"""The humanoid robots that there are, by the name that `task.robot` gives them; read without torch."""

from __future__ import annotations

from typing import Any, Mapping

from rlkit.tasks.robots.g1 import G1
from rlkit.tasks.robots.h1 import H1
from rlkit.tasks.robots.humanoid_robot import HumanoidRobot

HUMANOIDS: Mapping[str, HumanoidRobot] = {robot.name: robot for robot in (H1, G1)}
DEFAULT = H1.name

OF_REFERENCE = (
    "target_root", "target_joints", "reference_velocity", "reference_joint_pos", "reference_joint_vel",
    "anchor_offset", "anchor_turn",
)  # fmt: skip
"""The observation terms that a robot which follows clips reckons from these."""


def robot_of(task: Mapping[str, Any]) -> HumanoidRobot | None:
    """The humanoid of a `task` section; None where its robot is none of these, or the task has no such setting."""
    return HUMANOIDS.get(str(task.get("robot")))


def sizes_of(task: Mapping[str, Any]) -> dict[str, int]:
    """What a humanoid's task calls the sizes of its observation terms by, from its settings; empty for other tasks.

    A reference's root at one moment is an offset and two columns of a rotation. Of a style's moments each has the
    numbers of `rlkit.motion.features.style_size`, the key bodies being feet and hands; a difference to a reference has
    two more, the root's place. Of targets that may be hidden each of the moments, and one more, has 9 numbers a body,
    two more for whether they are shown, and its time.
    """
    robot, moments = robot_of(task), len(task.get("targets", ()))
    if robot is None:
        return {}
    joints = len(robot.joints)
    frame = 13 + 2 * joints + 3 * (len(robot.feet) + len(robot.hands))
    bodies = len(task.get("masking", {}).get("bodies", ())) or len(robot.masked_bodies)
    return {
        "num_joints": joints,
        "root_targets": 9 * moments,
        "joint_targets": joints * moments,
        "masked_size": (moments + 1) * (11 * bodies + 1),
        "whole_size": (moments + 1) * (9 * bodies + 1),
        "style_size": frame * len(task.get("style", {}).get("moments", ())),
        "difference_size": frame + 2,
        "latent_size": int(task.get("latent", {}).get("size", 0)),
    }
