"""The seam between a task and the engine that moves its bodies.

Every array is a torch tensor `[num_envs, ...]` on `Simulator.device`, float32 unless said,
in SI units, in the world frame, with quaternions as (w, x, y, z), and names in the model's order.
A task asks for what it needs in a `SceneSpec`; a backend that cannot give it says so by name when it is built.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Iterable, Mapping, Sequence, Union

import torch
from torch import Tensor

from rlkit.errors import RlkitError
from rlkit.nearest import nearest
from rlkit.sims.mjcf import MjcfError
from rlkit.sims.robots.options import Servos as Servos


class SimulatorError(RlkitError):
    """The simulator cannot build the scene or cannot do what was asked; the message names the part."""


@dataclass(frozen=True)
class PhysicsSettings:
    """How the engine integrates: the `sim` section of the configuration.

    dt: duration of one simulator step, s. Each is cut into `substeps` integrator steps of `dt / substeps`.
    iterations, ls_iterations: upper bounds of the constraint solver and of its line search.
    cone: friction cone, "pyramidal" (faster) or "elliptic" (isotropic friction, less creep).
    impratio: ratio of frictional to normal constraint impedance; only elliptic cones use values above 1.
    max_contacts: points in one env that an engine with fixed buffers has room for; 0: as the scene needs.
    """

    dt: float
    substeps: int
    iterations: int = 10
    ls_iterations: int = 10
    solver: str = "newton"
    cone: str = "pyramidal"
    impratio: float = 1.0
    integrator: str = "implicitfast"
    num_threads: int = 0  # 0: all cores
    max_contacts: int = 0

    def steps_per_control(self, control_period: float) -> int:
        """Simulator steps in one control period (s); raises SimulatorError when it is not a whole number."""
        steps = round(control_period / self.dt)
        if steps < 1 or not math.isclose(steps * self.dt, control_period, rel_tol=1e-6):
            raise SimulatorError(
                f"the control period {control_period} s is not a whole number of simulator steps of"
                f" sim.dt={self.dt} s; try sim.dt={control_period / max(1, steps):g}"
            )
        return steps


@dataclass(frozen=True)
class ContactSensor:
    """Net contact force on a body, optionally only the part that one other body causes.

    name: how the task asks for it. body: the body the force acts on. other: None counts every contact.
    subtree: count the contacts of everything attached below `body` too, e.g. of a whole finger.
    """

    name: str
    body: str
    other: str | None = None
    subtree: bool = False


@dataclass(frozen=True)
class Start:
    """A pose to start from, in the order of a `SceneSpec`.

    joint_pos: rad or m. free_pose: of each free body position (m) and quaternion wxyz. ctrl: in each actuator's unit;
    what holds the pose, or a keyframe's own.
    """

    joint_pos: tuple[float, ...]
    free_pose: tuple[tuple[float, ...], ...]
    ctrl: tuple[float, ...]


@dataclass(frozen=True)
class SceneSpec:
    """What a task needs to exist: the model and the names it will read or drive.

    mjcf: the model as MJCF text, radians, that needs no file beside it; `from_file` makes one of files.
    joints: hinge and slide joints (one number each) in the order the task reads them.
    actuators: in the order of `step(ctrl)`; all of them, every actuator of the model.
    bodies, sites: frames whose pose is read; bodies also give velocities.
    free_bodies: bodies on a free joint whose pose and velocity a reset sets.
    contacts: between bodies, whose forces are read.
    sensors: of the model's own `<sensor>`, which are read.
    start: what `Simulator.start_state` starts from; None: joints at zero, free bodies at the origin, upright.
    alternatives: models that an env may have, `mjcf` the first of them; they differ in numbers alone, see `choose`.
    """

    mjcf: str
    joints: tuple[str, ...]
    actuators: tuple[str, ...]
    bodies: tuple[str, ...] = ()
    sites: tuple[str, ...] = ()
    free_bodies: tuple[str, ...] = ()
    contacts: tuple[ContactSensor, ...] = ()
    start: Start | None = field(default=None, repr=False)  # no part of what a saved state belongs to
    sensors: tuple[str, ...] = field(default=(), repr=False)  # likewise
    alternatives: tuple[str, ...] = field(
        default=(), repr=False
    )  # a state's fingerprint has them where there are any

    @classmethod
    def from_file(
        cls,
        path: str | Path,
        *,
        joints: tuple[str, ...] | None = None,
        actuators: tuple[str, ...] | None = None,
        bodies: tuple[str, ...] = (),
        sites: tuple[str, ...] = (),
        free_bodies: tuple[str, ...] | None = None,
        contacts: tuple[ContactSensor, ...] = (),
        sensors: tuple[str, ...] = (),
        keyframe: str | None = None,
        pose: Mapping[str, float | Sequence[float]] | None = None,
        servos: bool | Servos | Sequence[Servos] = False,
        add_sites: Mapping[str, tuple[str, Sequence[float]]] | None = None,
        floor: bool = False,
        add_mjcf: str = "",
        floating: bool = False,
        packages: Mapping[str, str | Path] | None = None,
    ) -> SceneSpec:
        """The scene of a robot in files, MJCF or URDF, with all that it includes and refers to.

        path: of the file, or package:NAME/FILE.xml, menagerie:NAME, description:NAME; nothing is downloaded.
        Without names: every hinge and slide, every actuator and every body on a free joint, in the model's order;
        what has no name there is given one, see `rlkit.sims.mjcf_names`.
        keyframe: of the file, to start from. pose: on top of it, numbers by name or pattern ("*_knee": -1.8): of
        joints rad or m, of free bodies x, y, z (m) and, where it is not upright, a quaternion wxyz.
        servos: PD servos for the joints without an actuator, see `Servos`; of several the first that matches.
        add_sites: by name, the body and the place in its frame (m); they come after `sites`.
        floor: a plane at z = 0. add_mjcf: sections of MJCF without files, e.g. a <worldbody> with a box.
        floating: of a URDF, whether its base is free. packages: folders of ROS packages, for package:// paths.
        Raises SimulatorError naming the file or the part.
        """
        from rlkit.sims.robots.loading import Additions, load  # MuJoCo is loaded where a file is read

        try:
            robot = load(
                path, Additions(keyframe, pose, servos, add_sites, floor, add_mjcf, floating, packages)
            )
        except MjcfError as error:
            raise SimulatorError(str(error)) from error
        joints = tuple(robot.joints) if joints is None else joints
        actuators = tuple(robot.actuators) if actuators is None else actuators
        free_bodies = tuple(robot.free_bodies) if free_bodies is None else free_bodies
        for kind, names, known in (
            ("hinge or slide", joints, robot.joints),
            ("actuator", actuators, robot.actuators),
            ("free body", free_bodies, robot.free_bodies),
        ):
            check_known(kind, names, list(known))
        begin = Start(
            tuple(robot.joints[name] for name in joints),
            tuple(robot.free_bodies[name] for name in free_bodies),
            tuple(robot.actuators[name] for name in actuators),
        )
        sites = (*sites, *(add_sites or {}))
        return cls(robot.mjcf, joints, actuators, bodies, sites, free_bodies, contacts, begin, sensors)


def check_known(kind: str, names: Iterable[str], known: Sequence[str], owner: str = "the model") -> None:
    """Raise SimulatorError for a name that is not among those that the owner has, with the nearest one."""
    for name in names:
        if name not in known:
            near = nearest(name, known)
            hint = f"; the nearest is '{near[0]}'" if near else f"; it has: {', '.join(known) or 'none'}"
            raise SimulatorError(f"{owner} has no {kind} '{name}'{hint}")


Index = Union[slice, Tensor]
"""Of parts along the second axis of the simulator's tensors: a slice where they stand in a row, so that reading them
copies nothing; else `[k]` int64 on its device."""


def _places(kind: str, names: Sequence[str], listed: Sequence[str]) -> list[int]:
    check_known(kind, names, listed, "the task's SceneSpec")
    return [listed.index(name) for name in names]


@dataclass(frozen=True)
class ResetState:
    """The state a reset gives to the envs in `env_ids` (k of them).

    joint_pos, joint_vel: `[k, joints]` rad or m, rad/s or m/s.
    free_pose: `[k, free_bodies, 7]` position (m) and quaternion wxyz. free_vel: `[k, free_bodies, 6]`
    linear then angular velocity, world frame, m/s and rad/s.
    """

    joint_pos: Tensor
    joint_vel: Tensor
    free_pose: Tensor
    free_vel: Tensor


QUANTITIES = ("friction", "mass", "stiffness", "damping")
"""What `Simulator.scale` can vary. Of bodies: sliding friction of all their geoms; mass, with the inertia. Of
actuators: force per position error, or of a motor per control (N/m, N m/rad, 1); force per velocity."""


class Simulator(ABC):
    """N copies of one scene, stepped together.

    All state tensors below are fresh after `step` and after `reset`: they describe the state the next `step`
    starts from. Contact forces are the exception that physics imposes: they are the ones that acted during
    the last integrator step (zero after a reset). They are persistent buffers, overwritten in place by the
    next call: read them, do not keep or write them.
    """

    spec: SceneSpec
    physics: PhysicsSettings
    contact_room: int = 0  # contact points in one env that there is room for; 0: for any number, or not known
    num_envs: int
    device: torch.device
    joint_range: Tensor  # [joints, 2] lower and upper limit, rad or m
    ctrl_range: Tensor  # [actuators, 2]
    joint_pos: Tensor  # [N, joints] rad or m
    joint_vel: Tensor  # [N, joints] rad/s or m/s
    body_pos: Tensor  # [N, bodies, 3] m, world: the body frame's origin
    body_quat: Tensor  # [N, bodies, 4] wxyz, body to world
    body_lin_vel: Tensor  # [N, bodies, 3] m/s, world: of the body frame's origin
    body_ang_vel: Tensor  # [N, bodies, 3] rad/s, world
    site_pos: Tensor  # [N, sites, 3] m, world
    site_quat: Tensor  # [N, sites, 4] wxyz, site to world
    contact_force: Tensor  # [N, contacts, 3] N, world: the force that acts ON the sensor's body
    sensors: Mapping[str, Tensor] = MappingProxyType({})  # [N, dim] by name, of those that the scene lists
    contact_count: Tensor  # [N, contacts] number of contact points matched, float32
    unstable: Tensor  # [N] bool: the engine warned or produced a non-finite number in the last step

    def start_state(self, k: int) -> ResetState:
        """The scene's `start` for k envs, `[k, ...]`, at rest: what a task's `reset` returns, or changes first."""
        spec, free = self.spec, len(self.spec.free_bodies)
        begin = spec.start or Start(
            (0.0,) * len(spec.joints), ((0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0),) * free, ()
        )
        pos = torch.tensor(begin.joint_pos, device=self.device).repeat(k, 1)
        pose = torch.tensor(begin.free_pose, device=self.device).reshape(free, 7).repeat(k, 1, 1)
        return ResetState(pos, torch.zeros_like(pos), pose, pose.new_zeros(k, free, 6))

    # Where the tensors hold what the scene names. A task asks once, when it is made; SimulatorError for other names.

    def body(self, name: str) -> int:
        """The index of a body in `body_pos`, `body_quat`, `body_lin_vel` and `body_ang_vel`."""
        return _places("body", [name], self.spec.bodies)[0]

    def bodies(self, names: Sequence[str]) -> Index:
        """Those of several bodies, in this order."""
        return self._index(_places("body", names, self.spec.bodies))

    def site(self, name: str) -> int:
        """The index of a site in `site_pos` and `site_quat`."""
        return _places("site", [name], self.spec.sites)[0]

    def sites(self, names: Sequence[str]) -> Index:
        """Those of several sites, in this order."""
        return self._index(_places("site", names, self.spec.sites))

    def joint(self, name: str) -> int:
        """The index of a joint in `joint_pos` and `joint_vel`, and the row of its `joint_range`."""
        return _places("joint", [name], self.spec.joints)[0]

    def joints(self, names: Sequence[str]) -> Index:
        """Those of several joints, in this order."""
        return self._index(_places("joint", names, self.spec.joints))

    def contact(self, name: str) -> int:
        """The index of a contact sensor in `contact_force` and `contact_count`."""
        return _places("contact", [name], [sensor.name for sensor in self.spec.contacts])[0]

    def contacts(self, names: Sequence[str]) -> Index:
        """Those of several contact sensors, in this order."""
        return self._index(_places("contact", names, [sensor.name for sensor in self.spec.contacts]))

    def sensor(self, name: str) -> Tensor:
        """The numbers of a sensor of the model's own file, `[N, dim]` in its unit and frame, a persistent buffer.

        Forces (accelerometer, touch ...) are those of the present state under the controls and pushes of the last step;
        after a reset under the controls of the scene's `start`, zero where it has none.
        """
        check_known("sensor", [name], self.spec.sensors, "the task's SceneSpec")
        return self.sensors[name]

    def _index(self, places: Sequence[int]) -> Index:
        first = places[0] if places else 0
        in_a_row = list(places) == list(range(first, first + len(places)))
        return slice(first, first + len(places)) if in_a_row else torch.tensor(places, device=self.device)

    @abstractmethod
    def step(self, ctrl: Tensor, num_steps: int) -> None:
        """Advance every env by `num_steps` simulator steps (num_steps * dt seconds) under `ctrl`.

        ctrl: `[N, actuators]`, each actuator's own unit (position targets: rad or m), held for the whole call.
        An env whose engine warned or whose state is not finite is marked in `unstable` and must be reset.
        Raises SimulatorError where `ctrl` is of another shape or `num_steps` is below one.
        """

    @abstractmethod
    def reset(self, env_ids: Tensor, state: ResetState) -> None:
        """Put the envs `env_ids` ([k] int64) into `state`, clear their warm start; all other envs stay bit-equal.

        Quaternions are normalised here. Raises SimulatorError where a shape does not fit, and, but for engines on which
        a look would wait for the device, where an env is listed twice.
        """

    @abstractmethod
    def apply_force(self, body: str, force: Tensor) -> None:
        """Let `force` (`[N, 3]` N, world, at the body's centre of mass) act on a body during the next `step`.

        Forces of several calls add up. Raises SimulatorError for an unknown body.
        """

    def push(self, env: int, body: str, force: Sequence[float]) -> None:
        """`apply_force` in one env alone."""
        forces = torch.zeros(self.num_envs, 3, device=self.device)
        forces[env] = torch.tensor(force, dtype=torch.float32, device=self.device)
        self.apply_force(body, forces)

    def parts(self, quantity: str) -> tuple[str, ...]:
        """The bodies or actuators that have one of the `QUANTITIES`, in the order of `scale`.

        Raises SimulatorError for a quantity that the simulator cannot vary.
        """
        raise SimulatorError(f"{type(self).__name__} cannot vary {quantity}")

    def scale(self, quantity: str, env_ids: Tensor, factors: Tensor) -> None:
        """Make a quantity, in the envs `env_ids` ([k] int64), the model's own value times `factors`.

        factors: `[k, parts]`, positive; those of a later call replace these. Called at resets, before `reset`.
        Raises SimulatorError for a quantity that the simulator cannot vary.
        """
        raise SimulatorError(f"{type(self).__name__} cannot vary {quantity}")

    def choose(self, env_ids: Tensor, numbers: Tensor) -> None:
        """Give the envs `env_ids` ([k] int64) these of `spec.alternatives` (`[k]` int64); at first all have number 0.

        Called at resets, before `scale`, whose factors it undoes, and `reset`. SimulatorError where it cannot.
        """
        raise SimulatorError(f"{type(self).__name__} has one model for all envs")

    def model_of(self, env: int) -> str:
        """The model that an env has now, as MJCF text: what its `render_states` are for."""
        return self.spec.mjcf

    def model_field(self, name: str) -> Tensor:
        """Per-env values of one of MuJoCo's model fields, e.g. "body_mass", `[N, ...]`, a live view to write into.

        Call `apply_model_fields(env_ids)` after writing. Raises SimulatorError for a field it cannot vary.
        """
        raise SimulatorError(f"{type(self).__name__} has no model field {name!r} for each env")

    def apply_model_fields(self, env_ids: Tensor) -> None:
        """Recompute what the engine derives from the written model fields, in the envs `env_ids` ([k] int64)."""
        raise SimulatorError(f"{type(self).__name__} has no model fields for each env")

    def overflows(self) -> int:
        """How many env-steps since the last call had more contacts than the engine has room for (`max_contacts`).

        What does not fit is left out: bodies sink into each other. May wait for the device; called rarely.
        """
        return 0

    @abstractmethod
    def state(self, env_ids: Sequence[int] | None = None) -> dict[str, Tensor]:
        """Everything needed to continue bit-exactly, as CPU tensors (for checkpoints and replays).

        `[N, ...]` by name, with env_ids `[k, ...]`, for a simulator that has as many; "scene" is of no env.
        """

    @abstractmethod
    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """Continue from `state`, see `Simulator.state`; raises SimulatorError where scene or number of envs differ.

        Model fields that the state lacks return to the model's values.
        """

    @abstractmethod
    def render_states(self, env_ids: Sequence[int]) -> dict[str, Any]:
        """The state of a few envs for a renderer in another process: numpy arrays `[k, ...]` by MjData name.

        They are for `model_of(env)`: "time", "qpos", "qvel", "act" and "ctrl".
        """

    def qpos_columns(self, names: Sequence[str]) -> list[int]:
        """Where in that "qpos" joints (one number) and free bodies (seven) stand; SimulatorError for other names."""
        from rlkit.sims.robots.poses import qpos_columns  # MuJoCo is loaded where states are shown

        try:
            return qpos_columns(self.spec.mjcf, names)
        except MjcfError as error:
            raise SimulatorError(str(error)) from error

    def close(self) -> None:
        """Release threads and memory; the simulator cannot be used afterwards."""
        vars(self).clear()
