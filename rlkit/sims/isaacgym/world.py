"""The PhysX scene: one sim with all envs, and where each body and joint is in its tensors."""

# Isaac Gym cannot be installed where the types are checked; MuJoCo's bindings ship no stubs
# pyright: reportMissingImports=false, reportAttributeAccessIssue=false

from __future__ import annotations

import math
import os
import tempfile
from pathlib import Path
from typing import Any, ClassVar, Mapping, Sequence

import mujoco
import torch

from rlkit.sims.api import PhysicsSettings, SimulatorError
from rlkit.sims.isaacgym import urdf
from rlkit.sims.isaacgym.drives import Drive
from rlkit.sims.isaacgym.filters import shape_filters
from rlkit.sims.isaacgym.tree import Tree, ground, solid_geoms

try:
    from isaacgym import gymapi
except ImportError as error:
    raise SimulatorError(
        f"Isaac Gym cannot be loaded: {error}\nIn a program of your own, call"
        " rlkit.sims.registry.prepare('isaacgym') before anything imports torch."
    ) from error

_SPACING = 2.0  # m, half the side of an env's square: they are neighbours in space, and never touch
_MAX_SPEED = 1000.0  # m/s and rad/s: MuJoCo has no limit
_CONTACTS = 256  # pairs in one env that the GPU has room for
_SOLVERS = ("newton", "cg")  # of MuJoCo's; PhysX has one that is as accurate
_TGS = 1  # the number of that one


