"""Genesis: the bodies, servos and contacts of one MJCF scene in N envs, stepped by its rigid-body solver."""

# Genesis and MuJoCo's bindings ship no stubs
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

from typing import Any, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from rlkit.rotations import multiply, rotate
from rlkit.sims.api import PhysicsSettings, ResetState, SceneSpec, Simulator
from rlkit.sims.checks import refuse_sensors
from rlkit.sims.compiling import compiling
from rlkit.sims.genesis import engine
from rlkit.sims.genesis.contacts import ContactReader
from rlkit.sims.genesis.model import check_model, check_physics
from rlkit.sims.genesis.quantities import Quantities
from rlkit.sims.genesis.scene import build_robot
from rlkit.sims.mjmodel import checks as seam
from rlkit.sims.mjmodel.quantities import body_id, quantity_parts
from rlkit.sims.mjmodel.scene import build_scene

_HUGE = 1e10  # MuJoCo's mjMAXVAL: a larger position or velocity is an explosion


class GenesisSimulator(Simulator):
    """N copies of one scene in a Genesis scene of one entity.

    MuJoCo compiles the same MJCF for names, limits and addresses; Genesis' links and coordinates are in its order.
    An env is `unstable` when Genesis marked it, when a coordinate or speed of it is not finite or beyond 1e10 before
    or after the step, or when a control of it is not finite.
    """

    def __init__(self, spec: SceneSpec, physics: PhysicsSettings, num_envs: int, device: str = "cpu") -> None:
        seam.check_num_envs(num_envs)
        check_physics(physics)
        refuse_sensors(spec, "genesis")
        self.spec, self.physics, self.num_envs, self.device = spec, physics, num_envs, torch.device(device)
        self._names = build_scene(spec, physics)
        self._model = self._names.model
        check_model(self._model)
        self._gs = engine.start(self.device)
        self._dtype: torch.dtype = self._gs.tc_float
        with compiling(f"Genesis' kernels for {num_envs} envs"):
            self._scene, self._robot = build_robot(self._gs, spec, physics, self._model, num_envs)
        self._solver = self._robot.solver
        self._allocate()
        self._find_places()
        self._quantities = Quantities(self._model, self._robot, spec.actuators, num_envs)
        self._contacts = ContactReader(self._model, spec.contacts, self._dtype, self.device)
        self._refresh(self._all)

    def _allocate(self) -> None:
        """The persistent buffers of the seam."""
        spec, n = self.spec, self.num_envs
        bodies, sites, contacts = len(spec.bodies), len(spec.sites), len(spec.contacts)

        def zeros(*shape: int) -> Tensor:
            return torch.zeros(n, *shape, device=self.device)

        self.joint_pos, self.joint_vel = zeros(len(spec.joints)), zeros(len(spec.joints))
        self.body_pos, self.body_quat = zeros(bodies, 3), zeros(bodies, 4)
        self.body_lin_vel, self.body_ang_vel = zeros(bodies, 3), zeros(bodies, 3)
        self.site_pos, self.site_quat = zeros(sites, 3), zeros(sites, 4)
        self.contact_force, self.contact_count = zeros(contacts, 3), zeros(contacts)
        self.unstable = zeros().bool()
        self.joint_range = seam.joint_range(self._model, spec).to(self.device)
        self.ctrl_range = seam.ctrl_range(self._model, spec).to(self.device)
        self._ctrl = zeros(len(spec.actuators)).to(self._dtype)
        self._time = zeros().double()
        self._all = torch.arange(n, device=self.device)

    def _find_places(self) -> None:
        """Where the numbers of the seam are among MuJoCo's, and Genesis' live memory."""
        spec, model, constraints = self.spec, self._model, self._solver.constraint_solver.constraint_state
        cache = self._solver.collider.collider_state.contact_cache
        self._qpos_ids = torch.from_numpy(self._names.qpos_ids).to(self.device)
        self._qvel_ids = torch.from_numpy(self._names.qvel_ids).to(self.device)
        self._resets = seam.ResetWriter(self._names, self.device)
        self._bodies = [model.body(name).id for name in spec.bodies]
        sites = [model.site(name).id for name in spec.sites]
        self._site_bodies = [int(model.site_bodyid[site]) for site in sites]
        self._site_pos = self._tensor(model.site_pos[sites])
        self._site_quat = self._tensor(model.site_quat[sites])
        self._initial = self._tensor(model.qpos0)
        self._lifted = [k for k in range(model.nbody) if model.body_gravcomp[k] and model.body_mass[k]]
        self._forces: dict[int, Tensor] = {}  # body -> [N, 3] N, for the next step
        self._errors = engine.view(self._solver._errno)
        self._overflows = torch.zeros((), dtype=torch.int64, device=self.device)
        self._memory = {  # where Genesis' searches start from: the last step's solution
            "acceleration": engine.view(constraints.qacc_ws),
            "has_acceleration": engine.view(constraints.is_warmstart),
            "contact_normal": engine.view(cache.normal),
            "penetration": engine.view(cache.penetration),
        }

    def _tensor(self, values: Any) -> Tensor:
        return torch.as_tensor(np.array(values), dtype=self._dtype, device=self.device)

    def step(self, ctrl: Tensor, num_steps: int) -> None:
        seam.check_step(self.spec, self.num_envs, ctrl, num_steps)
        bad = ~torch.isfinite(ctrl).all(dim=1) | self._exploded()
        low, high = self.ctrl_range.T
        self._ctrl.copy_(torch.nan_to_num(ctrl.detach()).clamp(low, high))
        self._quantities.drive(self._ctrl)
        push, full = self._pushes(), torch.zeros_like(bad)
        for _ in range(num_steps * self.physics.substeps):
            if push is not None:
                self._solver.apply_links_external_wrench(**push)
            self._scene.sim.step()
            invalid, overflowed = self._take_errors()
            bad |= invalid
            full |= overflowed
        self._overflows += full.sum()
        self._forces.clear()
        self._time += num_steps * self.physics.dt
        self._refresh(self._all)
        self._read_contacts()
        torch.logical_or(bad, self._exploded(), out=self.unstable)

    def _pushes(self) -> dict[str, Any] | None:
        """What each integrator step applies to bodies: forces asked for, and the compensation of weights."""
        forces = dict(self._forces)
        if self._lifted:
            for body, lift in zip(self._lifted, self._quantities.lift(self._lifted).unbind(dim=1)):
                forces[body] = forces[body] + lift if body in forces else lift
        if not forces:
            return None
        return {
            "force": torch.stack(list(forces.values()), dim=1),
            "links_idx": list(forces),
            "ref": self._gs.link_ref_frame.link_COM,
        }

    def _take_errors(self) -> tuple[Tensor, Tensor]:
        """`[N]` bool each: Genesis met a number that is not finite; a contact buffer of it was full.

        Clears its marks, which would end the whole program.
        """
        full = engine.overflow_bits()
        invalid, overflowed = (self._errors & ~full) != 0, (self._errors & full) != 0
        self._errors.zero_()
        return invalid, overflowed

    def _exploded(self) -> Tensor:
        """`[N]` bool: a coordinate or a speed is huge or not finite."""
        numbers = torch.cat((self._robot.get_qpos(), self._robot.get_dofs_velocity()), dim=1)
        return ~(numbers.abs().amax(dim=1) < _HUGE)  # true of NaN as well

    def reset(self, env_ids: Tensor, state: ResetState) -> None:
        k = len(env_ids)
        if not k:
            return
        seam.check_listed_once(env_ids)
        seam.check_reset_shapes(self.spec, k, state)
        qpos, qvel = self._initial.repeat(k, 1), self._initial.new_zeros(k, self._model.nv)
        # Genesis keeps coordinates and speeds as MuJoCo does
        self._resets.write(qpos, qvel, torch.arange(k, device=self.device), state)
        self._put(env_ids, qpos, qvel)
        self._refresh(env_ids)
        for values in (self._time, self._ctrl, self.contact_force, self.contact_count, self.unstable):
            values[env_ids] = 0

    def _put(self, env_ids: Tensor, qpos: Tensor, qvel: Tensor) -> None:
        """Coordinates and speeds of some envs, with nothing remembered from before."""
        self._solver.collider.reset(env_ids)
        self._robot.set_qpos(qpos, envs_idx=env_ids, zero_velocity=False)
        self._robot.set_dofs_velocity(qvel, envs_idx=env_ids)
        self._errors[env_ids] = 0

    def _refresh(self, env_ids: Tensor) -> None:
        """Bring poses and velocities of the envs `env_ids` up to date; contact forces stay."""
        robot, bodies = self._robot, self._bodies
        self.joint_pos[env_ids] = robot.get_qpos(envs_idx=env_ids)[:, self._qpos_ids].float()
        self.joint_vel[env_ids] = robot.get_dofs_velocity(envs_idx=env_ids)[:, self._qvel_ids].float()
        pos, quat = robot.get_links_pos(envs_idx=env_ids), robot.get_links_quat(envs_idx=env_ids)
        self.body_pos[env_ids], self.body_quat[env_ids] = pos[:, bodies].float(), quat[:, bodies].float()
        self.body_lin_vel[env_ids] = robot.get_links_vel(envs_idx=env_ids)[:, bodies].float()
        self.body_ang_vel[env_ids] = robot.get_links_ang(envs_idx=env_ids)[:, bodies].float()
        on_pos, on_quat = pos[:, self._site_bodies], quat[:, self._site_bodies]
        self.site_pos[env_ids] = (on_pos + rotate(on_quat, self._site_pos)).float()
        self.site_quat[env_ids] = multiply(on_quat, self._site_quat).float()

    def _read_contacts(self) -> None:
        if self.spec.contacts:
            points = self._solver.collider.get_contacts()
            force, count = self._contacts.read(points["link_a"], points["link_b"], points["force"])
            self.contact_force.copy_(force)
            self.contact_count.copy_(count)

    def apply_force(self, body: str, force: Tensor) -> None:
        k = body_id(self._model, body)
        self._forces[k] = self._forces.get(k, 0.0) + force.to(self.device, self._dtype)

    def parts(self, quantity: str) -> tuple[str, ...]:
        return quantity_parts(self._model, self.spec.actuators, quantity)

    def scale(self, quantity: str, env_ids: Tensor, factors: Tensor) -> None:
        self.parts(quantity)  # refuses what is no quantity
        self._quantities.scale(quantity, env_ids, factors)

    def overflows(self) -> int:
        count = int(self._overflows)
        self._overflows.zero_()
        return count

    def _state(self) -> dict[str, Tensor]:
        """What `load_state` copies back as it is, live."""
        return {
            "time": self._time,
            "contact_force": self.contact_force,
            "contact_count": self.contact_count,
            "unstable": self.unstable,
            **{f"memory.{name}": values for name, values in self._memory.items()},
        }

    def state(self, env_ids: Sequence[int] | None = None) -> dict[str, Tensor]:
        """See `Simulator.state`: coordinates, speeds, scales, and what Genesis' searches start from."""
        rows = slice(None) if env_ids is None else list(env_ids)
        saved = {"qpos": self._robot.get_qpos(), "qvel": self._robot.get_dofs_velocity(), **self._state()}
        saved.update({f"scale.{name}": values for name, values in self._quantities.factors.items()})
        return {"scene": seam.fingerprint(self.spec), **{k: v[rows].cpu().clone() for k, v in saved.items()}}

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        seam.check_state(state, self.spec, self.num_envs, "genesis", own="memory.penetration")
        for name, factors in self._quantities.factors.items():
            if not torch.equal(state[f"scale.{name}"], factors.cpu()):
                self._quantities.scale(name, self._all, state[f"scale.{name}"])
        self._put(self._all, state["qpos"].to(self.device), state["qvel"].to(self.device))
        self._refresh(self._all)
        for name, values in self._state().items():
            values.copy_(state[name])

    def render_states(self, env_ids: Sequence[int]) -> dict[str, Any]:
        rows = list(env_ids)
        shown = {
            "time": self._time,
            "qpos": self._robot.get_qpos(),
            "qvel": self._robot.get_dofs_velocity(),
            "act": self._ctrl[:, :0],
            "ctrl": self._ctrl[:, self._names.actuator_order],
        }
        return {name: values[rows].double().cpu().numpy() for name, values in shown.items()}

    def close(self) -> None:
        """Release memory; the simulator cannot be used afterwards."""
        if "_scene" in self.__dict__:
            self._scene.destroy()
        self.__dict__.clear()
