"""The calls, each with the arguments of the public stubs (positional only where those name none), and their rules.

The rules: nothing is built after prepare_sim and no tensor is acquired before it; an indexed setter comes once a step
with float32 tensors of full size and distinct int32 rows that live until the step; nothing is refreshed between a
setter and the step that follows; on the CPU fetch_results comes between a step and the refresh; body and root states
show what was set only after a step; forces last one step; one sim lives in a process; and none is used after its end.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass, field
from functools import wraps
from pathlib import Path
from typing import Any, Callable

import numpy as np

from isaacgym import _asset, gymapi
from isaacgym._asset import Asset
from isaacgym._physics import EnvPhysics, compile_env
from isaacgym.gymapi import (
    AssetOptions,
    CoordinateSpace,
    GymMisuse,
    IndexDomain,
    PlaneParams,
    SimParams,
    SimType,
    Tensor,
    Transform,
    Vec3,
)

DofProperties = np.ndarray  # structured, of gymapi.DOF_PROPERTIES


@dataclass(eq=False)
class Actor:
    asset: Asset
    pose: gymapi.Transform
    name: str
    group: int
    dofs: np.ndarray
    shapes: list[gymapi.RigidShapeProperties]
    bodies: list[gymapi.RigidBodyProperties]


@dataclass(eq=False)
class Env:
    sim: Sim
    index: int
    actors: list[Actor] = field(default_factory=list)
    room: tuple[int, int] | None = None  # bodies and shapes of the open aggregate
    physics: EnvPhysics | None = None


@dataclass(eq=False)
class Sim:
    """calls: the names of all calls, for tests."""

    params: gymapi.SimParams
    envs: list[Env] = field(default_factory=list)
    plane: gymapi.PlaneParams | None = None
    prepared: bool = False
    destroyed: bool = False
    set_this_step: set[str] = field(default_factory=set)
    unfetched: bool = False
    lent: list[tuple[str, Any]] = field(default_factory=list)  # tensors that the next step reads
    calls: list[str] = field(default_factory=list)
    arrays: dict[str, np.ndarray] = field(default_factory=dict)
    targets: np.ndarray = field(default_factory=lambda: np.zeros(0, np.float32))
    efforts: np.ndarray = field(default_factory=lambda: np.zeros(0, np.float32))
    forces: np.ndarray = field(default_factory=lambda: np.zeros((0, 3), np.float32))


def _checked(method: Callable[..., Any]) -> Callable[..., Any]:
    """Check the arguments' types against the annotations, the sim's life, and note the call."""
    signature, types = inspect.signature(method), method.__annotations__

    @wraps(method)
    def call(self: Gym, *args: Any, **kwargs: Any) -> Any:
        bound = signature.bind(self, *args, **kwargs)
        for name, value in bound.arguments.items():
            annotation = types.get(name, "")
            wanted = _TYPES.get(annotation.replace("Optional[", "").rstrip("]"))
            if value is None and annotation.startswith("Optional"):
                continue
            if wanted is not None and (
                not isinstance(value, wanted) or (isinstance(value, bool) and wanted is int)
            ):
                raise TypeError(
                    f"{method.__name__}: {name} must be {types[name]}, not {type(value).__name__}"
                )
            sim = value.sim if isinstance(value, Env) else value if isinstance(value, Sim) else None
            if sim is not None:
                if sim.destroyed:
                    raise GymMisuse(f"{method.__name__}: the sim is destroyed")
                sim.calls.append(method.__name__)
        return method(self, *args, **kwargs)

    return call


class Gym:
    """Acquired once a process."""

    def __init__(self) -> None:
        self.global_positions = False  # a test's choice: where the tensors count positions from
        self.several = False  # a test's choice: whether a process may have several sims
        self.sims: list[Sim] = []

    # The scene.

    @_checked
    def create_sim(
        self,
        compute_device: int = 0,
        graphics_device: int = 0,
        type: SimType = None,
        params: SimParams = None,
    ) -> Sim:
        if not self.several and any(not sim.destroyed for sim in self.sims):
            raise GymMisuse("create_sim: one sim in a process")
        if params.use_gpu_pipeline or params.physx.use_gpu or type is not gymapi.SIM_PHYSX:
            raise GymMisuse("create_sim: the stand-in has PhysX on the CPU only")
        if not 1 <= params.physx.num_position_iterations <= 255 or params.physx.contact_collection == 2:
            raise GymMisuse("create_sim: iterations are 1 to 255; CC_ALL_SUBSTEPS is broken")
        self.sims.append(Sim(params))
        return self.sims[-1]

    @_checked
    def destroy_sim(self, arg0: Sim, /) -> None:
        arg0.destroyed = True

    @_checked
    def add_ground(self, sim: Sim, params: PlaneParams) -> None:
        _building(sim, "add_ground")
        if (params.normal.x, params.normal.y, params.normal.z) != (0.0, 0.0, 1.0) or params.distance:
            raise GymMisuse("add_ground: the stand-in has flat ground at height 0")
        sim.plane = params

    @_checked
    def load_asset(
        self, sim: Sim, rootpath: str, filename: str, options: AssetOptions | None = None
    ) -> Asset:
        _building(sim, "load_asset")
        if options.collapse_fixed_joints or options.replace_cylinder_with_capsule:
            raise GymMisuse("load_asset: the stand-in keeps fixed joints and cylinders")
        return _asset.load(Path(rootpath, filename), options)

    @_checked
    def get_asset_rigid_body_names(self, arg0: Asset, /) -> list[str]:
        return list(arg0.links)

    @_checked
    def get_asset_dof_names(self, arg0: Asset, /) -> list[str]:
        return list(arg0.joints)

    @_checked
    def get_asset_rigid_shape_count(self, arg0: Asset, /) -> int:
        return sum(arg0.shapes)

    @_checked
    def create_env(self, arg0: Sim, arg1: Vec3, arg2: Vec3, arg3: int, /) -> Env:
        _building(arg0, "create_env")
        if arg3 < 1:
            raise GymMisuse("create_env: at least one env in a row")
        arg0.envs.append(Env(arg0, len(arg0.envs)))
        return arg0.envs[-1]

    @_checked
    def begin_aggregate(self, arg0: Env, arg1: int, arg2: int, arg3: bool, /) -> bool:
        arg0.room = (arg1, arg2)
        return True

    @_checked
    def end_aggregate(self, arg0: Env, /) -> bool:
        bodies = sum(len(actor.asset.links) for actor in arg0.actors)
        shapes = sum(sum(actor.asset.shapes) for actor in arg0.actors)
        if arg0.room is None or bodies > arg0.room[0] or shapes > arg0.room[1]:
            raise GymMisuse(f"end_aggregate: {bodies} bodies and {shapes} shapes, room for {arg0.room}")
        return True

    @_checked
    def create_actor(
        self, env: Env, asset: Asset, pose: Transform, name: str | None = None, group: int = -1, filter: int = -1,
        segmentationId: int = 0,
    ) -> int:  # fmt: skip
        _building(env.sim, "create_actor")
        if group != env.index:
            raise GymMisuse(
                "create_actor: an env is a group of its own, or its actors touch those of other envs"
            )
        shapes = [gymapi.RigidShapeProperties() for _ in range(sum(asset.shapes))]
        for shape in shapes:
            shape.filter = max(filter, 0)
        env.actors.append(Actor(asset, pose, name, group, asset.properties.copy(), shapes, _bodies(asset)))
        return len(env.actors) - 1

    @_checked
    def prepare_sim(self, arg0: Sim, /) -> bool:
        _building(arg0, "prepare_sim")
        base = None
        for env in arg0.envs:
            base = base or compile_env(env.actors, arg0.params, arg0.plane)
            env.physics = EnvPhysics(base, env.actors, arg0.plane)
        arg0.prepared = True
        actors, dofs = len(arg0.envs[0].actors), len(arg0.envs[0].physics.joints)
        n, bodies = len(arg0.envs), len(arg0.envs[0].physics.bodies)
        widths = {"root": (actors, 13), "dof": (dofs, 2), "body": (bodies, 13), "contact": (bodies, 3)}
        arg0.arrays = {
            name: np.zeros((n * rows, width), np.float32) for name, (rows, width) in widths.items()
        }
        arg0.targets, arg0.efforts = np.zeros(n * dofs, np.float32), np.zeros(n * dofs, np.float32)
        arg0.forces = np.zeros((n * bodies, 3), np.float32)
        return True

    # Properties, actor by actor.

    @_checked
    def get_actor_dof_properties(self, arg0: Env, arg1: int, /) -> np.ndarray:
        return arg0.actors[arg1].dofs.copy()

    @_checked
    def set_actor_dof_properties(self, arg0: Env, arg1: int, arg2: DofProperties, /) -> bool:
        actor = arg0.actors[arg1]
        if arg2.dtype != gymapi.DOF_PROPERTIES or arg2.shape != actor.dofs.shape:
            raise GymMisuse(f"set_actor_dof_properties: {arg2.dtype} {arg2.shape}")
        if not np.isfinite(arg2["effort"]).all() or not set(arg2["driveMode"]) <= {0, 1, 2, 3}:
            raise GymMisuse("set_actor_dof_properties: efforts are finite, modes 0 to 3")
        actor.dofs = arg2.copy()
        return _applied(arg0)

    @_checked
    def get_actor_rigid_shape_properties(self, arg0: Env, arg1: int, /) -> list:
        return _copies(arg0.actors[arg1].shapes)

    @_checked
    def set_actor_rigid_shape_properties(self, arg0: Env, arg1: int, arg2: list, /) -> bool:
        arg0.actors[arg1].shapes = _same_length(arg2, arg0.actors[arg1].shapes, gymapi.RigidShapeProperties)
        if arg0.physics is not None:
            return _applied(arg0)
        return True

    @_checked
    def get_actor_rigid_body_properties(self, arg0: Env, arg1: int, /) -> list:
        return _copies(arg0.actors[arg1].bodies)

    @_checked
    def set_actor_rigid_body_properties(
        self, env: Env, actorHandle: int, props: list, recomputeInertia: bool = False
    ) -> bool:
        actor = env.actors[actorHandle]
        bodies = _same_length(props, actor.bodies, gymapi.RigidBodyProperties)
        for old, new in zip(actor.bodies, bodies):
            if (old.com.x, old.com.y, old.com.z) != (new.com.x, new.com.y, new.com.z) or recomputeInertia:
                raise GymMisuse(
                    "set_actor_rigid_body_properties: the centre of mass stays, inertias are given"
                )
        actor.bodies = bodies
        return _applied(env)

    @_checked
    def get_actor_rigid_body_shape_indices(self, arg0: Env, arg1: int, /) -> list:
        ranges, start = [], 0
        for count in arg0.actors[arg1].asset.shapes:
            span = gymapi.IndexRange()
            span.start, span.count = start, count
            ranges.append(span)
            start += count
        return ranges

    @_checked
    def get_actor_index(self, arg0: Env, arg1: int, arg2: IndexDomain, /) -> int:
        if arg2 is not gymapi.DOMAIN_SIM:
            raise GymMisuse("get_actor_index: rlkit asks for rows of the sim's tensors")
        return sum(len(env.actors) for env in arg0.sim.envs[: arg0.index]) + arg1

    # Tensors.

    @_checked
    def acquire_actor_root_state_tensor(self, arg0: Sim, /) -> Tensor:
        return self._acquired(arg0, "root")

    @_checked
    def acquire_dof_state_tensor(self, arg0: Sim, /) -> Tensor:
        return self._acquired(arg0, "dof")

    @_checked
    def acquire_rigid_body_state_tensor(self, arg0: Sim, /) -> Tensor:
        return self._acquired(arg0, "body")

    @_checked
    def acquire_net_contact_force_tensor(self, arg0: Sim, /) -> Tensor:
        return self._acquired(arg0, "contact")

    def _acquired(self, sim: Sim, name: str) -> Tensor:
        _running(sim, f"acquire {name}")
        return Tensor(sim.arrays[name], gymapi.DTYPE_FLOAT32, None)

    @_checked
    def refresh_actor_root_state_tensor(self, arg0: Sim, /) -> bool:
        return self._refreshed(
            arg0, "root", lambda env: self._placed(env, env.physics.body_rows(env.physics.roots))
        )

    @_checked
    def refresh_rigid_body_state_tensor(self, arg0: Sim, /) -> bool:
        return self._refreshed(
            arg0, "body", lambda env: self._placed(env, env.physics.body_rows(env.physics.bodies))
        )

    @_checked
    def refresh_dof_state_tensor(self, arg0: Sim, /) -> bool:
        def rows(env: Env) -> np.ndarray:
            p = env.physics
            return np.stack((p.data.qpos[p.qpos], p.data.qvel[p.qvel]), axis=1)

        return self._refreshed(arg0, "dof", rows)

    @_checked
    def refresh_net_contact_force_tensor(self, arg0: Sim, /) -> bool:
        return self._refreshed(arg0, "contact", lambda env: env.physics.contact)

    def _refreshed(self, sim: Sim, name: str, rows: Callable[[Env], np.ndarray]) -> bool:
        _running(sim, f"refresh {name}")
        if sim.set_this_step:
            raise GymMisuse(f"refresh of {name} between {sorted(sim.set_this_step)} and simulate")
        if sim.unfetched:
            raise GymMisuse(f"refresh of {name} on the CPU without fetch_results after simulate")
        with np.errstate(over="ignore"):
            sim.arrays[name][:] = np.concatenate([rows(env) for env in sim.envs])
        return True

    def _placed(self, env: Env, rows: np.ndarray) -> np.ndarray:
        rows[:, :3] += self._origin(env)
        return rows

    def _origin(self, env: Env) -> np.ndarray:
        return np.array([4.0 * env.index, 0.0, 0.0]) * self.global_positions

    @_checked
    def set_actor_root_state_tensor_indexed(
        self, arg0: Sim, arg1: Tensor, arg2: Tensor, arg3: int, /
    ) -> bool:
        values, rows = self._indexed(arg0, "root", arg1, arg2, arg3)
        actors = len(arg0.envs[0].actors)
        for row in rows:
            env, value = arg0.envs[row // actors], values.reshape(-1, 13)[row].astype(float)
            value[:3] -= self._origin(env)
            env.physics.set_root(row % actors, value)
        return True

    @_checked
    def set_dof_state_tensor_indexed(self, arg0: Sim, arg1: Tensor, arg2: Tensor, arg3: int, /) -> bool:
        values, rows = self._indexed(arg0, "dof", arg1, arg2, arg3)
        actors = arg0.envs[0].actors
        ends = np.cumsum([len(actor.asset.joints) for actor in actors])
        for row in rows:
            env, k = arg0.envs[row // len(actors)], row % len(actors)
            span = slice(ends[k] - len(actors[k].asset.joints), ends[k])
            if span.start == span.stop:
                raise GymMisuse(f"set_dof_state_tensor_indexed: actor {row} has no dofs")
            p = env.physics
            mine = values.reshape(len(arg0.envs), -1, 2)[env.index, span]
            p.data.qpos[p.qpos[span]], p.data.qvel[p.qvel[span]] = mine[:, 0], mine[:, 1]
        return True

    def _indexed(
        self, sim: Sim, name: str, values: Tensor, rows: Tensor, count: int
    ) -> tuple[np.ndarray, list[int]]:
        call = f"set_{name}_indexed"
        array = self._lent(sim, call, values, sim.arrays[name].size)
        if (
            rows.dtype is not gymapi.DTYPE_UINT32
            or rows.array.ndim != 1
            or rows.array.size != count
            or count < 1
        ):
            raise GymMisuse(f"{call}: rows are int32, one dimension, {count} of them")
        chosen = rows.array.tolist()
        if len(set(chosen)) < count or not all(
            0 <= k < len(sim.envs) * len(sim.envs[0].actors) for k in chosen
        ):
            raise GymMisuse(f"{call}: rows {chosen}")
        if not np.isfinite(array).all():
            raise GymMisuse(f"{call}: a number is not finite")
        if call in sim.set_this_step:
            raise GymMisuse(f"{call}: twice in a step; the second call undoes the first")
        sim.set_this_step.add(call)
        sim.lent.append((call, rows.alive))
        return array, chosen

    def _lent(self, sim: Sim, call: str, values: Tensor, size: int) -> np.ndarray:
        _running(sim, call)
        if values.dtype is not gymapi.DTYPE_FLOAT32 or values.array.size != size:
            raise GymMisuse(
                f"{call}: takes float32 of full size {size}, not {values.dtype.name} {values.shape}"
            )
        sim.lent.append((call, values.alive))
        return values.array

    @_checked
    def set_dof_position_target_tensor(self, arg0: Sim, arg1: Tensor, /) -> bool:
        arg0.targets = self._lent(arg0, "set_dof_position_target_tensor", arg1, arg0.targets.size).copy()
        return True

    @_checked
    def set_dof_actuation_force_tensor(self, arg0: Sim, arg1: Tensor, /) -> bool:
        arg0.efforts = self._lent(arg0, "set_dof_actuation_force_tensor", arg1, arg0.efforts.size).copy()
        return True

    @_checked
    def apply_rigid_body_force_tensors(
        self, sim: Sim, forceTensor: Tensor | None = None, torqueTensor: Tensor | None = None,
        space: CoordinateSpace = gymapi.ENV_SPACE,
    ) -> bool:  # fmt: skip
        if torqueTensor is not None or space is gymapi.LOCAL_SPACE:
            raise GymMisuse("apply_rigid_body_force_tensors: the stand-in takes forces along the env's axes")
        array = self._lent(sim, "apply_rigid_body_force_tensors", forceTensor, sim.forces.size)
        sim.forces = array.reshape(-1, 3).copy()
        return True

    # Steps.

    @_checked
    def simulate(self, arg0: Sim, /) -> None:
        _running(arg0, "simulate")
        for call, alive in arg0.lent:
            if alive() is None:
                raise GymMisuse(f"{call}: its tensor was freed before simulate")
        n = len(arg0.envs)
        shapes = (arg0.targets.reshape(n, -1), arg0.efforts.reshape(n, -1), arg0.forces.reshape(n, -1, 3))
        for env, targets, efforts, forces in zip(arg0.envs, *shapes):
            env.physics.step(targets, efforts, forces, arg0.params.substeps)
        arg0.efforts, arg0.forces = np.zeros_like(arg0.efforts), np.zeros_like(arg0.forces)
        arg0.set_this_step.clear()
        arg0.lent.clear()
        arg0.unfetched = True

    @_checked
    def fetch_results(self, arg0: Sim, arg1: bool, /) -> None:
        if not arg1:
            raise GymMisuse("fetch_results: rlkit waits for the results")
        arg0.unfetched = False


def _building(sim: Sim, call: str) -> None:
    if sim.prepared:
        raise GymMisuse(f"{call} after prepare_sim")


def _running(sim: Sim, call: str) -> None:
    if not sim.prepared:
        raise GymMisuse(f"{call} before prepare_sim")


def _applied(env: Env) -> bool:
    if env.physics is not None:
        env.physics.apply_properties()
    return True


def _copies(items: list[Any]) -> list[Any]:
    from copy import deepcopy

    return deepcopy(items)


def _same_length(given: list[Any], own: list[Any], kind: type) -> list[Any]:
    if len(given) != len(own) or not all(isinstance(item, kind) for item in given):
        raise GymMisuse(f"{len(given)} properties for {len(own)} of {kind.__name__}")
    return _copies(given)


def _bodies(asset: Asset) -> list[gymapi.RigidBodyProperties]:
    import xml.etree.ElementTree as ET

    found = {}
    for link in ET.fromstring(asset.text).findall("link"):
        body = gymapi.RigidBodyProperties()
        body.mass = float(link.find("inertial/mass").get("value"))
        body.invMass = 1.0 / body.mass
        body.com = gymapi.Vec3(*map(float, link.find("inertial/origin").get("xyz").split()))
        i = {name: float(value) for name, value in link.find("inertial/inertia").items()}
        rows = (("ixx", "ixy", "ixz"), ("ixy", "iyy", "iyz"), ("ixz", "iyz", "izz"))
        body.inertia.x, body.inertia.y, body.inertia.z = (gymapi.Vec3(*(i[k] for k in row)) for row in rows)
        found[link.get("name")] = body
    return [found[name] for name in asset.links]


_TYPES: dict[str, Any] = {
    "int": int, "bool": bool, "str": str, "list": list, "Sim": Sim, "Env": Env, "Asset": Asset, "Tensor": Tensor,
    "Vec3": gymapi.Vec3, "Transform": gymapi.Transform, "AssetOptions": gymapi.AssetOptions,
    "PlaneParams": gymapi.PlaneParams, "SimParams": gymapi.SimParams, "SimType": gymapi.SimType,
    "IndexDomain": gymapi.IndexDomain, "CoordinateSpace": gymapi.CoordinateSpace, "DofProperties": np.ndarray,
}  # fmt: skip
GYM = Gym()
