"""From a `SceneSpec` to a compiled MuJoCo model whose sensors are exactly what the task reads.

Sensors are the observation interface: a contiguous block of `sensordata` holds the numbers of the seam in its
order, so that reading them is one copy. Names are checked here, against the model, before anything runs.
"""

# MuJoCo's bindings are compiled and ship no stubs
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

import importlib.metadata
import math
import re
from dataclasses import dataclass

import numpy as np

from rlkit.packages import how_to_install
from rlkit.sims.api import PhysicsSettings, SceneSpec, SimulatorError, check_known
from rlkit.sims.checks import check_actuators
from rlkit.sims.mjcf import unpacked

INSTALL = how_to_install("mujoco")


def check_version(version: str) -> None:
    """Raise SimulatorError unless this MuJoCo has the batch engine (3.17) and solves right (not 4.0.0)."""
    numbers = tuple(int(part) for part in re.findall(r"\d+", version)[:3])
    if numbers < (3, 17):
        raise SimulatorError(f"sim=mujoco needs mujoco 3.17 or newer, this is {version}: {INSTALL}")
    if numbers == (4, 0, 0):
        raise SimulatorError(
            f"mujoco 4.0.0 solves contacts wrongly in large models (fixed in 4.0.1): {INSTALL}"
        )


def installed_version() -> str:
    """The version of the MuJoCo engine; raises SimulatorError when there is none.

    From 4.0 on `mujoco` is a meta-package and the engine is `mujoco-core`, with a version of its own.
    """
    for package in ("mujoco-core", "mujoco"):
        try:
            return importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    raise SimulatorError(f"sim=mujoco needs the package mujoco: {INSTALL}")


check_version(installed_version())

import mujoco  # noqa: E402  (an unusable version is refused before its libraries load)

from rlkit.sims.mjmodel.sensors import Sensors, check_sensors, keep_sensors, read_sensors  # noqa: E402

SOLVERS = {"newton": mujoco.mjtSolver.mjSOL_NEWTON, "cg": mujoco.mjtSolver.mjSOL_CG}
CONES = {"pyramidal": mujoco.mjtCone.mjCONE_PYRAMIDAL, "elliptic": mujoco.mjtCone.mjCONE_ELLIPTIC}
INTEGRATORS = {
    "euler": mujoco.mjtIntegrator.mjINT_EULER,
    "implicit": mujoco.mjtIntegrator.mjINT_IMPLICIT,
    "implicitfast": mujoco.mjtIntegrator.mjINT_IMPLICITFAST,
}
_FOUND, _FORCE = int(mujoco.mjtConDataField.mjCONDATA_FOUND), int(mujoco.mjtConDataField.mjCONDATA_FORCE)
_NETFORCE = 3  # the `reduce` attribute of a contact sensor: none, mindist, maxforce, netforce
# Of no effect on where things are and how they move now
_MOTION_ONLY = int(
    mujoco.mjtDisableBit.mjDSBL_CONTACT
    | mujoco.mjtDisableBit.mjDSBL_CONSTRAINT
    | mujoco.mjtDisableBit.mjDSBL_ACTUATION
    | mujoco.mjtDisableBit.mjDSBL_GRAVITY
    | mujoco.mjtDisableBit.mjDSBL_SPRING
    | mujoco.mjtDisableBit.mjDSBL_DAMPER
)
_FREE, _HINGE = int(mujoco.mjtJoint.mjJNT_FREE), int(mujoco.mjtJoint.mjJNT_HINGE)
_ONE_NUMBER = (_HINGE, int(mujoco.mjtJoint.mjJNT_SLIDE))
_TRAP_RANGE = 0.1  # rad


@dataclass(frozen=True)
class Block:
    """Columns `start:stop` of a row of sensor values; `shape` is what one env's numbers mean."""

    start: int
    stop: int
    shape: tuple[int, ...]


@dataclass(frozen=True)
class Scene:
    """Two compiled models of one scene, with equal states, and where their numbers are.

    model: the physics; its sensors are the contacts alone, as each integrator step evaluates all sensors.
    motion_model: the same bodies without any forces; its sensors are the poses and velocities.
    blocks: view name of the seam -> columns of an env's numbers, motion first, then contacts.
    first_motion, first_contact: where those start in `sensordata`.
    sensors: of the robot's own file, that the spec lists; the motion model has them too where they are kinematic. None
    without any.
    qpos_ids, qvel_ids: addresses of the spec's joints, int64. free_qpos_ids, free_qvel_ids: of each free
    body's first number. actuator_order: for each actuator of the model, its place in the spec, int64.
    """

    model: mujoco.MjModel
    motion_model: mujoco.MjModel
    blocks: dict[str, Block]
    first_motion: int
    first_contact: int
    qpos_ids: np.ndarray
    qvel_ids: np.ndarray
    free_qpos_ids: list[int]
    free_qvel_ids: list[int]
    actuator_order: np.ndarray
    sensors: Sensors | None = None