class World:
    """One sim, prepared, with the same actors in each env: a tree each, in the model's order.

    bodies, dofs: names within an env in the order of the tensors' rows. actors: `[envs][trees]` handles.
    geoms: of each tree, the model's geom that each of its shapes is.
    """

    _open: ClassVar[bool] = False

    def __init__(
        self,
        model: mujoco.MjModel,
        trees: Sequence[Tree],
        drives: Mapping[str, Drive],
        physics: PhysicsSettings,
        num_envs: int,
        device: torch.device,
    ) -> None:
        if World._open:
            raise SimulatorError(
                "Isaac Gym has room for one simulation in a process, and one is open: envs for evaluation beside"
                " the training's cannot be; write training.evalInterval=0"
            )
        self.model, self.trees, self.drives = model, tuple(trees), dict(drives)
        filters = shape_filters(model, trees)  # may refuse: before there is a sim
        self.gym = gymapi.acquire_gym()
        self.sim = self.gym.create_sim(
            device.index or 0, -1, gymapi.SIM_PHYSX, _parameters(model, physics, num_envs, device)
        )
        if self.sim is None:
            raise SimulatorError(
                f"Isaac Gym could not create a simulation on {device}; its own message is above"
            )
        World._open = True
        try:
            self._add_ground()
            assets = [self._load(tree) for tree in self.trees]
            self._read_layout(assets)
            self.envs: list[Any] = []
            self.actors: list[list[int]] = []
            for _ in range(num_envs):
                self._add_env(assets, num_envs)
            self.geoms = [self._geoms(place) for place in range(len(self.trees))]
            for env in range(num_envs):
                for place in range(len(self.trees)):
                    self._set_shapes(env, place, filters)
                    self.set_drives(env, place)
            require(self.gym.prepare_sim(self.sim), "prepare_sim")
        except BaseException:
            self.close()
            raise

    def _add_ground(self) -> None:
        geom = ground(self.model)
        if geom is None:
            return
        plane = gymapi.PlaneParams()
        plane.normal = gymapi.Vec3(0.0, 0.0, 1.0)
        plane.distance, plane.restitution = 0.0, 0.0
        plane.static_friction = plane.dynamic_friction = float(self.model.geom_friction[geom][0])
        self.gym.add_ground(self.sim, plane)

    def _load(self, tree: Tree) -> Any:
        options = gymapi.AssetOptions()
        options.fix_base_link = not tree.free
        options.disable_gravity = tree.weightless
        options.collapse_fixed_joints = False
        options.replace_cylinder_with_capsule = False
        options.use_physx_armature = True
        options.armature = options.linear_damping = options.angular_damping = options.thickness = 0.0
        options.max_linear_velocity = options.max_angular_velocity = _MAX_SPEED
        options.default_dof_drive_mode = int(gymapi.DOF_MODE_NONE)
        with tempfile.TemporaryDirectory(prefix="rlkit-isaacgym-") as folder:
            Path(folder, "actor.urdf").write_text(urdf.write(tree, self.model, self.drives), encoding="utf-8")
            asset = self.gym.load_asset(self.sim, folder, "actor.urdf", options)
        if asset is None:
            raise SimulatorError(f"Isaac Gym cannot load the body '{tree.name}'; its own message is above")
        return asset

    def _read_layout(self, assets: Sequence[Any]) -> None:
        """The order that the loader gave to bodies and joints; raises SimulatorError where it left some out."""
        self.bodies: list[str] = []
        self.dofs_of: list[list[str]] = []  # [trees]
        self.first_body: list[int] = []  # [trees]
        for tree, asset in zip(self.trees, assets):
            bodies, dofs = self.gym.get_asset_rigid_body_names(asset), self.gym.get_asset_dof_names(asset)
            _require_same("bodies", bodies, [link.name for link in tree.links])
            _require_same("joints", dofs, [link.joint for link in tree.links if link.joint])
            self.first_body.append(len(self.bodies))
            self.bodies += bodies
            self.dofs_of.append(list(dofs))
        self.dofs = [name for names in self.dofs_of for name in names]
        self._count = len(self.bodies), sum(self.gym.get_asset_rigid_shape_count(asset) for asset in assets)

    def _add_env(self, assets: Sequence[Any], num_envs: int) -> None:
        low, high = gymapi.Vec3(-_SPACING, -_SPACING, 0.0), gymapi.Vec3(_SPACING, _SPACING, _SPACING)
        env = self.gym.create_env(self.sim, low, high, max(1, math.isqrt(num_envs)))
        group, handles = len(self.envs), []
        require(self.gym.begin_aggregate(env, *self._count, True), "begin_aggregate")
        for tree, asset in zip(self.trees, assets):
            handles.append(self.gym.create_actor(env, asset, _transform(tree), tree.name, group, 0, 0))
        require(self.gym.end_aggregate(env), "end_aggregate")
        self.envs.append(env)
        self.actors.append(handles)

    def _geoms(self, place: int) -> list[int]:
        """The solid geoms of a tree in the order in which Isaac Gym keeps its shapes.

        Raises SimulatorError where it has another number of shapes on a body than the model has geoms.
        """
        env, actor, tree = self.envs[0], self.actors[0][place], self.trees[place]
        ranges = self.gym.get_actor_rigid_body_shape_indices(env, actor)
        names = self.bodies[self.first_body[place] :][: len(tree.links)]
        geoms: dict[int, int] = {}
        body_of = {link.name: link.body for link in tree.links}
        for name, span in zip(names, ranges):
            own = solid_geoms(self.model, body_of[name]) if body_of[name] else []
            if span.count != len(own):
                raise SimulatorError(
                    f"Isaac Gym made {span.count} shapes of the {len(own)} geoms of body '{name}'"
                )
            geoms.update(zip(range(span.start, span.start + span.count), own))
        return [geoms[k] for k in range(len(geoms))]

    def _set_shapes(self, env: int, place: int, filters: Mapping[int, int]) -> None:
        """Friction and filters of an actor's shapes."""
        shapes = self.gym.get_actor_rigid_shape_properties(self.envs[env], self.actors[env][place])
        for shape, geom in zip(shapes, self.geoms[place]):
            shape.filter = filters[geom]
            shape.friction = float(self.model.geom_friction[geom][0])
            shape.restitution = shape.rolling_friction = shape.torsion_friction = 0.0
        self.put_shapes(env, place, shapes)

    def put_shapes(self, env: int, place: int, shapes: Sequence[Any]) -> None:
        """Hand an actor's shape properties back to the sim."""
        if shapes:
            done = self.gym.set_actor_rigid_shape_properties(
                self.envs[env], self.actors[env][place], list(shapes)
            )
            require(done, "set_actor_rigid_shape_properties")

    def set_drives(
        self,
        env: int,
        place: int,
        stiffness: Mapping[str, float] | None = None,
        kv: Mapping[str, float] | None = None,
    ) -> None:
        """Write the drives of an actor; stiffness, kv: factors by the actuator's name, 1 where there is none."""
        names = self.dofs_of[place]
        if not names:
            return
        handle = self.envs[env], self.actors[env][place]
        properties = self.gym.get_actor_dof_properties(*handle)
        for row, name in enumerate(names):
            drive = self.drives[name]
            low, high = drive.range
            limited = math.isfinite(low)
            stiff, brake = (stiffness or {}).get(drive.actuator, 1.0), (kv or {}).get(drive.actuator, 1.0)
            # Without an actuator too: the damping of a joint rests on one mode alone.
            mode = gymapi.DOF_MODE_POS if drive.position else gymapi.DOF_MODE_EFFORT
            properties["driveMode"][row] = int(mode)
            properties["stiffness"][row] = drive.stiffness * stiff if drive.position else 0.0
            properties["damping"][row] = drive.kv * brake + drive.passive
            properties["effort"][row], properties["velocity"][row] = drive.effort, drive.velocity
            properties["armature"][row], properties["friction"][row] = drive.armature, 0.0
            properties["hasLimits"][row] = limited
            if limited:
                properties["lower"][row], properties["upper"][row] = low, high
        require(self.gym.set_actor_dof_properties(*handle, properties), "set_actor_dof_properties")

    def actor_index(self, env: int, place: int) -> int:
        """The row of an actor in the tensor of root states."""
        return self.gym.get_actor_index(self.envs[env], self.actors[env][place], gymapi.DOMAIN_SIM)

    def close(self) -> None:
        """Give the sim back; a second call does nothing."""
        if self.sim is not None:
            self.gym.destroy_sim(self.sim)
            self.sim, World._open = None, False


