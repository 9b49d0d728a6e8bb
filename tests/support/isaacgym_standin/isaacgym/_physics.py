"""What a scene of the stand-in does in a step: one MuJoCo model an env, made of the actors' URDFs.

It follows PhysX where that differs: friction is the mean of two shapes', neighbouring links never touch, shapes with a
common filter bit never touch, velocities are those of centres of mass, quaternions are xyzw.
"""

from __future__ import annotations

import copy
from itertools import combinations
from typing import Any, Sequence

import mujoco
import numpy as np

from isaacgym import gymapi
from isaacgym._asset import Asset

_EXTENSION = (
    '><mujoco><compiler fusestatic="false" discardvisual="false" balanceinertia="false"'
    ' strippath="false"/></mujoco>'
)


def compile_env(
    actors: Sequence[Any], params: gymapi.SimParams, plane: gymapi.PlaneParams | None
) -> mujoco.MjModel:
    """The model of one env: names are `<actor>/<name>`, geoms `<actor>/<link>/<number>`."""
    spec = mujoco.MjSpec()
    spec.option.timestep = params.dt / params.substeps
    spec.option.gravity = [params.gravity.x, params.gravity.y, params.gravity.z]
    spec.option.integrator = mujoco.mjtIntegrator.mjINT_IMPLICITFAST
    spec.option.cone = mujoco.mjtCone.mjCONE_ELLIPTIC  # a pyramid lifts what slides fast
    spec.option.disableflags |= mujoco.mjtDisableBit.mjDSBL_AUTORESET
    if plane is not None:
        spec.worldbody.add_geom(
            name="ground", type=mujoco.mjtGeom.mjGEOM_PLANE, size=[0, 0, 1], contype=0, conaffinity=0
        )
    for k, actor in enumerate(actors):
        _attach(spec, k, actor.asset, actor.pose)
    _add_pairs(spec, actors, plane)
    return spec.compile()


def _attach(spec: mujoco.MjSpec, k: int, asset: Asset, pose: gymapi.Transform) -> None:
    child = mujoco.MjSpec.from_string(asset.text.replace(">", _EXTENSION, 1))
    for body in child.bodies[1:]:
        body.gravcomp = float(asset.options.disable_gravity)
        for number, geom in enumerate(body.geoms):
            geom.name, geom.contype, geom.conaffinity = f"{body.name}/{number}", 0, 0
    quat = [pose.r.w, pose.r.x, pose.r.y, pose.r.z]
    frame = spec.worldbody.add_frame(pos=[pose.p.x, pose.p.y, pose.p.z], quat=quat)
    root = frame.attach_body(child.worldbody.first_body(), f"{k}/", "")
    if not asset.options.fix_base_link:
        root.add_freejoint(name=f"{k}/free")
    for name in asset.joints:
        spec.add_actuator(
            name=f"{k}/{name}",
            target=f"{k}/{name}",
            trntype=mujoco.mjtTrn.mjTRN_JOINT,
            gaintype=mujoco.mjtGain.mjGAIN_FIXED,
            biastype=mujoco.mjtBias.mjBIAS_AFFINE,
            forcelimited=True,
            forcerange=[-1, 1],
        )


def _add_pairs(spec: mujoco.MjSpec, actors: Sequence[Any], plane: gymapi.PlaneParams | None) -> None:
    """The pairs of shapes that may touch, each with the mean of their frictions."""
    shapes = []
    for k, actor in enumerate(actors):
        names = [
            f"{k}/{link}/{n}"
            for link, count in zip(actor.asset.links, actor.asset.shapes)
            for n in range(count)
        ]
        shapes += list(zip(names, actor.shapes))
    if plane is not None:
        for name, shape in shapes:
            _add_pair(spec, "ground", name, 0.5 * (plane.static_friction + shape.friction))
    for (one, a), (other, b) in combinations(shapes, 2):
        first, second = spec.geom(one).parent, spec.geom(other).parent
        neighbours = first == second or first.parent == second or second.parent == first
        if not a.filter & b.filter and not neighbours:
            _add_pair(spec, one, other, 0.5 * (a.friction + b.friction))


def _add_pair(spec: mujoco.MjSpec, one: str, other: str, friction: float) -> None:
    spec.add_pair(
        name=f"{one}|{other}", geomname1=one, geomname2=other, friction=[friction] * 2 + [0.005, 1e-4, 1e-4]
    )


