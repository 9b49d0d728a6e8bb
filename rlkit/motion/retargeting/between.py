"""A robot's motion as a person's, so that another robot can do it."""

from __future__ import annotations

import torch

from rlkit.motion.clip import ARRAYS, Clip
from rlkit.motion.kinematics import Kinematics
from rlkit.motion.retargeting.parts import PARTS, robot_map
from rlkit.motion.robots import find_robot
from rlkit.motion.skeleton import SkeletonMotion
from rlkit.rotations import rotate

_ABOVE = {"torso": "pelvis", "shoulder": "torso", "elbow": "shoulder", "hand": "elbow"}
_ABOVE.update(hip="pelvis", knee="hip", ankle="knee", toe="ankle")


def as_skeleton(clip: Clip) -> SkeletonMotion:
    """The joints that the parts of a clip's robot are, called as the parts.

    Raises MotionError where nothing says which of the robot's bodies play them.
    """
    robot = find_robot(clip.entry.robot)
    places = robot_map(robot, clip.entry.robot).parts
    names = tuple(part for part in ("pelvis", "torso", *PARTS) if part in places)
    names = tuple(dict.fromkeys(sorted(names, key=_depth)))
    kinematics = Kinematics(robot, dtype=torch.float64)
    pos, quat = kinematics.poses(*(torch.from_numpy(getattr(clip, name)).double() for name in ARRAYS))
    rows = [robot.bodies.index(places[name][0]) for name in names]
    points = torch.tensor([places[name][1] for name in names], dtype=torch.float64)
    pos, quat = pos[:, rows] + rotate(quat[:, rows], points), quat[:, rows]
    entry = clip.entry
    parents = tuple(_parent(name, names) for name in names)
    source = f"{entry.source}; retargeted from {entry.robot}"
    return SkeletonMotion(
        names, parents, pos.numpy(), quat.numpy(), entry.fps, entry.loop, source, entry.licence
    )


def _above(part: str) -> str | None:
    side, _, kind = part.rpartition("_")
    above = _ABOVE.get(kind)
    return above if above in ("pelvis", "torso", None) else f"{side}_{above}"


def _depth(part: str) -> int:
    above = _above(part)
    return 0 if above is None else 1 + _depth(above)


def _parent(part: str, names: tuple[str, ...]) -> int:
    """The nearest part above that is there; -1 for the pelvis."""
    above = _above(part)
    while above is not None and above not in names:
        above = _above(above)
    return -1 if above is None else names.index(above)
