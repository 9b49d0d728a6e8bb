"""What is in a model, as lines to read: bodies with their joints, actuators, keyframes, sensors, meshes."""

# MuJoCo's bindings are compiled and ship no stubs
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

import math
from typing import Iterator, Sequence

import mujoco
import numpy as np

from rlkit.sims.api import SceneSpec
from rlkit.sims.mjcf import MjcfError, unpacked
from rlkit.sims.robots.extras import Servo, joint_inertia

_JOINTS = ("free", "ball", "slide", "hinge")
_UNITS = {"hinge": ("rad", "N m"), "slide": ("m", "N")}
_ON_JOINT = int(mujoco.mjtTrn.mjTRN_JOINT)


def described(mjcf: str, servos: Sequence[Servo] = ()) -> list[str]:
    """The lines of a model; servos: those that were added, whose gains were derived. Raises MjcfError."""
    try:
        model = mujoco.MjModel.from_xml_string(*unpacked(mjcf))
    except ValueError as error:
        raise MjcfError(f"MuJoCo cannot read the scene: {' '.join(str(error).split())}") from error
    mass = float(model.body_mass.sum())
    return [
        f"{model.nbody - 1} bodies, {mass:.4g} kg, {model.njnt} joints, {model.nu} actuators,"
        f" {model.nq} coordinates, {model.nv} speeds, timestep {model.opt.timestep:g} s",
        "",
        *_tree(model, 0, ""),
        *_section("actuators", _actuators(model, {servo.joint: servo for servo in servos})),
        *_section("keyframes", _keyframes(model)),
        *_section("sensors", [_named(model, k, "sensor") for k in range(model.nsensor)]),
        *_section("cameras", [_named(model, k, "camera") for k in range(model.ncam)]),
        *_section("tendons", [_named(model, k, "tendon") for k in range(model.ntendon)]),
        *_section("equalities", [_equality(model, k) for k in range(model.neq)]),
        *_section("meshes", _meshes(model)),
    ]


def start_pose(spec: SceneSpec) -> np.ndarray:
    """`[nq]` (m, rad, wxyz) where a scene starts: the model's own pose with the coordinates of `spec.start`."""
    model = mujoco.MjModel.from_xml_string(*unpacked(spec.mjcf))
    qpos = model.qpos0.copy()
    if spec.start is not None:
        for name, value in zip(spec.joints, spec.start.joint_pos):
            qpos[model.joint(name).qposadr[0]] = value
        for name, pose in zip(spec.free_bodies, spec.start.free_pose):
            first = int(model.jnt_qposadr[model.body(name).jntadr[0]])
            qpos[first : first + 7] = pose
    return qpos


def _section(title: str, lines: Sequence[str]) -> list[str]:
    return ["", f"{title}: {len(lines)}", *(f"  {line}" for line in lines)] if lines else []


def _named(model: mujoco.MjModel, index: int, kind: str) -> str:
    return getattr(model, kind)(index).name or f"number {index}"


def _tree(model: mujoco.MjModel, body: int, indent: str) -> Iterator[str]:
    """The body and all below it, its joints, geoms and sites on its line and those that follow."""
    name = model.body(body).name or f"body {body}"
    geoms = np.flatnonzero(model.geom_bodyid == body)
    solid = sum(bool(model.geom_contype[g] or model.geom_conaffinity[g]) for g in geoms)
    parts = [f"{model.body_mass[body]:.4g} kg"] if body else []
    parts += [f"{len(geoms)} geoms, {solid} of them solid"] if len(geoms) else []
    sites = [model.site(k).name or f"number {k}" for k in np.flatnonzero(model.site_bodyid == body)]
    parts += [f"sites {', '.join(sites)}"] if sites else []
    yield f"{indent}{name}" + (f"  ({'; '.join(parts)})" if parts else "")
    for j in np.flatnonzero(model.jnt_bodyid == body):
        yield f"{indent}  - {_joint(model, int(j))}"
    for child in np.flatnonzero(model.body_parentid == body):
        if child:
            yield from _tree(model, int(child), indent + "  ")


