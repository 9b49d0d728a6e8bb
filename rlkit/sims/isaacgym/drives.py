"""What moves a joint: MuJoCo's actuators as the drives of PhysX's joints."""

# MuJoCo's bindings are compiled and ship no stubs
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

from dataclasses import dataclass

import mujoco
import numpy as np

from rlkit.sims.api import SimulatorError
from rlkit.sims.isaacgym.tree import HINGE_OR_SLIDE, joint_name

NO_LIMIT = float(np.finfo(np.float32).max)
_ANY_SPEED = 1000.0  # rad/s or m/s: MuJoCo has no limit, PhysX needs one
_JOINT = int(mujoco.mjtTrn.mjTRN_JOINT)
_FIXED, _NO_DYNAMICS = int(mujoco.mjtGain.mjGAIN_FIXED), int(mujoco.mjtDyn.mjDYN_NONE)
_NO_BIAS, _AFFINE = int(mujoco.mjtBias.mjBIAS_NONE), int(mujoco.mjtBias.mjBIAS_AFFINE)


@dataclass(frozen=True)
class Drive:
    """How a joint is driven. Units: N/m or N m/rad, N s/m or N m s/rad, N or N m, kg or kg m².

    actuator: its name, empty for a joint that none drives. position: whether the control is a target, else a force
    of `stiffness` per control. kv: the part of the damping that is the actuator's. passive: the joint's own.
    range: lower and upper limit, infinite where there is none.
    """

    actuator: str
    position: bool
    stiffness: float
    kv: float
    passive: float
    effort: float
    armature: float
    range: tuple[float, float]
    velocity: float = _ANY_SPEED

    @property
    def damping(self) -> float:
        """Both dampings: PhysX has one number, and limits it with the servo's force."""
        return self.kv + self.passive


def read_drives(model: mujoco.MjModel) -> dict[str, Drive]:
    """The drive of each hinge and slide by the joint's name; raises SimulatorError naming what PhysX cannot do."""
    actuator_of: dict[int, int] = {}
    for actuator in range(model.nu):
        joint = _joint_of(model, actuator)
        if joint in actuator_of:
            raise SimulatorError(
                f"joint '{joint_name(model, joint)}' has two actuators; PhysX has one drive a joint"
            )
        actuator_of[joint] = actuator
    return {
        joint_name(model, joint): _drive(model, joint, actuator_of.get(joint))
        for joint in range(model.njnt)
        if int(model.jnt_type[joint]) in HINGE_OR_SLIDE
    }


def _joint_of(model: mujoco.MjModel, actuator: int) -> int:
    name = model.actuator(actuator).name
    joint = int(model.actuator_trnid[actuator][0])
    if int(model.actuator_trntype[actuator]) != _JOINT or int(model.jnt_type[joint]) not in HINGE_OR_SLIDE:
        raise SimulatorError(
            f"actuator '{name}' drives no hinge or slide: sim=isaacgym cannot have it; use sim=mujoco"
        )
    known = (
        int(model.actuator_gaintype[actuator]) == _FIXED
        and int(model.actuator_dyntype[actuator]) == _NO_DYNAMICS
        and int(model.actuator_biastype[actuator]) in (_NO_BIAS, _AFFINE)
    )
    gain, bias = model.actuator_gainprm[actuator], model.actuator_biasprm[actuator]
    is_servo = bool(bias[:3].any())
    if not known or (is_servo and (bias[0] != 0.0 or bias[1] != -gain[0])):
        raise SimulatorError(
            f"actuator '{name}' is neither a <motor> nor a <position>: sim=isaacgym cannot have it; use sim=mujoco"
        )
    if is_servo and model.actuator_gear[actuator][0] != 1.0:
        raise SimulatorError(
            f"actuator '{name}' is a <position> with a gear; fold the gear into kp, kv and the range"
        )
    return joint


def _drive(model: mujoco.MjModel, joint: int, actuator: int | None) -> Drive:
    dof = int(model.jnt_dofadr[joint])
    limits = tuple(model.jnt_range[joint]) if model.jnt_limited[joint] else (-np.inf, np.inf)
    passive, armature = float(model.dof_damping[dof]), float(model.dof_armature[dof])
    if actuator is None:
        return Drive("", False, 0.0, 0.0, passive, NO_LIMIT, armature, limits)
    position = bool(model.actuator_biasprm[actuator][:3].any())
    return Drive(
        actuator=model.actuator(actuator).name,
        position=position,
        stiffness=float(model.actuator_gainprm[actuator][0] * model.actuator_gear[actuator][0]),
        kv=-float(model.actuator_biasprm[actuator][2]),
        passive=passive,
        effort=_effort(model, joint, actuator),
        armature=armature,
        range=limits,
    )


def _effort(model: mujoco.MjModel, joint: int, actuator: int) -> float:
    """The largest force on the joint; raises SimulatorError where it is not the same both ways."""
    ranges = [(-NO_LIMIT, NO_LIMIT)]
    if model.actuator_forcelimited[actuator]:
        gear = abs(float(model.actuator_gear[actuator][0]))
        ranges.append(tuple(gear * model.actuator_forcerange[actuator]))
    if model.jnt_actfrclimited[joint]:
        ranges.append(tuple(model.jnt_actfrcrange[joint]))
    low, high = max(r[0] for r in ranges), min(r[1] for r in ranges)
    if low != -high:
        name = model.actuator(actuator).name
        raise SimulatorError(
            f"actuator '{name}' may push {low:g} to {high:g}: PhysX has one limit for both ways"
        )
    return float(high)
