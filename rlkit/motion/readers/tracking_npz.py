"""The npz that BeyondMimic (whole_body_tracking) and mjlab track: joints and bodies in the world, quaternions wxyz."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import Iterator

import numpy as np

from rlkit.archives.npz import NpzArchive
from rlkit.motion.clip import Clip
from rlkit.motion.readers.rows import clip_of, robot_of
from rlkit.motion.readers.source import Source
from rlkit.motion.robots import Robot
from rlkit.sims.mjcf_names import parts_of

SAYS = "BeyondMimic and mjlab: .npz with fps, joint_pos, body_pos_w, body_quat_w"

_KEYS = ("fps", "joint_pos", "body_pos_w", "body_quat_w")
_SAMPLE, _FITS = 8, 0.03  # frames that are compared; m between bodies, of robots drawn a little differently


def recognises(source: Source) -> bool:
    """Whether the zip has its arrays."""
    return {f"{key}.npy" for key in _KEYS} <= set(source.members)


def read(source: Source) -> list[Clip]:
    """The one clip of the file; raises MotionError and what TORN names."""
    with NpzArchive(source.path) as archive:
        fps, joints, pos, quat = (archive.read(key).astype(np.float64) for key in _KEYS)
    if (
        fps.size != 1
        or joints.ndim != 2
        or pos.ndim != 3
        or quat.shape != (*pos.shape[:2], 4)
        or pos.shape[2] != 3
    ):
        source.refuse(
            f"joint_pos {list(joints.shape)}, body_pos_w {list(pos.shape)}, body_quat_w {list(quat.shape)}"
        )
    if len(joints) != len(pos) or not pos.shape[1]:
        source.refuse(f"{len(joints)} frames of joints and {len(pos)} of {pos.shape[1]} bodies")
    robot = robot_of(source, joints.shape[1])
    order = _joint_order(source, robot, joints, pos, quat)
    rate = source.asked.fps or float(fps.reshape(-1)[0])
    return [clip_of(source, robot, pos[:, 0], quat[:, 0], joints[:, order], rate)]


def breadth_first(robot: Robot) -> list[int]:
    """Where each joint of the model's order stands when joints are counted level by level, as Isaac Lab does."""
    root = next(b for b in ET.fromstring(robot.mjcf).iter("body") if b.get("name") == robot.root)
    level, found = [root], []
    while level:
        parts = [part for body in level for part in parts_of(body) if part.tag == "joint"]
        found += [part.get("name") for part in parts if part.get("name") in robot.joints]
        level = [child for body in level for child in _children(body)]
    return [found.index(joint) for joint in robot.joints]


def _children(body: ET.Element) -> Iterator[ET.Element]:
    for child in body:
        if child.tag == "body":
            yield child
        elif child.tag == "frame":
            yield from _children(child)


def _joint_order(
    source: Source, robot: Robot, joints: np.ndarray, pos: np.ndarray, quat: np.ndarray
) -> list[int]:
    """Columns in the model's order. The file does not name them: that order is right whose bodies lie where it says."""
    orders = {"model": list(range(len(robot.joints))), "breadth": breadth_first(robot)}
    if source.asked.joint_order is not None:
        return orders[source.asked.joint_order]
    frames = np.linspace(0, len(pos) - 1, _SAMPLE).astype(int)
    errors = {
        name: _distance(robot, joints[frames][:, order], pos[frames], quat[frames])
        for name, order in orders.items()
    }
    best = min(errors, key=lambda name: errors[name])
    if not errors[best] < _FITS:
        told = ", ".join(f"{name} {error:.3f} m" for name, error in errors.items())
        source.refuse(
            f"with the joints of robot {robot.name} its bodies lie elsewhere ({told} off): is it of another"
            " robot? --joint-order model (mjlab) or breadth (Isaac Lab) takes it all the same"
        )
    other = {"model": "the model's, as mjlab writes it", "breadth": "level by level, as Isaac Lab writes it"}[
        best
    ]
    source.note(
        f"joints in the order {other}: the bodies lie {1000 * errors[best]:.0f} mm off; --joint-order"
    )
    return orders[best]


def _distance(robot: Robot, joints: np.ndarray, pos: np.ndarray, quat: np.ndarray) -> float:
    """Mean distance (m) of the robot's bodies from the nearest in the file: it may have more, as hands."""
    import torch

    from rlkit.motion.kinematics import Kinematics

    rows = [torch.from_numpy(array) for array in (pos[:, 0], quat[:, 0], joints)]
    bodies, _ = Kinematics(robot, dtype=torch.float64).poses(*rows)
    distances = torch.cdist(bodies, torch.from_numpy(pos))
    return float(distances.min(dim=-1).values.mean())