def _joint(model: mujoco.MjModel, j: int) -> str:
    kind = _JOINTS[int(model.jnt_type[j])]
    if kind in ("free", "ball"):
        return f"{kind} joint {model.joint(j).name}"
    unit, dof = _UNITS[kind][0], int(model.jnt_dofadr[j])
    low, high = model.jnt_range[j]
    limits = f"{low:.4g} to {high:.4g} {unit}" if model.jnt_limited[j] else "no limits"
    degrees = f" ({math.degrees(low):.0f} to {math.degrees(high):.0f}°)" if kind == "hinge" else ""
    rest = [
        f"{label} {value[dof]:.3g}"
        for label, value in (
            ("damping", model.dof_damping[:, 0] if model.dof_damping.ndim > 1 else model.dof_damping),
            ("armature", model.dof_armature),
            ("friction", model.dof_frictionloss),
        )
        if value[dof]
    ]
    joined = f"; {', '.join(rest)}" if rest else ""
    return f"{kind} {model.joint(j).name}: {limits}{degrees if model.jnt_limited[j] else ''}{joined}"


def _actuators(model: mujoco.MjModel, added: dict[str, Servo]) -> list[str]:
    inertia = joint_inertia(model, model.qpos0)
    lines = []
    for k in range(model.nu):
        gain, bias = model.actuator_gainprm[k, 0], model.actuator_biasprm[k]
        on_joint = int(model.actuator_trntype[k]) == _ON_JOINT
        joint = int(model.actuator_trnid[k, 0]) if on_joint else -1
        target = model.joint(joint).name if on_joint else _target(model, k)
        if gain and math.isclose(bias[1], -gain):
            kind = f"position servo, kp {gain:.4g}, kv {-bias[2]:.4g}"
        elif gain and math.isclose(bias[2], -gain):
            kind = f"velocity servo, kv {gain:.4g}"
        elif not bias.any():
            kind = f"motor, gear {model.actuator_gear[k, 0]:.4g}"
        else:
            kind = "general"
        low, high = model.actuator_ctrlrange[k]
        control = (
            f"control {low:.4g} to {high:.4g}" if model.actuator_ctrllimited[k] else "control without limits"
        )
        servo = added.get(target)
        made = f"; added for the inertia {servo.inertia:.3g}" if servo else ""
        moves = f" moves {inertia[joint]:.3g}" if on_joint and not servo else ""
        lines.append(f"{model.actuator(k).name}: {kind}; {control}; on {target}{moves}{made}")
    return lines


def _target(model: mujoco.MjModel, actuator: int) -> str:
    kinds = {
        int(mujoco.mjtTrn.mjTRN_TENDON): "tendon",
        int(mujoco.mjtTrn.mjTRN_SITE): "site",
        int(mujoco.mjtTrn.mjTRN_BODY): "body",
        int(mujoco.mjtTrn.mjTRN_JOINTINPARENT): "joint",
        int(mujoco.mjtTrn.mjTRN_SLIDERCRANK): "site",
    }
    kind = kinds[int(model.actuator_trntype[actuator])]
    return f"{kind} {_named(model, int(model.actuator_trnid[actuator, 0]), kind)}"


def _keyframes(model: mujoco.MjModel) -> list[str]:
    lines = []
    for k in range(model.nkey):
        moved = [
            f"{model.joint(j).name} {model.key_qpos[k, model.jnt_qposadr[j]]:.3g}"
            for j in range(model.njnt)
            if _JOINTS[int(model.jnt_type[j])] in _UNITS
        ]
        lines.append(f"{_named(model, k, 'key')}: {', '.join(moved)}")
    return lines


def _equality(model: mujoco.MjModel, k: int) -> str:
    kind = mujoco.mjtEq(int(model.eq_type[k])).name[len("mjEQ_") :].lower()
    if kind == "joint":
        one, two = int(model.eq_obj1id[k]), int(model.eq_obj2id[k])
        return f"{model.joint(one).name} follows {model.joint(two).name if two >= 0 else 'a constant'}"
    return f"{kind} {model.equality(k).name}".strip()


def _meshes(model: mujoco.MjModel) -> list[str]:
    return [f"{model.mesh(k).name}: {int(model.mesh_facenum[k])} faces" for k in range(model.nmesh)]
