"""LocoMuJoCo's data sets (0.4) of the Unitree H1: one array a coordinate, `q_<joint>` in its own names."""

from __future__ import annotations

import numpy as np

from rlkit.archives.npz import NpzArchive
from rlkit.motion.clip import Clip
from rlkit.motion.readers.rows import clip_of, robot_of
from rlkit.motion.readers.source import Source

SAYS = "LocoMuJoCo 0.4: .npz with q_pelvis_tx, q_…"

_RATE = 500.0  # frames a second
_REST = 1.045  # m: the height of its H1's pelvis where q_pelvis_ty is 0
_ROOT = ("pelvis_tx", "pelvis_tz", "pelvis_ty", "pelvis_tilt", "pelvis_list", "pelvis_rotation")
_LEG = {"hip_yaw": "hip_rotation", "hip_roll": "hip_adduction", "hip_pitch": "hip_flexion", "knee": "knee_angle",
        "ankle": "ankle_angle"}  # fmt: skip
_ARM = {"shoulder_pitch": "arm_shy", "shoulder_roll": "arm_shx", "shoulder_yaw": "arm_shz"}


def _their_name(joint: str) -> str:
    """What LocoMuJoCo calls a joint of our H1."""
    side, _, part = joint.partition("_")
    if part in _LEG:
        return f"{_LEG[part]}_{side[0]}"
    return f"{side[0]}_{_ARM[part]}" if part in _ARM else {"torso": "back_bkz"}.get(joint, joint)


def recognises(source: Source) -> bool:
    """Whether the zip has the pelvis' coordinates."""
    return {f"q_{name}.npy" for name in _ROOT} <= set(source.members)


def read(source: Source) -> list[Clip]:
    """The one clip of the file; raises MotionError and what TORN names."""
    with NpzArchive(source.path) as archive:
        values = {
            name[2:]: archive.read(name).astype(np.float64) for name in archive.names if name[:2] == "q_"
        }
    robot = robot_of(source, 19)
    wanted = [_their_name(joint) for joint in robot.joints]
    missing = [name for name in wanted if name not in values]
    if missing:
        source.refuse(f"it has no q_{', q_'.join(missing)}: it is of another robot than {robot.name}")
    if len({array.shape for array in values.values()}) != 1 or values["pelvis_tx"].ndim != 1:
        source.refuse("its coordinates are not all of one length")
    left = sorted(set(values) - {*wanted, *_ROOT})
    if left:
        source.note(f"left out, as the robot has no such joints: {', '.join(left)}")
    pos = np.stack([values["pelvis_tx"], values["pelvis_tz"], values["pelvis_ty"] + _REST], axis=-1)
    joints = np.stack([values[name] for name in wanted], axis=-1)
    return [
        clip_of(source, robot, pos, _root_quat(values), joints, source.rate(_RATE, "as LocoMuJoCo records"))
    ]


def _root_quat(values: dict[str, np.ndarray]) -> np.ndarray:
    """Turns about -y (tilt), then x (list), then z (rotation), each about the turned axes, as its model has them."""
    import torch

    from rlkit.motion.readers.skeletal import from_angles

    names, signs = ("pelvis_tilt", "pelvis_list", "pelvis_rotation"), (-1.0, 1.0, 1.0)
    angles = np.stack([sign * values[name] for name, sign in zip(names, signs)], axis=-1)
    return from_angles("YXZ", torch.rad2deg(torch.from_numpy(angles))).numpy()
