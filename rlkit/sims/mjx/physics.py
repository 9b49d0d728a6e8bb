"""The programs that move a scene: one control step, a reset, and what can be read of a state.

They are compiled once for a scene, a number of envs and the set of model fields that vary, and shared by all
simulators of that scene in this process; JAX keeps them on disk for the next one.
"""

# pyright: reportMissingImports=false, reportAttributeAccessIssue=false

from __future__ import annotations

import functools
from typing import Any, Callable, Dict

import numpy as np

from rlkit.sims.api import PhysicsSettings, SceneSpec, SimulatorError
from rlkit.sims.compiling import compiling
from rlkit.sims.mjmodel.scene import Scene, apply_physics, build_scene, parse
from rlkit.sims.mjmodel.sensors import Sensors, keep_sensors
from rlkit.sims.mjx.contacts import ContactReader, active_contacts
from rlkit.sims.mjx.room import room_for
from rlkit.sims.mjx.solver import mended
from rlkit.sims.mjx.start import cache_hits, compiler_options, jax, mjx

import mujoco  # isort: skip

# [N, ...] by name: all that the next step starts from, and what the last one left behind
State = Dict[str, jax.Array]
Fields = Dict[str, Any]  # [N, ...] by the name of the model field that varies

_INTEGRATORS = {
    int(mujoco.mjtIntegrator.mjINT_EULER): mjx.euler,
    int(mujoco.mjtIntegrator.mjINT_IMPLICITFAST): mjx.implicit,
}
_LIMIT = 1e10  # mjMAXVAL: what is larger counts as exploded
_INTEGRATED = ("time", "qpos", "qvel", "act", "qacc_warmstart")
# Model fields that poses and velocities depend on; centres of mass cancel out in the velocities.
_GEOMETRY = ("body_pos", "body_quat", "jnt_pos", "jnt_axis", "site_pos", "site_quat", "qpos0")
_NO_SENSORS = int(mujoco.mjtDisableBit.mjDSBL_SENSOR)
_ROOM = "max_contact_points"  # the name under which MJX looks for it among the model's numerics


@functools.lru_cache(maxsize=8)
def shared_physics(spec: SceneSpec, physics: PhysicsSettings, device: Any) -> Physics:
    """The programs of a scene, the same object for the same scene; raises SimulatorError."""
    return Physics(spec, physics, device)


