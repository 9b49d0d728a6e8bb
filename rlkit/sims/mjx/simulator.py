"""MuJoCo's physics in JAX, behind the seam: torch tensors in, torch tensors out, one program a step."""

# pyright: reportMissingImports=false, reportAttributeAccessIssue=false

from __future__ import annotations

from typing import Any, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from rlkit.sims.api import PhysicsSettings, ResetState, SceneSpec, Simulator
from rlkit.sims.mjmodel import checks as seam
from rlkit.sims.mjx.start import jax, jax_device  # first: sets what JAX reads when it is imported

from rlkit.sims.mjx.fields import ModelFields  # isort: skip
from rlkit.sims.mjx.physics import shared_physics  # isort: skip
from rlkit.sims.mjmodel.quantities import Scales, body_id, quantity_parts  # isort: skip
from rlkit.sims.mjmodel.sensors import rest_ctrl  # isort: skip


class MjxSimulator(Simulator):
    """N copies of one MuJoCo model, stepped by MJX in float32.

    torch and JAX pass arrays to each other through DLPack: on the same device nothing is copied, and each waits for
    the other's work on them. What the seam shows is one array `[N, width]` that each step makes; one copy on the
    device brings it into the persistent views. An env with a position, velocity, acceleration or control that is
    not finite or beyond 1e10 is `unstable`, and is put into the model's initial state at once.
    """

    def __init__(self, spec: SceneSpec, physics: PhysicsSettings, num_envs: int, device: str = "cpu") -> None:
        seam.check_num_envs(num_envs)
        self.spec, self.physics, self.num_envs = spec, physics, num_envs
        seam.log_engine_warnings()
        self.device = torch.device(device)
        self._physics = shared_physics(spec, physics, jax_device(self.device))
        self._model, self._scene = self._physics.model, self._physics.scene
        self.contact_room = self._physics.contact_room
        self._fields = ModelFields(self._model, self._physics.mjx_model, num_envs, self.device)
        self._state = self._physics.first_state(num_envs)
        self._counted = 0  # env-steps with too many contacts that `overflows` has told of
        self._bind()
        self._show(slice(None))

    def _bind(self) -> None:
        """Make the persistent buffers and the views into them."""
        n, blocks = self.num_envs, self._scene.blocks
        sensors, first = self._scene.sensors, self._physics.width
        width = 0 if sensors is None else sensors.width
        self._buffer = torch.zeros(n, first + width, device=self.device)
        self._read = self._buffer[:, first:]
        columns = {} if sensors is None else sensors.columns
        self.sensors = {name: self._read[:, places] for name, places in columns.items()}
        for name, block in blocks.items():
            view = self._buffer[:, block.start : block.stop].unflatten(1, block.shape)
            if name == "contact":
                self.contact_count, self.contact_force = view[..., 0], view[..., 1:]
            else:
                setattr(self, name, view)
        self.unstable = torch.zeros(n, dtype=torch.bool, device=self.device)
        self.joint_range = seam.joint_range(self._model, self.spec).to(self.device)
        self.ctrl_range = seam.ctrl_range(self._model, self.spec).to(self.device)
        self._ctrl = torch.zeros(n, self._model.nu, device=self.device)  # in the model's order
        self._force = torch.zeros(n, self._model.nbody, 6, device=self.device)
        rest = torch.from_numpy(rest_ctrl(self.spec, self._model)).to(self.device)
        self._rest = rest.repeat(n, 1), torch.zeros_like(self._force)
        self._actuator_order = torch.from_numpy(self._scene.actuator_order).to(self.device)
        self._resets = seam.ResetWriter(self._scene, self.device)
        self._scales = Scales(self._model, self.spec.actuators, self.device)
        self._first_qpos = torch.tensor(self._model.qpos0, dtype=torch.float32, device=self.device)

    def step(self, ctrl: Tensor, num_steps: int) -> None:
        seam.check_step(self.spec, self.num_envs, ctrl, num_steps)
        torch.index_select(ctrl.detach().float(), 1, self._actuator_order, out=self._ctrl)
        inputs = jax.dlpack.from_dlpack(self._ctrl), jax.dlpack.from_dlpack(self._force)
        count = num_steps * self.physics.substeps
        self._state = self._physics.step(self._state, self._fields.programs, *inputs, count)
        self._show(slice(None), self._ctrl, self._force)
        self._force.zero_()  # only now: JAX has read it, as what it made has been handed over

    def _show(self, rows: Tensor | slice, *acting: Tensor) -> None:
        """Copy what JAX made of the state into the views of some envs.

        acting: `[N, actuators]` controls and `[N, bodies, 6]` forces, for sensors that depend on them; at rest without.
        JAX would use the memory of its arrays again without waiting for torch's copy of them. So they are held until
        the next time: by then the inputs of a step or a reset have made JAX wait for torch, or `_wait` did.
        """
        inputs = (acting or self._rest) if self._physics.needs_forces else ()
        made = self._physics.read(self._state, self._fields.programs, *map(jax.dlpack.from_dlpack, inputs))
        self._shown = tuple(map(torch.from_dlpack, made))
        shown, unstable = self._shown
        self._buffer[rows] = shown[rows]
        self.unstable[rows] = unstable[rows]

    def _wait(self) -> None:
        """Until torch has run what it was asked to."""
        if self.device.type == "cuda":
            torch.cuda.current_stream(self.device).synchronize()

    def reset(self, env_ids: Tensor, state: ResetState) -> None:
        if not len(env_ids):
            return
        seam.check_reset_shapes(self.spec, len(env_ids), state)
        n = self.num_envs
        chosen = torch.zeros(n, dtype=torch.bool, device=self.device)
        chosen[env_ids] = True
        qpos = self._first_qpos.repeat(n, 1)
        qvel = torch.zeros(n, self._model.nv, device=self.device)
        self._resets.write(qpos, qvel, env_ids, state)
        self._state = self._physics.reset(self._state, *map(jax.dlpack.from_dlpack, (chosen, qpos, qvel)))
        self._force[env_ids] = 0.0
        self._show(env_ids)

    def apply_force(self, body: str, force: Tensor) -> None:
        self._force[:, body_id(self._model, body), :3] += force

    def parts(self, quantity: str) -> tuple[str, ...]:
        return quantity_parts(self._model, self.spec.actuators, quantity)

    def scale(self, quantity: str, env_ids: Tensor, factors: Tensor) -> None:
        """See `Simulator.scale`. The first use of a quantity compiles the next step anew."""
        fields = self._scales.write(quantity, env_ids, factors, self.model_field)
        self._fields.apply(env_ids, fields)  # none of them moves a pose

    def model_field(self, name: str) -> Tensor:
        """See `Simulator.model_field`. The first use of a field compiles the next step anew, for it is one more input.

        A friction loss or gravity compensation that is zero in the model is left out of the program: it cannot vary.
        """
        return self._fields.view(name)

    def apply_model_fields(self, env_ids: Tensor) -> None:
        """See `Simulator.apply_model_fields`. Poses and velocities are fresh afterwards."""
        self._wait()
        self._fields.apply(env_ids)
        self._show(env_ids)

    def overflows(self) -> int:
        """See `Simulator.overflows`: all places for contacts were taken. 0 where every pair of geoms has its own."""
        total = int(torch.from_dlpack(self._state["crowded"]).sum())
        new, self._counted = total - self._counted, total
        return new

    def state(self, env_ids: Sequence[int] | None = None) -> dict[str, Tensor]:
        """See `Simulator.state`: the state with warm starts, the last contacts, waiting forces and model fields."""
        rows = slice(None) if env_ids is None else list(env_ids)
        kept = {name: torch.from_dlpack(values) for name, values in self._state.items()}
        kept.update({"force": self._force, "ctrl": self._ctrl})
        kept.update({"sensors": self._read} if self.sensors else {})
        kept.update({f"model.{name}": values for name, values in self._fields.written.items()})
        # a slice of a tensor on the CPU is a view of it
        saved = {name: values[rows].clone().cpu() for name, values in kept.items()}
        return {"scene": seam.fingerprint(self.spec), **saved}

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        seam.check_state(state, self.spec, self.num_envs, "mjx", own="crowded")
        self._wait()
        saved = {key[len("model.") :] for key in state if key.startswith("model.")}
        for name in sorted(saved | set(self._fields.written)):
            view = self._fields.view(name)
            view.copy_(state[f"model.{name}"] if name in saved else self._fields.own(name))
        self._fields.apply(torch.arange(self.num_envs, device=self.device))
        self._state = {
            name: jax.numpy.array(state[name].numpy(), device=self._physics.device) for name in self._state
        }
        self._force.copy_(state["force"])
        self._ctrl.copy_(state["ctrl"])
        self._counted = int(state["crowded"].sum())
        self._show(slice(None))
        if "sensors" in state and self.sensors:
            self._read.copy_(state["sensors"])

    def render_states(self, env_ids: Sequence[int]) -> dict[str, Any]:
        rows = list(env_ids)
        shown = {name: torch.from_dlpack(self._state[name]) for name in ("time", "qpos", "qvel", "act")}
        shown["ctrl"] = self._ctrl
        return {name: values[rows].cpu().numpy().astype(np.float64) for name, values in shown.items()}