def build_scene(spec: SceneSpec, physics: PhysicsSettings) -> Scene:
    """Parse, check and compile `spec`; raises SimulatorError naming the part that is wrong."""
    source, motion_source = parse(spec.mjcf), parse(spec.mjcf)
    _check_names(spec, source)
    _check_joint_kinds(spec, source)
    kinematic = check_sensors(spec, source)
    keep_sensors(motion_source, spec.sensors if kinematic else ())
    apply_physics(motion_source, physics)
    motion_source.option.disableflags |= _MOTION_ONLY
    blocks = append_motion_sensors(motion_source, spec)
    columns = max(block.stop for block in blocks.values())
    blocks["contact"] = Block(columns, columns + 4 * len(spec.contacts), (len(spec.contacts), 4))
    model, motion_model = physics_model(source, spec, physics), _compile(motion_source)
    sensors = read_sensors(sensing_model(spec, physics), spec, kinematic) if spec.sensors else None
    _check_angle_unit(model)
    joints = [model.joint(name).id for name in spec.joints]
    free = [model.body(name).jntadr[0] for name in spec.free_bodies]
    return Scene(
        model=model,
        motion_model=motion_model,
        blocks=blocks,
        first_motion=motion_model.nsensordata - columns,
        first_contact=model.nsensordata - 4 * len(spec.contacts),
        qpos_ids=np.array([model.jnt_qposadr[j] for j in joints], np.int64),
        qvel_ids=np.array([model.jnt_dofadr[j] for j in joints], np.int64),
        free_qpos_ids=[int(model.jnt_qposadr[j]) for j in free],
        free_qvel_ids=[int(model.jnt_dofadr[j]) for j in free],
        actuator_order=np.array([spec.actuators.index(a.name) for a in source.actuators], np.int64),
        sensors=sensors,
    )


def physics_model(source: mujoco.MjSpec, spec: SceneSpec, physics: PhysicsSettings) -> mujoco.MjModel:
    """The model that is stepped, of `parse`'s result: its sensors are the contacts of the spec alone."""
    keep_sensors(source, ())
    apply_physics(source, physics)
    append_contact_sensors(source, spec)
    return _compile(source)


def sensing_model(spec: SceneSpec, physics: PhysicsSettings) -> mujoco.MjModel:
    """The physics with those sensors of the file that the spec lists."""
    source = parse(spec.mjcf)
    apply_physics(source, physics)
    keep_sensors(source, spec.sensors)
    return _compile(source)


def parse(mjcf: str) -> mujoco.MjSpec:
    """The MJCF text as an editable model; raises SimulatorError with MuJoCo's reason."""
    try:
        text, files = unpacked(mjcf)
        return mujoco.MjSpec.from_string(text, assets=files)
    except ValueError as error:
        raise SimulatorError(f"MuJoCo cannot read the scene: {_with_hint(error)}") from error


def _compile(source: mujoco.MjSpec) -> mujoco.MjModel:
    try:
        return source.compile()
    except ValueError as error:
        raise SimulatorError(f"MuJoCo cannot compile the scene: {_with_hint(error)}") from error


def _with_hint(error: ValueError) -> str:
    lost = "opening file" in str(error)
    hint = (
        "; a scene in files is read with SceneSpec.from_file(path), which takes along all that it refers to"
    )
    return f"{' '.join(str(error).split())}{hint if lost else ''}"


def apply_physics(source: mujoco.MjSpec, physics: PhysicsSettings) -> None:
    """Write the settings into the model's options; raises SimulatorError for a name MuJoCo does not have."""
    option = source.option
    option.timestep = physics.dt / physics.substeps
    option.iterations = physics.iterations
    option.ls_iterations = physics.ls_iterations
    option.impratio = physics.impratio
    option.solver = _choice("solver", physics.solver, SOLVERS)
    option.cone = _choice("cone", physics.cone, CONES)
    option.integrator = _choice("integrator", physics.integrator, INTEGRATORS)