class Physics:
    """A scene in MJX, and its programs by what they are compiled for."""

    def __init__(self, spec: SceneSpec, physics: PhysicsSettings, device: Any) -> None:
        if physics.integrator == "implicit":
            raise SimulatorError(
                "MJX has no integrator implicit: use sim.integrator=implicitfast, or sim=mujoco which has it"
            )
        self.spec, self.device = spec, device
        self._on_cpu: bool = device.platform == "cpu"
        self.scene: Scene = build_scene(spec, physics)
        self.model = without_sensors(spec, physics)
        try:
            self.mjx_model = mjx.put_model(self.model, device=device)
            self._template = mjx.make_data(self.model, device=device)
        except (NotImplementedError, ValueError) as error:
            raise SimulatorError(f"sim=mjx cannot simulate this scene: {error}; use sim=mujoco") from error
        self._integrate = _INTEGRATORS[int(self.model.opt.integrator)]
        self._contacts = ContactReader(self.model, spec.contacts)
        self.width = self.scene.blocks["contact"].stop
        dims = np.asarray(self._template._impl.contact.dim)
        self.contact_room = _contact_room(self.model, dims)
        self._full = _is_full(self.contact_room, dims)
        self._programs: dict[Any, Callable[..., Any]] = {}
        self._initial = self._first_state()

    def _first_state(self) -> State:
        """The model's initial state, one env."""
        np_ = jax.numpy
        state = {name: np_.asarray(getattr(self._template, name)) for name in _INTEGRATED}
        contact = np_.zeros(4 * len(self.spec.contacts))
        return {**state, "contact": contact, "unstable": np_.array(False), "crowded": np_.array(0, np_.int32)}

    def first_state(self, num_envs: int) -> State:
        """The model's initial state in every env."""
        rows = {
            name: np.broadcast_to(value, (num_envs, *value.shape)) for name, value in self._initial.items()
        }
        return {name: jax.numpy.array(value, device=self.device) for name, value in rows.items()}

    # What is compiled, for one env each.

    def _substep(self, state: State, fields: Fields, ctrl: jax.Array, force: jax.Array) -> State:
        """One integrator step; an env that explodes returns to the initial state, so that no other waits for it."""
        given = {name: state[name] for name in _INTEGRATED}
        m = self._model_with(fields)
        d = mjx.forward(m, self._template.replace(ctrl=ctrl, xfrc_applied=force, **given))
        d = self._integrate(m, _one_after_the_other(d) if self._on_cpu else d)
        moved = {name: getattr(d, name) for name in _INTEGRATED}
        moved["contact"] = self._contacts(d).reshape(-1)
        bad = ~_sound(moved["qpos"], moved["qvel"], d.qacc)
        moved = {name: jax.numpy.where(bad, self._initial[name], value) for name, value in moved.items()}
        return {**moved, "unstable": state["unstable"] | bad, "crowded": state["crowded"] | self._full(d)}

    def _step(
        self, state: State, fields: Fields, ctrl: jax.Array, force: jax.Array, count: int | jax.Array
    ) -> State:
        """`count` integrator steps of every env. ctrl: `[N, actuators]` in the model's order."""
        bad = ~jax.vmap(_sound)(state["qpos"], state["qvel"], ctrl)
        before = state["crowded"]
        start = {**state, "unstable": bad, "crowded": jax.numpy.zeros_like(before)}
        for name in _INTEGRATED:
            start[name] = _choose(bad, self._initial[name], state[name])
        ctrl = _choose(bad, jax.numpy.zeros_like(ctrl[0]), ctrl)
        substep = jax.vmap(self._substep)
        end = jax.lax.fori_loop(0, count, lambda _, each: substep(each, fields, ctrl, force), start)
        return {**end, "crowded": before + end["crowded"]}

    def _reset(self, state: State, chosen: jax.Array, qpos: jax.Array, qvel: jax.Array) -> State:
        """The initial state with these positions and velocities where `chosen` (`[N]` bool)."""
        fresh = {**self._initial, "qpos": qpos, "qvel": qvel, "crowded": state["crowded"]}
        return {name: _choose(chosen, fresh[name], value) for name, value in state.items()}

    def _read(self, state: State, fields: Fields, *acting: jax.Array) -> tuple[jax.Array, jax.Array]:
        """`[N, columns]` what the seam shows, and `[N]` bool who is unstable; acting: see `read`."""
        motion = jax.vmap(self._motion)(
            state["qpos"], state["qvel"], {name: fields[name] for name in fields if name in _GEOMETRY}
        )
        shown = (motion, state["contact"])
        sensors = self.scene.sensors
        if sensors is not None:
            read = functools.partial(self._sensors, sensors)
            shown = (*shown, jax.vmap(read)(state, fields, *acting))
        return jax.numpy.concatenate(shown, axis=1), state["unstable"]

    def _sensors(self, sensors: Sensors, state: State, fields: Fields, *acting: jax.Array) -> jax.Array:
        """The sensors of the robot's file in one env, in the scene's order."""
        m = self._model_with(fields)
        m = m.replace(opt=m.opt.replace(disableflags=m.opt.disableflags & ~_NO_SENSORS))
        d = self._template.replace(**{name: state[name] for name in _INTEGRATED})
        if sensors.kinematic:
            d = mjx.com_vel(m, mjx.com_pos(m, mjx.kinematics(m, d)))
            d = mjx.sensor_vel(m, mjx.sensor_pos(m, d))
        else:
            ctrl, force = acting
            d = mjx.forward(m, d.replace(ctrl=ctrl, xfrc_applied=force))
        return d.sensordata[sensors.places]

    def _motion(self, qpos: jax.Array, qvel: jax.Array, fields: Fields) -> jax.Array:
        """Poses and velocities of one env at this state, from kinematics alone."""
        model, scene, m = self.model, self.scene, self._model_with(fields)
        d = self._template.replace(qpos=qpos, qvel=qvel)
        d = mjx.com_vel(m, mjx.com_pos(m, mjx.kinematics(m, d)))
        bodies = np.array([model.body(name).id for name in self.spec.bodies], np.int32)
        sites = np.array([model.site(name).id for name in self.spec.sites], np.int32)
        # cvel: angular, then linear velocity of the point of the body that is at the tree's centre of mass
        arm = d.xpos[bodies] - d.subtree_com[model.body_rootid[bodies]]
        spin, drift = d.cvel[bodies, :3], d.cvel[bodies, 3:]
        parts = {
            "joint_pos": d.qpos[scene.qpos_ids],
            "joint_vel": d.qvel[scene.qvel_ids],
            "body_pos": d.xpos[bodies],
            "body_quat": d.xquat[bodies],
            "body_lin_vel": drift + jax.numpy.cross(spin, arm),
            "body_ang_vel": spin,
            "site_pos": d.site_xpos[sites],
            "site_quat": _quat_mul(d.xquat[model.site_bodyid[sites]], m.site_quat[sites]),
        }
        return jax.numpy.concatenate([parts[name].reshape(-1) for name in scene.blocks if name in parts])

    def _model_with(self, fields: Fields) -> Any:
        return self.mjx_model.tree_replace(fields) if fields else self.mjx_model

    # What is called, for all envs.

    def step(self, state: State, fields: Fields, ctrl: jax.Array, force: jax.Array, count: int) -> State:
        """Advance by `count` integrator steps; `state` is used up.

        ctrl: `[N, actuators]` in the model's order. force: `[N, bodies, 6]`, on each body's centre of mass a force
        (N) and a torque (N m), world frame.
        """
        if self._on_cpu:  # one program for any number of them
            return self._run("step", self._step, state, fields, ctrl, force, np.int32(count))
        # on a GPU a loop of unknown length asks the host before each turn
        step = functools.partial(self._step, count=count)
        return self._run(f"{count} integrator steps", step, state, fields, ctrl, force)

    def reset(self, state: State, chosen: jax.Array, qpos: jax.Array, qvel: jax.Array) -> State:
        """Put the envs `chosen` (`[N]` bool) into their initial state, but for `qpos` and `qvel`; `state` is used up.

        qpos: `[N, nq]`, qvel: `[N, nv]`, in MuJoCo's order and units (m, rad, quaternions wxyz; m/s, rad/s).
        """
        return self._run("reset", self._reset, state, chosen, qpos, qvel)

    def read(self, state: State, fields: Fields, *acting: jax.Array) -> tuple[jax.Array, jax.Array]:
        """What the seam shows of `state`, which stays: `[N, columns]` in the scene's order, and `[N]` bool: unstable.

        The columns are those of the blocks, then the sensors of the robot's file. acting: `ctrl` and `force` as in
        `step`; they count for sensors that depend on forces.
        """
        if self.needs_forces:
            return self._run("read", self._read, state, fields, *acting)
        moved = {name: value for name, value in fields.items() if name in _GEOMETRY}
        return self._run("read", self._read, state, moved)

    @property
    def needs_forces(self) -> bool:
        """Whether sensors of the scene depend on what acts."""
        return self.scene.sensors is not None and not self.scene.sensors.kinematic

    def _run(self, name: str, function: Callable[..., Any], state: State, *inputs: Any) -> Any:
        """Call the program for inputs of these shapes, compiled when they come for the first time."""
        fields = inputs[0] if isinstance(inputs[0], dict) else {}
        key = (name, len(state["qpos"]), *sorted(fields))
        if key not in self._programs:
            self._programs[key] = self._compile(name, function, state, *inputs)
        return self._programs[key](state, *inputs)

    def _compile(self, name: str, function: Callable[..., Any], *inputs: Any) -> Callable[..., Any]:
        hits = cache_hits()
        donated = () if name == "read" else (0,)
        what = f"MJX's {name} of a scene with {self.model.nbody - 1} bodies in {len(inputs[0]['qpos'])} envs"
        # on CUDA JAX would multiply matrices in TF32, with three digits
        with compiling(what, lambda: cache_hits() > hits), jax.default_matmul_precision("highest"):
            with mended(self._on_cpu):
                traced = jax.jit(function, donate_argnums=donated).lower(*inputs)
            return traced.compile(compiler_options=compiler_options(self.device))


