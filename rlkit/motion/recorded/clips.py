"""Clips out of recorded episodes: what a policy has done on a robot is a motion of that robot."""

from __future__ import annotations

import numpy as np

from rlkit.motion.clip import Clip, make_clip
from rlkit.motion.errors import MotionError
from rlkit.motion.robots import ROBOTS, Robot, find_robot
from rlkit.motion.shown.drawable import addresses, compiled


def recorded(
    mjcf: str, qpos: np.ndarray, fps: float, *, robot: str | None, name: str, source: str, licence: str
) -> Clip:
    """The clip of states qpos `[T, nq]` in m, rad and wxyz, body to world, of a model that holds a robot.

    robot: None finds the one of ours whose joints the model has. fps: states a second. Raises MotionError where the
    robot is not in the model.
    """
    model = compiled(mjcf)
    found = (
        find_robot(robot)
        if robot is not None
        else _robot_in({model.joint(i).name for i in range(model.njnt)})
    )
    root, joints = addresses(model, found.joints)
    pos, quat = qpos[:, root : root + 3], qpos[:, root + 3 : root + 7]
    return make_clip(
        found, pos, quat, qpos[:, joints], fps=fps, loop=False, source=source, licence=licence, name=name
    )


def _robot_in(joints: set[str]) -> Robot:
    found = [robot for robot in map(find_robot, ROBOTS) if joints.issuperset(robot.joints)]
    if not found:
        raise MotionError(
            f"none of the robots {', '.join(ROBOTS)} is in the recorded model; name its own with --robot MODEL.xml"
        )
    return max(found, key=lambda robot: len(robot.joints))
