"""Rows of root pose and joint angles of a robot, checked, as a clip."""

from __future__ import annotations

import numpy as np

from rlkit.motion.clip import Clip, make_clip
from rlkit.motion.readers.source import Source
from rlkit.motion.robots import ROBOTS, Robot, find_robot

_UNIT = 0.05  # how far from 1 the length of a quaternion may be in a file of few digits
_HIGHEST, _WIDEST = 20.0, 15.0  # m above the ground, rad of a joint: beyond it the unit is another


def robot_of(source: Source, joints: int) -> Robot:
    """The robot that the user names, or the one of ours that has so many joints; raises MotionError."""
    having = [f"{name} has {len(find_robot(name).joints)}" for name in ROBOTS]
    if source.asked.robot is not None:
        robot = find_robot(source.asked.robot)
        if len(robot.joints) != joints:
            source.refuse(f"it has {joints} joints, and robot {robot.name} has {len(robot.joints)}")
        return robot
    found = [robot for robot in map(find_robot, ROBOTS) if len(robot.joints) == joints]
    if len(found) != 1:
        source.refuse(
            f"it has {joints} joints ({', '.join(having)}); say whose with --robot NAME or --robot MODEL.xml"
        )
    source.note(f"taken as robot {found[0].name}, which has {joints} joints; --robot says otherwise")
    return found[0]


def clip_of(
    source: Source,
    robot: Robot,
    root_pos: np.ndarray,
    root_quat: np.ndarray,
    joint_pos: np.ndarray,
    fps: float,
    name: str | None = None,
) -> Clip:
    """The clip of rows `[T, 3]` m, `[T, 4]` wxyz, body to world, and `[T, J]` rad in the model's order.

    Raises MotionError for what is no number, no unit quaternion, or of another unit.
    """
    for what, array in (
        ("root position", root_pos),
        ("root quaternion", root_quat),
        ("joint angle", joint_pos),
    ):
        require_finite(source, what, array)
    root_pos = root_pos * (source.asked.scale or 1.0)
    height, widest = float(np.abs(root_pos[:, 2]).max()), float(np.abs(joint_pos).max(initial=0.0))
    if height > _HIGHEST:
        source.refuse(f"the root is up to {height:.4g} m high; where these are centimetres, say --scale 0.01")
    if widest > _WIDEST:
        source.refuse(f"a joint turns by {widest:.4g} rad; are these degrees? Radians are read")
    return make_clip(
        robot,
        root_pos,
        unit_quaternions(source, root_quat),
        joint_pos,
        fps=fps,
        loop=source.loops,
        source=source.origin,
        licence=source.licence,
        name=name or source.path.stem,
    )


def require_finite(source: Source, what: str, array: np.ndarray) -> None:
    """Refuse NaN and infinity in an array `[T, ...]` of any unit, naming the frame; raises MotionError."""
    bad = np.argwhere(~np.isfinite(array))
    if len(bad):
        source.refuse(f"frame {bad[0][0]} holds a {what} that is no number ({array[tuple(bad[0])]})")


def unit_quaternions(source: Source, quat: np.ndarray) -> np.ndarray:
    """The same rotations `[T, ..., 4]` wxyz, body to world, of length 1, without jumps of sign; raises MotionError."""
    lengths = np.linalg.norm(quat, axis=-1, keepdims=True)
    worst = float(np.abs(lengths - 1.0).max())
    if worst > _UNIT:
        frame = int(np.argwhere(np.abs(lengths - 1.0) == np.abs(lengths - 1.0).max())[0][0])
        source.refuse(
            f"the quaternion of frame {frame} has length {1.0 + worst:.3g} or {1.0 - worst:.3g}, not 1: are the"
            " columns in another order?"
        )
    quat = quat / lengths
    turned = np.sign((quat[1:] * quat[:-1]).sum(-1, keepdims=True))
    signs = np.cumprod(np.where(turned < 0.0, -1.0, 1.0), axis=0)
    return np.concatenate((quat[:1], quat[1:] * signs))
