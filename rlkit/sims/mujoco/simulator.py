"""MuJoCo on the CPU: all environments on one thread pool, bit-equal to a loop over single simulations."""

# MuJoCo's bindings are compiled and ship no stubs
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

import logging
import os
from typing import Any, Iterable, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from rlkit.sims.api import PhysicsSettings, ResetState, SceneSpec, Simulator, SimulatorError
from rlkit.sims.mjmodel.scene import build_scene  # first: refuses an unusable version of mujoco

from mujoco import batch  # isort: skip

from rlkit.sims.mjmodel import checks as seam  # isort: skip
from rlkit.sims.mjmodel.fields import check_field, derives_constants, owner_of  # isort: skip
from rlkit.sims.mujoco.alternatives import Alternatives  # isort: skip
from rlkit.sims.mujoco.motion import MotionReader  # isort: skip
from rlkit.sims.mujoco.sensors import SensorReader  # isort: skip
from rlkit.sims.mjmodel.quantities import Scales, body_id, quantity_parts  # isort: skip

_log = logging.getLogger(__name__)


def available_cores() -> int:
    """Number of cores this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class MujocoSimulator(Simulator):
    """N copies of one MuJoCo model, stepped by `mujoco.batch.Batch`.

    Poses and velocities come from a `MotionReader` at the new state. Contact forces are MuJoCo's of the last
    integrator step. An env the engine warned about (a position, velocity, acceleration or control that is
    huge or not finite, a full contact or constraint buffer) is `unstable`; the engine may have put it back to
    the model's initial state meanwhile, so its numbers mean nothing until it is reset.
    """

    def __init__(self, spec: SceneSpec, physics: PhysicsSettings, num_envs: int, device: str = "cpu") -> None:
        if torch.device(device).type != "cpu":
            raise SimulatorError(f"sim=mujoco runs on the CPU only, not on {device}: use env.device=cpu")
        seam.check_num_envs(num_envs)
        self.spec, self.physics, self.num_envs, self.device = spec, physics, num_envs, torch.device("cpu")
        self.num_threads = physics.num_threads or available_cores()
        self._scene = build_scene(spec, physics)
        seam.log_engine_warnings()
        self._batch = batch.Batch(self._scene.model, num_envs, nthread=self.num_threads)
        self._motion = MotionReader(self._scene.motion_model, self._batch)
        self._read = SensorReader(self._scene, spec, self._batch, self._motion)
        self._fields: dict[str, np.ndarray] = {}
        self._alternatives = Alternatives(spec, physics, self._scene.model, num_envs)
        for name in self._alternatives.values:
            self._expand(name)
        self._bind()
        self._refresh(np.arange(num_envs))

    def _bind(self) -> None:
        """Wrap the engine's arrays once: what follows are live views and persistent buffers."""
        scene, n = self._scene, self.num_envs
        model, blocks = scene.model, scene.blocks
        self._state: np.ndarray = self._batch.state
        self._initial_row = self._state[0].copy()
        self._qpos, self._qvel = (torch.from_numpy(self._batch.bind(name)) for name in ("qpos", "qvel"))
        self._resets = seam.ResetWriter(scene, self.device)
        self._scales = Scales(model, self.spec.actuators, self.device)
        self._ctrl = self._batch.bind("ctrl")
        self._ctrl_in_model_order = np.zeros(self._ctrl.shape, np.float32)
        self._external_force = self._batch.bind("xfrc_applied")
        self._forced = False  # whether a force waits for the next step, which clears it
        buffer = torch.zeros(n, blocks["contact"].stop)
        split = blocks["contact"].start
        self._motion_buffer, self._contact_buffer = buffer.numpy()[:, :split], buffer.numpy()[:, split:]
        self._motion_sensors = self._motion.sensors[:, scene.first_motion :]
        self._contact_sensors = self._batch.bind("sensordata")[:, scene.first_contact :]
        for name, block in blocks.items():
            view = buffer[:, block.start : block.stop].unflatten(1, block.shape)
            if name == "contact":
                self.contact_count, self.contact_force = view[..., 0], view[..., 1:]
            else:
                setattr(self, name, view)
        self.sensors = self._read.views
        self.unstable = torch.zeros(n, dtype=torch.bool)
        self.joint_range = seam.joint_range(model, self.spec)
        self.ctrl_range = seam.ctrl_range(model, self.spec)

    def step(self, ctrl: Tensor, num_steps: int) -> None:
        seam.check_step(self.spec, self.num_envs, ctrl, num_steps)
        np.take(
            ctrl.detach().numpy(), self._scene.actuator_order, 1, out=self._ctrl_in_model_order, mode="clip"
        )
        np.copyto(self._ctrl, self._ctrl_in_model_order)
        failed = None
        try:
            self._batch.step(nstep=num_steps * self.physics.substeps)
        except batch.SimulationError as error:
            failed = error.ids  # these kept the state they had; the others have stepped
            _log.debug("%s", error)
        self._motion.refresh()
        self._read.refresh()
        if self._forced:
            self._external_force[...] = 0.0
            self._forced = False
        with np.errstate(over="ignore", invalid="ignore"):  # an unstable env may not fit into float32
            np.copyto(self._motion_buffer, self._motion_sensors, casting="same_kind")
            np.copyto(self._contact_buffer, self._contact_sensors, casting="same_kind")
        self._find_unstable(failed)

    def _find_unstable(self, failed: np.ndarray | None) -> None:
        """Mark envs that failed, that the engine warned about, or whose state holds a non-finite number."""
        unstable, counters = self.unstable.numpy(), self._batch.warning
        with np.errstate(over="ignore", invalid="ignore"):
            np.logical_not(np.isfinite(self._state.sum(axis=1)), out=unstable)
        if counters.any():
            unstable |= counters[:, :, 1].any(axis=1)  # [N, kind of warning, (last info, count)]
            counters[...] = 0
        if failed is not None:
            unstable[failed] = True

    def reset(self, env_ids: Tensor, state: ResetState) -> None:
        ids = env_ids.numpy()
        if not len(ids):
            return
        seam.check_listed_once(env_ids)
        seam.check_reset_shapes(self.spec, len(ids), state)
        self._state[ids] = self._initial_row
        self._resets.write(self._qpos, self._qvel, env_ids, state)
        self._refresh(np.sort(ids))
        self._contact_buffer[ids] = 0.0
        self.unstable[env_ids] = False

    def _refresh(self, ids: np.ndarray) -> None:
        """Bring poses and velocities of the envs `ids` (sorted) up to date; contact forces stay."""
        self._motion.refresh(ids)
        self._read.refresh(ids)
        with np.errstate(over="ignore", invalid="ignore"):
            self._motion_buffer[ids] = self._motion_sensors[ids]

    def model_field(self, name: str) -> Tensor:
        """See `Simulator.model_field`. From the first call on the engine keeps `name` for every env."""
        if name not in self._fields:
            check_field("MuJoCo", name, batch.MODEL_FIELDS)
            owner, field = owner_of(self._scene.model, name)
            if np.asarray(getattr(owner, field)).dtype != np.float64 or name.startswith("sensor_"):
                raise SimulatorError(f"model field '{name}' is structure, not a quantity that can vary")
            self._expand(name)
        return torch.from_numpy(self._fields[name])

    def _expand(self, name: str) -> None:
        self._fields[name] = self._batch.expand(name)
        self._motion.expand(name)
        self._read.expand(name)

    def choose(self, env_ids: Tensor, numbers: Tensor) -> None:
        """See `Simulator.choose`; a copy of some rows, about 0.05 ms a call."""
        ids = env_ids.numpy()
        self._alternatives.chosen[ids] = numbers.numpy()
        for name in self._alternatives.values:
            self._fields[name][ids] = self._alternatives.own(name, ids)
        self._copy(ids, self._alternatives.values)

    def model_of(self, env: int) -> str:
        return (
            self.spec.alternatives[self._alternatives.chosen[env]]
            if self.spec.alternatives
            else self.spec.mjcf
        )

    def apply_model_fields(self, env_ids: Tensor) -> None:
        """See `Simulator.apply_model_fields`; about 0.1 ms an env, so call it at resets only.

        Poses and velocities are fresh afterwards.
        """
        ids = np.sort(env_ids.numpy())
        self._apply(ids, list(self._fields))
        self._refresh(ids)

    def _apply(self, ids: np.ndarray, names: Sequence[str]) -> None:
        """Let what was written into these model fields act in the envs `ids` (sorted)."""
        self._copy(ids, names)
        if any(map(derives_constants, names)):
            self._batch.set_const(ids)
            self._motion.set_const(ids)
            self._read.set_const(ids)

    def _copy(self, ids: np.ndarray, names: Iterable[str]) -> None:
        for name in names:
            for values in (self._motion.expand(name), self._read.expand(name)):
                if values is not None:
                    values[ids] = self._fields[name][ids]

    def apply_force(self, body: str, force: Tensor) -> None:
        k = body_id(self._scene.model, body)
        self._external_force[:, k, :3] += force.numpy()
        self._forced = True

    def parts(self, quantity: str) -> tuple[str, ...]:
        return quantity_parts(self._scene.model, self.spec.actuators, quantity)

    def scale(self, quantity: str, env_ids: Tensor, factors: Tensor) -> None:
        """See `Simulator.scale`; about 0.1 ms an env for masses, 0.002 ms for all else."""
        ids = env_ids.numpy()

        def own(name: str) -> Tensor | None:
            values = self._alternatives.own(name, ids)
            return None if values is None else torch.from_numpy(values)

        fields = self._scales.write(quantity, env_ids, factors, self.model_field, own)
        self._apply(np.sort(ids), fields)  # none of them moves a pose

    def state(self, env_ids: Sequence[int] | None = None) -> dict[str, Tensor]:
        """See `Simulator.state`: integration state, model fields, and what the last step left behind."""
        rows = slice(None) if env_ids is None else list(env_ids)
        saved = {
            "scene": seam.fingerprint(self.spec),
            "integration": torch.from_numpy(self._state[rows].copy()),
            "contacts": torch.from_numpy(self._contact_buffer[rows].copy()),
            "unstable": self.unstable[rows].clone(),
            **({"sensors": self._read.values[rows].clone()} if self.sensors else {}),
        }
        if self.spec.alternatives:
            saved["alternative"] = torch.from_numpy(self._alternatives.chosen[rows].copy())
        saved.update({f"model.{name}": torch.from_numpy(v[rows].copy()) for name, v in self._fields.items()})
        return saved

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        seam.check_state(state, self.spec, self.num_envs, "mujoco", own="integration")
        saved = {key[len("model.") :]: values for key, values in state.items() if key.startswith("model.")}
        for name in sorted(set(saved) | set(self._fields)):
            field = self._fields[name] if name in self._fields else self.model_field(name).numpy()
            owner, attribute = owner_of(self._scene.model, name)
            field[...] = saved[name].numpy() if name in saved else getattr(owner, attribute)
        if self.spec.alternatives:
            self._alternatives.chosen[:] = state["alternative"].numpy()
        self._state[...] = state["integration"].numpy()
        self._forced = True  # a force that waits for the next step came with it
        self.apply_model_fields(torch.arange(self.num_envs))
        self._contact_buffer[...] = state["contacts"].numpy()
        self.unstable.copy_(state["unstable"])
        if "sensors" in state and self.sensors:
            self._read.values.copy_(state["sensors"])

    def render_states(self, env_ids: Sequence[int]) -> dict[str, Any]:
        rows = list(env_ids)
        names = ("time", "qpos", "qvel", "act", "ctrl")
        return {name: np.array(self._batch.bind(name)[rows]) for name in names}