def require(done: bool | None, call: str) -> None:
    """Raise SimulatorError where a call of Isaac Gym says that it failed."""
    if done is False:
        raise SimulatorError(f"Isaac Gym refused {call}; its own message is above")


def _parameters(model: mujoco.MjModel, physics: PhysicsSettings, num_envs: int, device: torch.device) -> Any:
    """The settings in PhysX's terms: z up, contacts of the last substep, everything else as docs/isaacgym.md says."""
    if physics.solver not in _SOLVERS:
        raise SimulatorError(f"sim.solver={physics.solver} is unknown; allowed: {', '.join(_SOLVERS)}")
    on_gpu = device.type == "cuda"
    params = gymapi.SimParams()
    params.dt, params.substeps = physics.dt, physics.substeps
    params.up_axis = gymapi.UP_AXIS_Z
    params.gravity = gymapi.Vec3(*(float(g) for g in model.opt.gravity))
    params.use_gpu_pipeline = on_gpu
    params.physx.use_gpu = on_gpu
    params.physx.solver_type = _TGS
    params.physx.num_position_iterations = min(max(physics.iterations, 1), 255)
    params.physx.num_velocity_iterations = 1
    params.physx.num_threads = physics.num_threads or os.cpu_count() or 1
    params.physx.contact_offset, params.physx.rest_offset = 0.01, 0.0
    params.physx.bounce_threshold_velocity = 0.2
    params.physx.max_depenetration_velocity = 10.0
    params.physx.contact_collection = gymapi.CC_LAST_SUBSTEP
    params.physx.default_buffer_size_multiplier = 5.0
    if on_gpu:
        params.physx.max_gpu_contact_pairs = max(1 << 20, (physics.max_contacts or _CONTACTS) * num_envs)
    return params


def _transform(tree: Tree) -> Any:
    pose = gymapi.Transform()
    pose.p = gymapi.Vec3(*(float(x) for x in tree.pos))
    w, x, y, z = (float(q) for q in tree.quat)
    pose.r = gymapi.Quat(x, y, z, w)
    return pose


def _require_same(what: str, read: Sequence[str], written: Sequence[str]) -> None:
    if sorted(read) != sorted(written):
        lost = sorted(set(written) - set(read))
        raise SimulatorError(
            f"Isaac Gym read other {what} than the URDF has; missing: {', '.join(lost) or 'none'}"
        )
