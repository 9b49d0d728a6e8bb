"""All robots on legs that there are, by the name that `task.robot` gives them; read without torch."""

from __future__ import annotations

from typing import Any, Mapping

from rlkit.tasks.robots import humanoids
from rlkit.tasks.robots.go2 import GO2
from rlkit.tasks.robots.humanoids import HUMANOIDS
from rlkit.tasks.robots.legged_robot import LeggedRobot
from rlkit.tasks.robots.quadruped_robot import QuadrupedRobot
from rlkit.terrain.settings import scan_size

QUADRUPEDS: Mapping[str, QuadrupedRobot] = {robot.name: robot for robot in (GO2,)}
LEGGED: Mapping[str, LeggedRobot] = {**HUMANOIDS, **QUADRUPEDS}


def legged_of(task: Mapping[str, Any]) -> LeggedRobot | None:
    """The robot on legs of a `task` section; None where its robot is none of these, or the task has no such setting."""
    return LEGGED.get(str(task.get("robot")))


def sizes_of(task: Mapping[str, Any]) -> dict[str, int]:
    """What a task calls the sizes of its observation terms by, from its settings; empty for a task without legs."""
    robot = legged_of(task)
    if robot is None:
        return {}
    return {
        "num_joints": len(robot.joints),
        "num_feet": len(robot.feet),
        "num_scan_points": scan_size(task),
        **humanoids.sizes_of(task),
    }
