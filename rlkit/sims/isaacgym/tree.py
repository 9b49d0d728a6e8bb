"""From a compiled MuJoCo model to trees of links with at most one joint each: what a URDF can say.

What has no place in a URDF, or none in PhysX as Isaac Gym shows it, is refused here by name.
"""

# MuJoCo's bindings are compiled and ship no stubs
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain

import mujoco
import numpy as np

from rlkit.sims.api import SceneSpec, SimulatorError, check_known
from rlkit.sims.checks import check_actuators
from rlkit.sims.mjcf import unpacked
from rlkit.sims.mjmodel.refusals import named, refuse, surface_problems, world_problems

_FREE, _SLIDE = int(mujoco.mjtJoint.mjJNT_FREE), int(mujoco.mjtJoint.mjJNT_SLIDE)
HINGE_OR_SLIDE = (int(mujoco.mjtJoint.mjJNT_HINGE), _SLIDE)
_PLANE = int(mujoco.mjtGeom.mjGEOM_PLANE)
SHAPES = {
    int(mujoco.mjtGeom.mjGEOM_BOX): "box",
    int(mujoco.mjtGeom.mjGEOM_SPHERE): "sphere",
    int(mujoco.mjtGeom.mjGEOM_CYLINDER): "cylinder",
    int(mujoco.mjtGeom.mjGEOM_CAPSULE): "capsule",
}
_NOWHERE, _UNTURNED, _UP = np.zeros(3), np.array([1.0, 0.0, 0.0, 0.0]), np.array([0.0, 0.0, 1.0])


@dataclass(frozen=True)
class Link:
    """One link of a tree and the joint that it hangs on.

    parent: its place in the tree, -1 for the root. joint: name of its hinge or slide, empty where it is fixed.
    pos, quat: of its frame in the parent's at joint angle 0, m and wxyz. axis: unit vector in its own frame.
    body: the body of the model that it is, 0 for a link that only joins others.
    """

    name: str
    parent: int
    joint: str
    slides: bool
    pos: np.ndarray
    quat: np.ndarray
    axis: np.ndarray
    body: int


@dataclass(frozen=True)
class Tree:
    """A body at the top of the model with all that hangs on it: one actor.

    free: whether it moves freely; else its root stands at `pos`, `quat` (m, wxyz, world) for good.
    weightless: whether the model takes gravity off all of it.
    """

    name: str
    free: bool
    pos: np.ndarray
    quat: np.ndarray
    weightless: bool
    links: tuple[Link, ...]


def compile_model(mjcf: str) -> mujoco.MjModel:
    """The scene as MuJoCo compiles it; raises SimulatorError with MuJoCo's reason or naming what is refused."""
    try:
        model = mujoco.MjModel.from_xml_string(*unpacked(mjcf))
    except ValueError as error:
        raise SimulatorError(f"MuJoCo cannot read the scene: {error}") from error
    _refuse_what_isaac_gym_cannot_have(model)
    return model


def check_names(spec: SceneSpec, model: mujoco.MjModel) -> None:
    """Raise SimulatorError for a name that the model lacks, a joint of another kind, or a missing actuator."""
    bodies = [model.body(k).name for k in range(model.nbody)]
    joints = [model.joint(k).name for k in range(model.njnt)]
    actuators = [model.actuator(k).name for k in range(model.nu)]
    check_known("joint", spec.joints, joints)
    check_known("body", (*spec.bodies, *spec.free_bodies), bodies[1:])
    check_known("site", spec.sites, [model.site(k).name for k in range(model.nsite)])
    check_known("body", [contact.body for contact in spec.contacts], bodies[1:])
    check_actuators(spec, actuators)
    for name in spec.joints:
        if int(model.joint(name).type[0]) == _FREE:
            raise SimulatorError(f"joint '{name}' is a free joint; list its body in free_bodies")
    for name in spec.free_bodies:
        if not _is_free(model, model.body(name).id):
            raise SimulatorError(f"body '{name}' is in free_bodies but has no <freejoint/>")
    for name in spec.sites:
        if model.site_bodyid[model.site(name).id] == 0:
            raise SimulatorError(
                f"site '{name}' is not on a body: sim=isaacgym reads the sites of bodies only"
            )


def body_name(model: mujoco.MjModel, body: int) -> str:
    """The name of a body, or one made of its number."""
    return model.body(body).name or f"body_{body}"


def joint_name(model: mujoco.MjModel, joint: int) -> str:
    """The name of a joint, or one made of its number."""
    return model.joint(joint).name or f"joint_{joint}"


def solid_geoms(model: mujoco.MjModel, body: int) -> list[int]:
    """The geoms of a body that can touch something."""
    first = int(model.body_geomadr[body])
    geoms = range(first, first + int(model.body_geomnum[body])) if first >= 0 else range(0)
    return [g for g in geoms if model.geom_contype[g] | model.geom_conaffinity[g]]


def ground(model: mujoco.MjModel) -> int | None:
    """The geom that is the ground plane, where the scene has one."""
    return next((g for g in solid_geoms(model, 0) if model.geom_type[g] == _PLANE), None)


def build_trees(model: mujoco.MjModel) -> tuple[Tree, ...]:
    """One tree for each body on the world, in the model's order."""
    return tuple(_tree(model, k) for k in range(1, model.nbody) if model.body_parentid[k] == 0)