def _choice(setting: str, value: str, allowed: dict) -> int:
    if value not in allowed:
        raise SimulatorError(
            f"sim.{setting}={value} is not a MuJoCo {setting}; allowed: {', '.join(allowed)}"
        )
    return int(allowed[value])


def append_motion_sensors(source: mujoco.MjSpec, spec: SceneSpec) -> dict[str, Block]:
    """Add the pose and velocity sensors of the seam to `source`; returns their columns by view name."""
    kinds = mujoco.mjtSensor
    joint, body, site = mujoco.mjtObj.mjOBJ_JOINT, mujoco.mjtObj.mjOBJ_XBODY, mujoco.mjtObj.mjOBJ_SITE
    plan = (
        ("joint_pos", kinds.mjSENS_JOINTPOS, joint, spec.joints, ()),
        ("joint_vel", kinds.mjSENS_JOINTVEL, joint, spec.joints, ()),
        ("body_pos", kinds.mjSENS_FRAMEPOS, body, spec.bodies, (3,)),
        ("body_quat", kinds.mjSENS_FRAMEQUAT, body, spec.bodies, (4,)),
        ("body_lin_vel", kinds.mjSENS_FRAMELINVEL, body, spec.bodies, (3,)),
        ("body_ang_vel", kinds.mjSENS_FRAMEANGVEL, body, spec.bodies, (3,)),
        ("site_pos", kinds.mjSENS_FRAMEPOS, site, spec.sites, (3,)),
        ("site_quat", kinds.mjSENS_FRAMEQUAT, site, spec.sites, (4,)),
    )
    blocks: dict[str, Block] = {}
    column = 0
    for view, kind, obj, names, shape in plan:
        for name in names:
            source.add_sensor(name=f"{view}:{name}", type=kind, objtype=obj, objname=name)
        stop = column + len(names) * math.prod(shape)
        blocks[view] = Block(column, stop, (len(names), *shape))
        column = stop
    return blocks


def append_contact_sensors(source: mujoco.MjSpec, spec: SceneSpec) -> None:
    """Add one sensor per contact of the spec: the number of contact points, then the net force (N, world)."""
    body, subtree = mujoco.mjtObj.mjOBJ_BODY, mujoco.mjtObj.mjOBJ_XBODY
    for contact in spec.contacts:
        # MuJoCo reports the force that the first body exerts on the second: the one that feels it goes second
        source.add_sensor(
            name=f"contact:{contact.name}",
            type=mujoco.mjtSensor.mjSENS_CONTACT,
            objtype=mujoco.mjtObj.mjOBJ_UNKNOWN if contact.other is None else body,
            objname=contact.other or "",
            reftype=subtree if contact.subtree else body,
            refname=contact.body,
            intprm=[1 << _FOUND | 1 << _FORCE, _NETFORCE, 1],
        )


def _check_names(spec: SceneSpec, source: mujoco.MjSpec) -> None:
    bodies = [body.name for body in source.bodies]
    check_known("joint", spec.joints, [joint.name for joint in source.joints])
    check_known("body", (*spec.bodies, *spec.free_bodies), bodies)
    check_known("site", spec.sites, [site.name for site in source.sites])
    for contact in spec.contacts:
        check_known("body", [contact.body], bodies)
        check_known("body", [contact.other] if contact.other else [], bodies)
    actuators = [actuator.name for actuator in source.actuators]
    check_actuators(spec, actuators)


def _check_joint_kinds(spec: SceneSpec, source: mujoco.MjSpec) -> None:
    for name in spec.joints:
        if int(source.joint(name).type) not in _ONE_NUMBER:
            raise SimulatorError(
                f"joint '{name}' is a free or ball joint; list the body of a free joint in free_bodies"
            )
    for name in spec.free_bodies:
        if [int(joint.type) for joint in source.body(name).joints] != [_FREE]:
            raise SimulatorError(f"body '{name}' is in free_bodies but has no <freejoint/>")


def _check_angle_unit(model: mujoco.MjModel) -> None:
    """Refuse radians read as degrees: MuJoCo's default unit is the degree, and a model still compiles."""
    limited = [
        float(high - low)
        for kind, has_limit, (low, high) in zip(model.jnt_type, model.jnt_limited, model.jnt_range)
        if int(kind) == _HINGE and has_limit
    ]
    narrow = sum(width < _TRAP_RANGE for width in limited)
    if narrow > len(limited) / 2:
        raise SimulatorError(
            f"{narrow} of {len(limited)} hinges may turn less than {_TRAP_RANGE} rad: the ranges look like"
            ' radians read as degrees; put <compiler angle="radian"/> into the MJCF'
        )
