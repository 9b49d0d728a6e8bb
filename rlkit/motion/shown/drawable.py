"""A motion as a model and states of it, which whatever draws recordings can show."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET
from dataclasses import replace
from typing import Any

import numpy as np

from rlkit.motion.clip import Clip
from rlkit.motion.errors import MotionError
from rlkit.motion.robots import ROBOTS, Robot, find_robot
from rlkit.motion.skeleton import SkeletonMotion
from rlkit.sims import mjcf

_THICK, _SHORTEST = 0.025, 0.01  # m: a stick's radius; a shorter bone is not drawn
_STICKS = """
<mujoco>
  <visual><headlight ambient="0.5 0.5 0.5"/></visual>
  <worldbody><geom name="ground" type="plane" size="0 0 0.1"/></worldbody>
</mujoco>
"""


def drawable(motion: Clip | SkeletonMotion, robot: str | None = None) -> tuple[str, np.ndarray]:
    """The model's text and the states of the frames, qpos `[T, nq]` in m, rad and wxyz, body to world.

    robot: the file of the clip's robot where it is none of ours. Raises MotionError where it is not known.
    """
    if isinstance(motion, SkeletonMotion):
        return _sticks(motion)
    text = with_ground(robot_of_clip(motion, robot).mjcf)
    model = compiled(text)
    qpos = np.tile(model.qpos0, (motion.entry.frames, 1))
    root, joints = addresses(model, motion.entry.joints)
    qpos[:, root : root + 7] = np.concatenate((motion.root_pos, motion.root_quat), axis=1)
    qpos[:, joints] = motion.joint_pos
    return text, qpos


def lasting(motion: Clip | SkeletonMotion, seconds: float) -> Clip | SkeletonMotion:
    """The motion; of a loop as many cycles as last so long at least, the last frame included."""
    if not (motion.entry if isinstance(motion, Clip) else motion).loop:
        return motion
    from rlkit.motion.retargeting.loops import repeated

    if isinstance(motion, SkeletonMotion):
        return repeated(motion, _cycles(len(motion.pos), motion.fps, seconds))
    entry, joints = motion.entry, motion.joint_pos
    cycles = _cycles(entry.frames, entry.fps, seconds)
    root = motion.root_pos[:, None], motion.root_quat[:, None]
    path = repeated(
        SkeletonMotion(("root",), (-1,), *root, entry.fps, True, entry.source, entry.licence), cycles
    )
    joints = np.concatenate((np.tile(joints[:-1], (cycles, 1)), joints[:1]))
    return Clip(replace(entry, frames=len(joints)), path.pos[:, 0], path.quat[:, 0], joints)


def _cycles(frames: int, fps: float, seconds: float) -> int:
    return max(1, math.ceil(seconds * fps / (frames - 1) - 1e-6))


def robot_of_clip(clip: Clip, robot: str | None) -> Robot:
    """The robot that a clip is of; raises MotionError where neither the clip nor the user names one that is known."""
    if robot is None and clip.entry.robot not in ROBOTS:
        raise MotionError(
            f"clip {clip.name} is of robot {clip.entry.robot}, which is none of {', '.join(ROBOTS)}: give its file with"
            " --robot MODEL.xml"
        )
    found = find_robot(robot or clip.entry.robot)
    missing = [joint for joint in clip.entry.joints if joint not in found.joints]
    if missing:
        raise MotionError(f"robot {found.name} has no joint {', '.join(missing)} of clip {clip.name}")
    return found


def compiled(text: str) -> Any:
    """MuJoCo's model of a text; raises MotionError where it does not compile or MuJoCo is missing."""
    try:
        import mujoco
    except ImportError as error:
        raise MotionError(f"this needs MuJoCo ({error}): pip install 'rlkit-robotics[mujoco]'") from error
    try:
        return mujoco.MjModel.from_xml_string(*mjcf.unpacked(text))  # pyright: ignore[reportAttributeAccessIssue]
    except ValueError as error:
        raise MotionError(f"the model cannot be loaded: {error}") from error


def addresses(model: Any, joints: tuple[str, ...]) -> tuple[int, list[int]]:
    """Where in qpos the free root above these joints begins, and where each joint stands; raises MotionError."""
    known = {model.joint(index).name: index for index in range(model.njnt)}
    missing = [joint for joint in joints if joint not in known]
    if missing:
        raise MotionError(f"the model has no joint {', '.join(missing)}")
    tree = int(model.body_rootid[model.jnt_bodyid[known[joints[0]]]])
    free = [
        index for index in known.values() if model.jnt_type[index] == 0 and model.jnt_bodyid[index] == tree
    ]
    if not free:
        raise MotionError(
            f"joint {joints[0]} is of a robot that is fixed to the world; motions move a free one"
        )
    return int(model.jnt_qposadr[free[0]]), [int(model.jnt_qposadr[known[joint]]) for joint in joints]


def with_ground(text: str) -> str:
    """The model with an endless plane at z = 0, where it has none."""
    root = ET.fromstring(text)
    if any(geom.get("type") == "plane" for geom in root.iter("geom")):
        return text
    world = root.find("worldbody")
    ET.SubElement(root if world is None else world, "geom", name="drawn_ground", type="plane", size="0 0 0.1")
    return ET.tostring(root, encoding="unicode")


def _sticks(motion: SkeletonMotion) -> tuple[str, np.ndarray]:
    """A free capsule for each bone, from the parent's joint to its own."""
    root = ET.fromstring(_STICKS)
    world = root.find("worldbody")
    assert world is not None
    columns = []
    for joint, parent in enumerate(motion.parents):
        bone = motion.pos[:, joint] - motion.pos[:, parent] if parent >= 0 else np.zeros((1, 3))
        length = float(np.linalg.norm(bone, axis=1).mean())
        if length < _SHORTEST:
            continue
        body = ET.SubElement(world, "body", name=f"bone{joint}")
        ET.SubElement(body, "freejoint")
        ET.SubElement(body, "geom", type="capsule", fromto=f"0 0 0 0 0 {length:.5f}", size=str(_THICK))
        columns += [motion.pos[:, parent], _from_z(bone)]
    if not columns:
        raise MotionError(f"{motion.source}: all of its joints lie in one place")
    return ET.tostring(root, encoding="unicode"), np.concatenate(columns, axis=1).astype(np.float64)


def _from_z(bone: np.ndarray) -> np.ndarray:
    """Quaternions `[T, 4]` wxyz that turn z to where vectors `[T, 3]` point: (1 + z·d, z × d), of length 1."""
    unit = bone / np.maximum(np.linalg.norm(bone, axis=1, keepdims=True), 1e-9)
    zero = np.zeros(len(unit))
    quat = np.stack((1.0 + unit[:, 2], -unit[:, 1], unit[:, 0], zero), axis=-1)
    down = quat[:, 0] < 1e-6
    quat[down] = (0.0, 1.0, 0.0, 0.0)
    return quat / np.linalg.norm(quat, axis=1, keepdims=True)
