"""MuJoCo's physics in NVIDIA Warp: all environments in the same kernels, made for GPUs."""

# MuJoCo's bindings are compiled and ship no stubs
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Iterable, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from rlkit.sims.api import PhysicsSettings, ResetState, SceneSpec, Simulator, SimulatorError
from rlkit.sims.compiling import compiling
from rlkit.sims.mjmodel.scene import build_scene  # first: refuses an unusable version of mujoco

import mujoco_warp as mjw  # isort: skip
import warp as wp  # isort: skip

from rlkit.sims.mjmodel import checks as seam  # isort: skip
from rlkit.sims.mjmodel.fields import derives_constants  # isort: skip
from rlkit.sims.mjmodel.quantities import Scales, body_id, quantity_parts  # isort: skip
from rlkit.sims.mjmodel.sensors import rest_ctrl  # isort: skip
from rlkit.sims.warp import readers  # isort: skip
from rlkit.sims.warp.check import quiet  # isort: skip
from rlkit.sims.warp.fields import ModelFields  # isort: skip
from rlkit.sims.warp.graphs import Graphs  # isort: skip
from rlkit.sims.warp.room import room_for  # isort: skip
from rlkit.sims.warp.sensors import NO_SENSORS, SensorReader  # isort: skip

_LONGEST = 32  # integrator steps in one graph: capturing costs 10 ms for each, and longer ones gain nothing
# Arrays of `mjw.Data` that say where an env stands: with them it continues to the bit.
_STATE = (
    *("time", "qpos", "qvel", "act", "qacc_warmstart", "ctrl", "qfrc_applied", "xfrc_applied"),
    *("eq_active", "mocap_pos", "mocap_quat", "history"),
)


