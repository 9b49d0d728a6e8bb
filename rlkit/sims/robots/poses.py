"""Where a robot starts: a keyframe of its file, or numbers by the names of joints and free bodies."""

# MuJoCo's bindings are compiled and ship no stubs
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Mapping, Sequence, Union

import mujoco
import numpy as np

from rlkit.nearest import nearest
from rlkit.sims.mjcf import MjcfError, unpacked

Pose = Mapping[str, Union[float, Sequence[float]]]
_WIDTH = {int(mujoco.mjtJoint.mjJNT_FREE): 7, int(mujoco.mjtJoint.mjJNT_BALL): 4}
_SERVO = int(mujoco.mjtBias.mjBIAS_AFFINE)


def keyframe_values(model: mujoco.MjModel, name: str) -> tuple[dict[str, np.ndarray], dict[str, float]]:
    """A keyframe's coordinates `[1]`, `[4]` or `[7]` by joint, and controls by actuator.

    Raises MjcfError naming the keyframes that there are.
    """
    names = [model.key(k).name for k in range(model.nkey)]
    if name not in names:
        near = nearest(name, names)
        has = f"the nearest is '{near[0]}'" if near else f"it has: {', '.join(names) or 'none'}"
        raise MjcfError(f"the model has no keyframe '{name}'; {has}")
    key = names.index(name)
    controls = {model.actuator(k).name: float(model.key_ctrl[key, k]) for k in range(model.nu)}
    return coordinates(model, model.key_qpos[key]), controls


def coordinates(model: mujoco.MjModel, qpos: np.ndarray) -> dict[str, np.ndarray]:
    """The coordinates `[1]`, `[4]` or `[7]` of each joint by its name, of `qpos` `[nq]`."""
    return {model.joint(j).name: qpos[_columns(model, j)].copy() for j in range(model.njnt)}


def start(model: mujoco.MjModel, keyed: Mapping[str, np.ndarray], pose: Pose | None) -> np.ndarray:
    """`[nq]` the model's own pose, with the coordinates `keyed` by joint, and on top of them `pose`.

    pose: by name, or by a pattern with `*`, of hinges and slides (rad, m) and of bodies on a free joint (x, y, z in m,
    and a quaternion wxyz where it is not upright). Raises MjcfError for what matches nothing, or has the wrong length.
    """
    qpos = model.qpos0.copy()
    by_name = {model.joint(j).name: j for j in range(model.njnt)}
    for name, values in keyed.items():
        qpos[_columns(model, by_name[name])] = values
    posed = {_posed_name(model, j): j for j in range(model.njnt)}
    for pattern, given in (pose or {}).items():
        values = np.atleast_1d(np.asarray(given, dtype=np.float64))
        matching = [j for name, j in posed.items() if fnmatchcase(name, pattern)]
        if not matching:
            raise MjcfError(f"pose: {_unknown(pattern, list(posed))}")
        for j in matching:
            columns = _columns(model, j)
            width = columns.stop - columns.start
            if len(values) != width and not (width == 7 and len(values) == 3):
                wanted = "3 or 7 numbers" if width == 7 else f"{width} number{'s' * (width > 1)}"
                raise MjcfError(f"pose: '{pattern}' takes {wanted}, not {len(values)}")
            qpos[columns] = [*values, 1.0, 0.0, 0.0, 0.0] if len(values) == 3 and width == 7 else values
    return qpos


def qpos_columns(mjcf: str, names: Sequence[str]) -> list[int]:
    """Where in qpos `[nq]` joints and free bodies stand, one after the other: one number, of free bodies seven.

    Raises MjcfError for a name that the model has not.
    """
    model = mujoco.MjModel.from_xml_string(*unpacked(mjcf))
    posed = {_posed_name(model, j): j for j in range(model.njnt)}
    unknown = [name for name in names if name not in posed]
    if unknown:
        raise MjcfError(_unknown(unknown[0], list(posed)))
    slices = [_columns(model, posed[name]) for name in names]
    return [column for columns in slices for column in range(columns.start, columns.stop)]


def holding_controls(model: mujoco.MjModel, qpos: np.ndarray) -> dict[str, float]:
    """By actuator: a position servo's target that holds a pose (`qpos` `[nq]`), within its range; 0 of all others."""
    controls = {}
    for k in range(model.nu):
        joint = int(model.actuator_trnid[k, 0])
        on_joint = int(model.actuator_trntype[k]) == int(mujoco.mjtTrn.mjTRN_JOINT)
        servo = int(model.actuator_biastype[k]) == _SERVO and model.actuator_biasprm[k, 1] != 0
        value = 0.0
        if on_joint and servo and int(model.jnt_type[joint]) not in _WIDTH:
            value = float(qpos[model.jnt_qposadr[joint]]) * float(model.actuator_gear[k, 0])
        if model.actuator_ctrllimited[k]:
            value = float(np.clip(value, *model.actuator_ctrlrange[k]))
        controls[model.actuator(k).name] = value
    return controls


def _unknown(name: str, known: Sequence[str]) -> str:
    near = nearest(name, known)
    hint = f"the nearest is '{near[0]}'" if near else f"it has: {', '.join(known)}"
    return f"the model has no joint or free body '{name}'; {hint}"


def _columns(model: mujoco.MjModel, joint: int) -> slice:
    first = int(model.jnt_qposadr[joint])
    return slice(first, first + _WIDTH.get(int(model.jnt_type[joint]), 1))


def _posed_name(model: mujoco.MjModel, joint: int) -> str:
    """What a task calls the coordinates: a free joint by its body, as in `free_bodies`."""
    free = int(model.jnt_type[joint]) == int(mujoco.mjtJoint.mjJNT_FREE)
    return model.body(model.jnt_bodyid[joint]).name if free else model.joint(joint).name
