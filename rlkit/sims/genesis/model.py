"""What of a scene Genesis can simulate: its MJCF as Genesis must read it, and refusals by name of all else.

Genesis reads MJCF through MuJoCo and takes over most of it, but passes over silently what it does not know.
"""

# MuJoCo's bindings are compiled and ship no stubs
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

import xml.etree.ElementTree as ET
from itertools import chain

import mujoco
import numpy as np

from rlkit.sims.api import PhysicsSettings, SceneSpec, SimulatorError
from rlkit.sims.checks import refuse_sensors
from rlkit.sims.mjcf import has_files
from rlkit.sims.mjmodel.refusals import geom_label, refuse, surface_problems, world_problems
from rlkit.sims.mjmodel.scene import build_scene

SOLVERS = {"newton": "Newton", "cg": "CG"}
INTEGRATORS = {"euler": "Euler", "implicitfast": "implicitfast"}
_SOLREF = "0.02 1"  # MuJoCo's own default; Genesis writes another one where a model has none
_HINGE_OR_SLIDE = (int(mujoco.mjtJoint.mjJNT_HINGE), int(mujoco.mjtJoint.mjJNT_SLIDE))
_ON_JOINT, _NO_STATE = int(mujoco.mjtTrn.mjTRN_JOINT), int(mujoco.mjtDyn.mjDYN_NONE)
_FIXED = int(mujoco.mjtGain.mjGAIN_FIXED)
# By what a force depends on.
MOTOR, SERVO = int(mujoco.mjtBias.mjBIAS_NONE), int(mujoco.mjtBias.mjBIAS_AFFINE)
_BALL = int(mujoco.mjtJoint.mjJNT_BALL)
_NO_SHAPES = {
    int(mujoco.mjtGeom.mjGEOM_HFIELD): "a height field",
    int(mujoco.mjtGeom.mjGEOM_SDF): "a signed distance field",
}


def genesis_text(mjcf: str) -> str:
    """The MJCF with what Genesis would change written out: MuJoCo's constraint softness, and a world that it keeps."""
    root = ET.fromstring(mjcf)
    for world in root.findall("worldbody")[:1]:
        # Genesis leaves out a world without a geom, and counts bodies from there
        if world.find("geom") is None:
            ET.SubElement(world, "geom", type="sphere", size="0.001", contype="0", conaffinity="0")
    default = root.find("default")
    if default is None:
        default = ET.SubElement(root, "default")
    for tag, names in (
        ("geom", ("solref",)),
        ("joint", ("solreflimit", "solreffriction")),
        ("equality", ("solref",)),
    ):
        element = default.find(tag)
        if element is None:
            element = ET.SubElement(default, tag)
        for name in names:
            element.attrib.setdefault(name, _SOLREF)
    return ET.tostring(root, encoding="unicode")


def check_physics(physics: PhysicsSettings) -> None:
    """Raise SimulatorError for a solver or an integrator that Genesis does not have."""
    for setting, value, known in (
        ("solver", physics.solver, SOLVERS),
        ("integrator", physics.integrator, INTEGRATORS),
    ):
        if value not in known:
            raise SimulatorError(f"Genesis has no {setting} {value}; use sim.{setting}={' or '.join(known)}")


def check_model(model: mujoco.MjModel) -> None:
    """Raise SimulatorError naming the first part of the model that Genesis would leave out or change."""
    surfaces = surface_problems(model, "the larger one", lambda own, other: other > own)
    problems = (
        world_problems(model),
        _joint_problems(model),
        _actuator_problems(model),
        _shape_problems(model),
    )
    refuse("genesis", chain(*problems, surfaces))


def check_files(spec: SceneSpec) -> None:
    """Raise SimulatorError for a model with files, which Genesis would look for on the disk."""
    if has_files(spec.mjcf):
        raise SimulatorError(
            "sim=genesis takes no model with meshes, textures or height fields from files; use sim=mujoco, mjx or warp"
        )


def check_scene(spec: SceneSpec, physics: PhysicsSettings) -> None:
    """Raise SimulatorError naming what sim=genesis cannot simulate, by what MuJoCo reads; Genesis is not needed."""
    check_physics(physics)
    check_files(spec)
    refuse_sensors(spec, "genesis")
    check_model(build_scene(spec, physics).model)


def _joint_problems(model: mujoco.MjModel) -> list[str]:
    found = []
    for k in range(model.njnt):
        kind, name = int(model.jnt_type[k]), model.joint(k).name
        start = model.jnt_qposadr[k]
        if kind == _BALL and model.jnt_limited[k]:
            found.append(f"the ball joint '{name}' has a limit")
        if kind in _HINGE_OR_SLIDE and model.qpos0[start] != 0:
            found.append(f"joint '{name}' has a reference position (ref)")
        if model.jnt_stiffness[k] and model.qpos_spring[start] != model.qpos0[start]:
            found.append(f"the spring of joint '{name}' rests elsewhere (springref)")
    return found


def _actuator_problems(model: mujoco.MjModel) -> list[str]:
    found, driven = [], set()
    for k in range(model.nu):
        name, joint = model.actuator(k).name, int(model.actuator_trnid[k, 0])
        on_joint = int(model.actuator_trntype[k]) == _ON_JOINT
        if not on_joint or int(model.jnt_type[joint]) not in _HINGE_OR_SLIDE:
            found.append(f"actuator '{name}' does not drive a hinge or a slide")
        elif joint in driven:
            found.append(f"actuator '{name}' is the second one of joint '{model.joint(joint).name}'")
        driven.add(joint)
        if int(model.actuator_dyntype[k]) != _NO_STATE:
            found.append(f"actuator '{name}' has a state of its own (dyntype)")
        if int(model.actuator_gaintype[k]) != _FIXED or int(model.actuator_biastype[k]) not in (MOTOR, SERVO):
            found.append(f"actuator '{name}' is neither a motor nor a servo")
        if model.actuator_gear[k, 0] != 1.0:
            found.append(f"actuator '{name}' has a gear")
    return found


def _shape_problems(model: mujoco.MjModel) -> list[str]:
    solid = np.flatnonzero((model.geom_contype | model.geom_conaffinity) != 0)
    kinds = {int(g): int(model.geom_type[g]) for g in solid}
    return [
        f"{geom_label(model, g)} is {_NO_SHAPES[kind]}" for g, kind in kinds.items() if kind in _NO_SHAPES
    ]