class EnvPhysics:
    """One env: its model with its actors' properties, and its state."""

    def __init__(self, base: mujoco.MjModel, actors: Sequence[Any], plane: gymapi.PlaneParams | None) -> None:
        self.model, self.actors, self.plane = copy.copy(base), actors, plane
        self.data = mujoco.MjData(self.model)
        self.bodies = [
            self.model.body(f"{k}/{link}").id for k, actor in enumerate(actors) for link in actor.asset.links
        ]
        self.roots = [self.model.body(f"{k}/{actor.asset.links[0]}").id for k, actor in enumerate(actors)]
        joints = [self.model.joint(f"{k}/{name}").id for k, a in enumerate(actors) for name in a.asset.joints]
        self.qpos, self.qvel = self.model.jnt_qposadr[joints], self.model.jnt_dofadr[joints]
        self.joints = np.array(joints, int)
        self.contact = np.zeros((len(self.bodies), 3), np.float32)
        self.apply_properties()
        self._settle()

    def apply_properties(self) -> None:
        """Drives, masses and frictions of the actors into the model."""
        model = self.model
        first = 0
        for k, actor in enumerate(self.actors):
            for p in actor.dofs:
                joint, dof, a = self.joints[first], self.qvel[first], first
                servo = p["driveMode"] == gymapi.DOF_MODE_POS
                model.actuator_gainprm[a, 0] = p["stiffness"] if servo else 0.0
                model.actuator_biasprm[a, 1:3] = (-p["stiffness"], -p["damping"]) if servo else (0.0, 0.0)
                model.actuator_forcerange[a] = -p["effort"], p["effort"]
                model.dof_damping[dof] = 0.0 if servo else p["damping"]
                model.dof_armature[dof] = p["armature"]
                model.jnt_limited[joint] = p["hasLimits"]
                model.jnt_range[joint] = p["lower"], p["upper"]
                first += 1
            for link, body in zip(actor.asset.links, actor.bodies):
                row = model.body(f"{k}/{link}").id
                model.body_mass[row], model.body_inertia[row] = body.mass, _principal(body.inertia)
            for name, shape in zip(self._shape_names(k, actor), actor.shapes):
                self._set_friction(name, shape.friction)
        mujoco.mj_setConst(model, mujoco.MjData(model))

    def _shape_names(self, k: int, actor: Any) -> list[str]:
        return [
            f"{k}/{link}/{n}"
            for link, count in zip(actor.asset.links, actor.asset.shapes)
            for n in range(count)
        ]

    def _set_friction(self, shape: str, friction: float) -> None:
        if self.plane is not None:
            pair = self.model.pair(f"ground|{shape}").id
            self.model.pair_friction[pair, :2] = 0.5 * (friction + self.plane.static_friction)

    def set_root(self, actor: int, row: np.ndarray) -> None:
        body = self.roots[actor]
        if not self.model.body_jntnum[body] or self.actors[actor].asset.options.fix_base_link:
            return
        pos, vel = self.model.jnt_qposadr[self.model.body_jntadr[body]], self.model.body_dofadr[body]
        quat = row[[6, 3, 4, 5]].astype(float)
        arm, spin = np.zeros(3), np.zeros(3)
        mujoco.mju_rotVecQuat(arm, self.model.body_ipos[body], quat)
        mujoco.mju_rotVecQuat(spin, row[10:13].astype(float), quat * [1, -1, -1, -1])
        self.data.qpos[pos : pos + 7] = [*row[:3], *quat]
        self.data.qvel[vel : vel + 6] = [*(row[7:10] - np.cross(row[10:13], arm)), *spin]

    def step(self, targets: np.ndarray, efforts: np.ndarray, forces: np.ndarray, substeps: int) -> None:
        data = self.data
        data.ctrl[:] = targets
        data.qfrc_applied[:] = 0.0
        modes = np.array([p["driveMode"] for actor in self.actors for p in actor.dofs])
        data.qfrc_applied[self.qvel] = np.where(modes == gymapi.DOF_MODE_EFFORT, efforts, 0.0)
        data.xfrc_applied[self.bodies, :3] = forces
        for _ in range(substeps):
            mujoco.mj_step(self.model, data)
        self._sum_contacts()
        self._settle()

    def _settle(self) -> None:
        mujoco.mj_kinematics(self.model, self.data)
        mujoco.mj_comPos(self.model, self.data)
        mujoco.mj_comVel(self.model, self.data)

    def _sum_contacts(self) -> None:
        total, wrench = np.zeros((self.model.nbody, 3)), np.zeros(6)
        for k, contact in enumerate(self.data.contact):
            mujoco.mj_contactForce(self.model, self.data, k, wrench)
            force = wrench[:3] @ contact.frame.reshape(3, 3)
            total[self.model.geom_bodyid[contact.geom2]] += force
            total[self.model.geom_bodyid[contact.geom1]] -= force
        self.contact = total[self.bodies].astype(np.float32)

    def body_rows(self, bodies: Sequence[int]) -> np.ndarray:
        """`[bodies, 13]`: origin, quaternion xyzw, velocity of the centre of mass, angular velocity; world."""
        rows, velocity = np.zeros((len(bodies), 13)), np.zeros(6)
        for row, body in zip(rows, bodies):
            mujoco.mj_objectVelocity(self.model, self.data, mujoco.mjtObj.mjOBJ_BODY, body, velocity, 0)
            row[:3], row[3:7] = self.data.xpos[body], self.data.xquat[body][[1, 2, 3, 0]]
            row[7:10], row[10:] = velocity[3:], velocity[:3]
        return rows


def _principal(inertia: gymapi.Mat33) -> np.ndarray:
    rows = (inertia.x, inertia.y, inertia.z)
    return np.linalg.eigvalsh([[r.x, r.y, r.z] for r in rows])[::-1]
