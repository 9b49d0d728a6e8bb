"""The commands with which a model's position servos hold a pose: that of a keyframe, or the present one."""

# MuJoCo's bindings are compiled and ship no stubs
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

from typing import Sequence

import mujoco

from rlkit.sims.mjcf import MjcfError, unpacked


def keyframes(mjcf: str) -> tuple[str, ...]:
    """The names of a model's keyframes."""
    model = _model(mjcf)
    return tuple(model.key(k).name for k in range(model.nkey))


def held_joints(mjcf: str, actuators: Sequence[str]) -> list[tuple[str, float]]:
    """For each actuator the joint that it serves, and the command that holds this joint where it is, divided by where.

    Raises MjcfError naming an actuator that is no position servo of a joint: what it holds is no position.
    """
    model, joint = _model(mjcf), int(mujoco.mjtTrn.mjTRN_JOINT)
    found = []
    for name in actuators:
        actuator = model.actuator(name)
        gain, stiffness = float(actuator.gainprm[0]), -float(actuator.biasprm[1])
        if int(actuator.trntype[0]) != joint or stiffness <= 0 or gain <= 0:
            raise MjcfError(f"actuator {name} is no position servo of a joint: it holds no pose")
        found.append((model.joint(int(actuator.trnid[0])).name, float(actuator.gear[0]) * stiffness / gain))
    return found


def held_by(mjcf: str, keyframe: str, actuators: Sequence[str]) -> list[float]:
    """The command for each actuator in a keyframe: its `ctrl` where it has any, else what holds its joints.

    Raises MjcfError as `held_joints`, and for a keyframe that there is none of.
    """
    model, names = _model(mjcf), keyframes(mjcf)
    if keyframe not in names:
        raise MjcfError(f"the scene has no keyframe {keyframe}; it has {', '.join(names) or 'none'}")
    key = model.key(keyframe)
    if key.ctrl.any():
        return [float(key.ctrl[model.actuator(name).id]) for name in actuators]
    return [
        share * float(key.qpos[model.joint(joint).qposadr[0]])
        for joint, share in held_joints(mjcf, actuators)
    ]


def _model(mjcf: str) -> mujoco.MjModel:
    try:
        return mujoco.MjModel.from_xml_string(*unpacked(mjcf))
    except ValueError as error:
        raise MjcfError(f"MuJoCo cannot read the scene: {' '.join(str(error).split())}") from error