class WarpSimulator(Simulator):
    """N copies of one MuJoCo model, stepped by MuJoCo Warp in float32.

    The kernels of a control step are captured once and replayed as one graph. Poses and velocities come from
    Warp's own kinematics at the new state, contact forces from the contacts of the last integrator step.
    An env with a position, velocity, acceleration or control that is not finite or beyond 1e10 is `unstable`;
    it stays so until it is reset. On CUDA, sums over contacts are atomic: two equal runs agree to float32's
    last bits, not to the bit; on the CPU they do.
    """

    def __init__(self, spec: SceneSpec, physics: PhysicsSettings, num_envs: int, device: str = "cpu") -> None:
        if torch.device(device).type not in ("cpu", "cuda"):
            raise SimulatorError(f"sim=warp runs on CUDA and on the CPU, not on {device}")
        seam.check_num_envs(num_envs)
        self.spec, self.physics, self.num_envs = spec, physics, num_envs
        self._scene = build_scene(spec, physics)
        if self._scene.sensors is not None:  # contacts are read without sensors
            self._scene = replace(self._scene, model=self._scene.sensors.model)
        self._scene.model.opt.disableflags |= NO_SENSORS  # they are read once a step, not at every substep
        seam.log_engine_warnings()
        quiet()
        self._warp_device = _warp_device(device)
        self.device = torch.device(wp.device_to_torch(self._warp_device))
        with wp.ScopedDevice(self._warp_device):
            self._build()
        self._bind()
        compiled = _kernels_compiled()
        with compiling("the Warp kernels of this scene", cached=lambda: _kernels_compiled() == compiled):
            self._graphs.launch(lambda: self._advance(1))
            self._health.overflows()  # forgets those of this launch, which only compiles
        self._put_back(slice(None))
        self._refresh(slice(None))

    def _build(self) -> None:
        """Put the model on the device and reserve room for its contacts."""
        scene = self._scene
        try:
            self._model = mjw.put_model(scene.model)
            pairs = self._model.nxn_geom_pair_filtered.numpy()
            room = room_for(scene.model, pairs, self.physics.max_contacts)
            self.contact_room = room.contacts
            self._data = mjw.make_data(
                scene.model,
                nworld=self.num_envs,
                nconmax=room.contacts,
                nccdmax=room.convex_pairs,
                njmax=room.rows,
            )
        except (NotImplementedError, ValueError) as error:
            raise SimulatorError(f"sim=warp cannot simulate this scene: {error} Use sim=mujoco.") from error
        self._model.opt.warn_overflow = 0  # it would print at every step; `overflows` counts
        self._graphs = Graphs(self._warp_device)
        self._fields = ModelFields(self._model, self.num_envs, self._graphs.forget)

    def _bind(self) -> None:
        """Wrap Warp's arrays once: what follows are live views and persistent buffers."""
        scene, data, n = self._scene, self._data, self.num_envs
        model = scene.model
        arrays = {name: getattr(data, name, None) for name in _STATE}
        self._state: dict[str, Tensor] = {
            name: wp.to_torch(array) for name, array in arrays.items() if array is not None and array.size
        }
        self._initial = {name: values[:1].clone() for name, values in self._state.items()}
        self._ctrl = wp.to_torch(data.ctrl)
        self._external_force = self._state["xfrc_applied"]
        self._forced = False  # whether a force waits for the next step, which clears it
        self._chosen = torch.ones(n, dtype=torch.bool, device=self.device)
        self._everyone = torch.ones(n, dtype=torch.bool, device=self.device)
        self._motion = readers.MotionReader(self._model, data, scene, self.spec, self.device)
        self._contacts = readers.ContactReader(self._model, data, scene.model, self.spec, self.device)
        self._health = readers.HealthReader(data, self.device)
        self._read = SensorReader(self._model, data, scene.sensors, self.device)
        self.sensors = self._read.views
        if self.sensors:  # what a reset world is read with
            self._initial["ctrl"] = torch.from_numpy(rest_ctrl(self.spec, model)[None]).to(self.device)
        for name, view in self._motion.views.items():
            setattr(self, name, view)
        self.contact_count, self.contact_force = self._contacts.count, self._contacts.force
        self.unstable = self._health.unstable
        self.joint_range = seam.joint_range(model, self.spec).to(self.device)
        self.ctrl_range = seam.ctrl_range(model, self.spec).to(self.device)
        self._actuator_order = torch.from_numpy(scene.actuator_order).to(self.device)
        self._resets = seam.ResetWriter(scene, self.device)
        self._scales = Scales(model, self.spec.actuators, self.device)

    def step(self, ctrl: Tensor, num_steps: int) -> None:
        seam.check_step(self.spec, self.num_envs, ctrl, num_steps)
        torch.index_select(ctrl.detach(), 1, self._actuator_order, out=self._ctrl)
        substeps = num_steps * self.physics.substeps
        while substeps > _LONGEST:
            self._graphs.replay("substeps", lambda: self._integrate(_LONGEST))
            substeps -= _LONGEST
        self._graphs.replay(("step", substeps), lambda: self._advance(substeps))
        if self._forced:
            self._external_force.zero_()
            self._forced = False

    def _advance(self, substeps: int) -> None:
        """Launch `substeps` integrator steps, and what reads their outcome."""
        self._integrate(substeps)
        self._contacts.launch()
        self._health.launch()
        self._motion.launch(self._everyone)
        self._read.launch(self._everyone)

    def _integrate(self, substeps: int) -> None:
        for _ in range(substeps):
            mjw.step(self._model, self._data)

    def reset(self, env_ids: Tensor, state: ResetState) -> None:
        if not len(env_ids):
            return
        seam.check_reset_shapes(self.spec, len(env_ids), state)
        self._put_back(env_ids)
        self._resets.write(self._state["qpos"], self._state["qvel"], env_ids, state)
        self._refresh(env_ids)

    def _put_back(self, rows: Tensor | slice) -> None:
        """The model's initial state in some envs, with nothing of the past left in them."""
        for name, values in self._state.items():
            values[rows] = self._initial[name]
        self._contacts.values[rows] = 0.0
        self.unstable[rows] = False
        self._health.forget(rows)

    def _refresh(self, rows: Tensor | slice) -> None:
        """Bring poses and velocities of some envs up to date; contact forces stay."""
        self._chosen.zero_()
        self._chosen[rows] = True
        self._graphs.replay("refresh", self._look)

    def _look(self) -> None:
        """Launch what brings the `_chosen` worlds up to date."""
        self._motion.launch(self._chosen)
        self._read.launch(self._chosen)

    def apply_force(self, body: str, force: Tensor) -> None:
        self._external_force[:, body_id(self._scene.model, body), :3] += force
        self._forced = True

    def parts(self, quantity: str) -> tuple[str, ...]:
        return quantity_parts(self._scene.model, self.spec.actuators, quantity)

    def scale(self, quantity: str, env_ids: Tensor, factors: Tensor) -> None:
        """See `Simulator.scale`. Masses cost a pass over all envs, however few are scaled."""
        fields = self._scales.write(quantity, env_ids, factors, self.model_field)
        self._derive(env_ids, fields)  # none of them moves a pose

    def model_field(self, name: str) -> Tensor:
        """See `Simulator.model_field`. From the first call on the device keeps `name` for every env.

        A fluid, adhesion or velocity of surfaces that the whole model has none of is left out of the kernels: it cannot
        vary.
        """
        return self._fields.view(name)

    def apply_model_fields(self, env_ids: Tensor) -> None:
        """See `Simulator.apply_model_fields`; a pass over all envs, so call it at resets only.

        Poses and velocities are fresh afterwards.
        """
        self._derive(env_ids, self._fields.views)
        self._refresh(env_ids)

    def _derive(self, env_ids: Tensor, written: Iterable[str]) -> None:
        """Bring what is derived from the `written` fields up to date in some envs."""
        if any(map(derives_constants, written)):
            self._chosen.zero_()
            self._chosen[env_ids] = True
            restore = self._fields.keep_others(self._chosen)
            self._graphs.replay("constants", lambda: mjw.set_const(self._model, self._data, restore=False))
            restore()

    def overflows(self) -> int:
        """See `Simulator.overflows`. All envs share the room: when it is full, every env counts as having lost some."""
        return self._health.overflows()

    def state(self, env_ids: Sequence[int] | None = None) -> dict[str, Tensor]:
        """See `Simulator.state`: integration state, model fields, and what the last step left behind."""
        rows = slice(None) if env_ids is None else list(env_ids)
        saved = {name: values[rows].cpu() for name, values in self._remembered().items()}
        # a slice of a tensor on the CPU is a view of it
        return {"scene": seam.fingerprint(self.spec), **{name: v.clone() for name, v in saved.items()}}

    def _remembered(self) -> dict[str, Tensor]:
        fields = {f"model.{name}": view for name, view in self._fields.views.items()}
        shown = {"motion": self._motion.values, "contacts": self._contacts.values, "unstable": self.unstable}
        shown.update({"sensors": self._read.values} if self.sensors else {})
        return {**self._state, **shown, **fields}

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        seam.check_state(state, self.spec, self.num_envs, "warp", own="motion")
        for name in state:
            if name.startswith("model."):
                self._fields.view(name[len("model.") :])
        for name, view in self._fields.views.items():
            view.copy_(state.get(f"model.{name}", self._fields.own(name)))
        self._put_back(slice(None))
        for name, values in self._remembered().items():
            if not name.startswith("model.") and (name != "sensors" or name in state):
                values.copy_(state[name])
        if self.sensors and "sensors" not in state:
            self._refresh(slice(None))
        self._forced = True  # forces that wait for the next step came with the state

    def render_states(self, env_ids: Sequence[int]) -> dict[str, Any]:
        rows, data = list(env_ids), self._data
        names = ("time", "qpos", "qvel", "act", "ctrl")
        return {
            name: wp.to_torch(getattr(data, name))[rows].cpu().numpy().astype(np.float64) for name in names
        }


def _warp_device(device: str) -> wp.Device:
    try:
        return wp.device_from_torch(str(torch.device(device)))
    except RuntimeError as error:
        raise SimulatorError(f"sim=warp finds no device {device}: {error}; use env.device=cpu") from error


def _kernels_compiled() -> int:
    """Modules in Warp's cache: grows when one is compiled."""
    folder = Path(wp.config.kernel_cache_dir or "")
    return sum(1 for _ in folder.glob("wp_*"))