def _tree(model: mujoco.MjModel, root: int) -> Tree:
    name, free = body_name(model, root), _is_free(model, root)
    links: list[Link] = []
    place = {}  # body -> its link
    if free or not model.body_jntnum[root]:
        links.append(_fixed(name, -1, _NOWHERE, _UNTURNED, root))
        place[root] = 0
    else:
        links.append(_fixed(f"{name}__mount", -1, _NOWHERE, _UNTURNED, 0))
        place[root] = _hang(links, model, root, 0, _NOWHERE, _UNTURNED)
    bodies = [k for k in range(root + 1, model.nbody) if model.body_rootid[k] == root]
    for body in bodies:
        parent = place[int(model.body_parentid[body])]
        place[body] = _hang(links, model, body, parent, model.body_pos[body], model.body_quat[body])
    weights = {float(model.body_gravcomp[k]) for k in (root, *bodies) if model.body_mass[k] > 0}
    if len(weights) > 1 or not weights <= {0.0, 1.0}:
        raise SimulatorError(
            f"body '{name}': gravcomp must be the same, 0 or 1, for all that hangs on it:"
            " Isaac Gym takes gravity off a whole robot"
        )
    pos, quat = model.body_pos[root].copy(), model.body_quat[root].copy()
    return Tree(name, free, pos, quat, weights == {1.0}, tuple(links))


def _hang(
    links: list[Link], model: mujoco.MjModel, body: int, parent: int, pos: np.ndarray, quat: np.ndarray
) -> int:
    """Add the links of one body: one for each joint, the last of which is the body if it turns about its origin."""
    first, name = int(model.body_jntadr[body]), body_name(model, body)
    joints = list(range(first, first + int(model.body_jntnum[body])))
    before = _NOWHERE  # the last joint's anchor in the body's frame
    for joint in joints:
        anchor = model.jnt_pos[joint]
        is_body = joint == joints[-1] and not anchor.any()
        links.append(
            Link(
                name=name if is_body else f"{name}__{joint_name(model, joint)}",
                parent=parent,
                joint=joint_name(model, joint),
                slides=int(model.jnt_type[joint]) == _SLIDE,
                pos=pos + _rotated(quat, anchor - before),
                quat=quat,
                axis=model.jnt_axis[joint].copy(),
                body=body if is_body else 0,
            )
        )
        parent, pos, quat, before = len(links) - 1, _NOWHERE, _UNTURNED, anchor
    if not joints or before.any():
        links.append(_fixed(name, parent, pos - before, quat, body))
    return len(links) - 1


def _fixed(name: str, parent: int, pos: np.ndarray, quat: np.ndarray, body: int) -> Link:
    return Link(name, parent, "", False, np.array(pos), np.array(quat), _UP, body)


def _rotated(quat: np.ndarray, vector: np.ndarray) -> np.ndarray:
    result = np.zeros(3)
    mujoco.mju_rotVecQuat(result, vector, quat)
    return result


def _is_free(model: mujoco.MjModel, body: int) -> bool:
    return bool(model.body_jntnum[body]) and int(model.jnt_type[model.body_jntadr[body]]) == _FREE


def _refuse_what_isaac_gym_cannot_have(model: mujoco.MjModel) -> None:
    equalities = (
        f"a URDF has no {named(model, 'equality constraint', mujoco.mjtObj.mjOBJ_EQUALITY, k)}"
        for k in range(model.neq)
    )
    refuse("isaacgym", chain(world_problems(model), equalities))
    for joint in range(model.njnt):
        _refuse_joint(model, joint)
    plane = ground(model)
    for body in range(model.nbody):
        for geom in solid_geoms(model, body):
            _refuse_geom(model, geom, plane)
    refuse("isaacgym", surface_problems(model, "their mean in PhysX", lambda own, other: other != own))


def _refuse_joint(model: mujoco.MjModel, joint: int) -> None:
    name, kind = joint_name(model, joint), int(model.jnt_type[joint])
    if kind == _FREE:
        return
    dof = int(model.jnt_dofadr[joint])
    if kind not in HINGE_OR_SLIDE:
        raise SimulatorError(f"joint '{name}' is a ball joint, which Isaac Gym's URDF does not have")
    faults = {
        "a spring": model.jnt_stiffness[joint],
        "a reference angle (ref)": model.qpos0[model.jnt_qposadr[joint]],
        "dry friction (frictionloss)": model.dof_frictionloss[dof],
    }
    for what, value in faults.items():
        if value:
            raise SimulatorError(f"joint '{name}' has {what}, which Isaac Gym cannot have; use sim=mujoco")


def _refuse_geom(model: mujoco.MjModel, geom: int, plane: int | None) -> None:
    name, body = model.geom(geom).name or f"number {geom}", int(model.geom_bodyid[geom])
    if geom == plane:
        up = _rotated(model.geom_quat[geom], _UP)
        if not np.allclose(up, _UP, atol=1e-6) or model.geom_pos[geom][2] != 0.0:
            raise SimulatorError(f"the plane '{name}' is not flat at height 0, as Isaac Gym's ground must be")
        return
    if body == 0:
        raise SimulatorError(f"geom '{name}' stands on the world: put it into a body without joints")
    if int(model.geom_type[geom]) not in SHAPES:
        raise SimulatorError(
            f"geom '{name}' of body '{body_name(model, body)}' is no {', '.join(SHAPES.values())}:"
            " sim=isaacgym cannot have it; give it contype=0 conaffinity=0 if it is for looks"
        )
    if plane is not None and (not collide(model, geom, plane) or excluded(model, 0, body)):
        raise SimulatorError(f"geom '{name}' must touch the ground: in Isaac Gym everything solid does")


def excluded(model: mujoco.MjModel, one: int, other: int) -> bool:
    """Whether the model keeps two bodies apart by name, the lower first."""
    return (one << 16) + other in model.exclude_signature


def collide(model: mujoco.MjModel, one: int, other: int) -> bool:
    """Whether the two geoms touch by MuJoCo's rule of contype and conaffinity."""
    return bool(
        model.geom_contype[one] & model.geom_conaffinity[other]
        or model.geom_contype[other] & model.geom_conaffinity[one]
    )