def without_sensors(spec: SceneSpec, physics: PhysicsSettings) -> mujoco.MjModel:
    """The physics without contact sensors, which MJX lacks, and with the room for contacts that the scene needs.

    The sensors that the scene lists are in it, switched off.
    """
    source = parse(spec.mjcf)
    apply_physics(source, physics)
    keep_sensors(source, spec.sensors)
    own = [numeric for numeric in source.numerics if numeric.name == _ROOM]
    if physics.max_contacts or not own:  # the model's own room stays unless the user asks for another
        for numeric in own:
            source.delete(numeric)
        room = room_for(source.compile(), physics.max_contacts)
        if room:
            source.add_numeric(name=_ROOM, data=[room], size=1)
    model = source.compile()
    model.opt.disableflags |= _NO_SENSORS
    return model


def _contact_room(model: mujoco.MjModel, dims: np.ndarray) -> int:
    """Contact points of one friction dimension that MJX keeps; 0: all candidates. dims: of each place."""
    limits = [int(model.numeric(k).data[0]) for k in range(model.nnumeric) if model.numeric(k).name == _ROOM]
    return limits[0] if limits and np.unique(dims, return_counts=True)[1].max(initial=0) >= limits[0] else 0


def _is_full(room: int, dims: np.ndarray) -> Callable[[Any], jax.Array]:
    """Whether all `room` for contacts of one kind is in use in one env: some may have been left out."""
    limited = [dims == dim for dim in np.unique(dims) if room and (dims == dim).sum() >= room]

    def full(d: Any) -> jax.Array:
        touching = active_contacts(d)
        every = [touching[places].all() for places in limited]
        return jax.numpy.array(every).any().astype(jax.numpy.int32)

    return full if limited else lambda _: jax.numpy.array(0, jax.numpy.int32)


def _one_after_the_other(d: Any) -> Any:
    """The same numbers, with the inertia that the integrator factorises known only after the accelerations.

    JAX spreads a batch of Cholesky factorisations over XLA's threads, from one of these threads, which then waits for
    the others. Two batches at a time on a machine with two cores wait for ever (seen with JAX 0.10.2).
    """
    ready = jax.numpy.isfinite(d.qacc).all()
    return d.tree_replace({"_impl.M": jax.numpy.where(ready, d._impl.M, jax.numpy.nan)})


def _sound(*values: jax.Array) -> jax.Array:
    """Whether all numbers are finite and of a size that MuJoCo accepts."""
    return jax.numpy.concatenate([(jax.numpy.abs(each) <= _LIMIT).reshape(-1) for each in values]).all()


def _choose(rows: jax.Array, a: jax.Array, b: jax.Array) -> jax.Array:
    """`a` in the envs `rows` (`[N]` bool), else `b` (`[N, ...]`)."""
    return jax.numpy.where(rows.reshape(-1, *[1] * (b.ndim - 1)), a, b)


def _quat_mul(a: jax.Array, b: jax.Array) -> jax.Array:
    """Product of quaternions wxyz, `[..., 4]`."""
    w, v, w2, v2 = a[..., :1], a[..., 1:], b[..., :1], b[..., 1:]
    scalar = w * w2 - (v * v2).sum(axis=-1, keepdims=True)
    return jax.numpy.concatenate((scalar, w * v2 + w2 * v + jax.numpy.cross(v, v2)), axis=-1)
