"""Isaac Gym as a `Simulator`: its tensors are read once a step and written once before the next."""

# Isaac Gym cannot be installed where the types are checked; MuJoCo's bindings ship no stubs
# pyright: reportMissingImports=false, reportAttributeAccessIssue=false

from __future__ import annotations

from typing import Any, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from rlkit.rotations import multiply, rotate, rotate_inverse
from rlkit.sims.api import PhysicsSettings, ResetState, SceneSpec, Simulator, SimulatorError
from rlkit.sims.checks import refuse_sensors
from rlkit.sims.isaacgym.actuation import Actuation
from rlkit.sims.isaacgym.check import OTHERS, refuse_pairs
from rlkit.sims.isaacgym.drives import read_drives
from rlkit.sims.isaacgym.free_bodies import FreeBodies, unpacked
from rlkit.sims.isaacgym.kinematics import Kinematics
from rlkit.sims.isaacgym.layout import Layout
from rlkit.sims.isaacgym.quantities import Quantities
from rlkit.sims.isaacgym.tree import Tree, build_trees, check_names, compile_model
from rlkit.sims.isaacgym.world import World, require
from rlkit.sims.mjmodel import checks as seam
from rlkit.sims.mjmodel.quantities import body_id

from isaacgym import gymapi, gymtorch  # isort: skip  (world explains it where Isaac Gym cannot be loaded)

_MAX_VALUE = 1e10  # what MuJoCo takes for an explosion


class IsaacGymSimulator(Simulator):
    """N copies of a scene in PhysX; see docs/isaacgym.md for what differs from MuJoCo.

    Poses and velocities after a step are PhysX's; after a reset, which PhysX shows only one step later, those of our
    own forward kinematics.
    """

    def __init__(
        self, spec: SceneSpec, physics: PhysicsSettings, num_envs: int, device: str = "cuda:0"
    ) -> None:
        seam.check_num_envs(num_envs)
        self.spec, self.physics, self.num_envs, self.device = spec, physics, num_envs, torch.device(device)
        refuse_pairs(spec)
        refuse_sensors(spec, "isaacgym")
        self._model = compile_model(spec.mjcf)
        check_names(spec, self._model)
        trees = build_trees(self._model)
        self._world = World(self._model, trees, read_drives(self._model), physics, num_envs, self.device)
        try:
            self._take_over(trees)
        except BaseException:  # the only one that the process may have must not stay behind
            self.close()
            raise

    def _take_over(self, trees: Sequence[Tree]) -> None:
        """Everything on top of the sim that is there, with all envs in the model's own state."""
        spec, num_envs = self.spec, self.num_envs
        self._gym, self._sim = self._world.gym, self._world.sim
        self._wrap_tensors()
        self._kinematics = Kinematics(trees, self._world.dofs, self.device)
        self._layout = Layout(spec, self._world, self._kinematics, self.device)
        self._free = FreeBodies(self._world, self._root, spec.free_bodies)
        self._quantities = Quantities(self._world, spec.actuators, num_envs)
        self.joint_range = seam.joint_range(self._model, spec).to(self.device)
        self.ctrl_range = seam.ctrl_range(self._model, spec).to(self.device)
        self._actuation = Actuation(self._world, spec.actuators, self.ctrl_range, num_envs)
        self._allocate()
        still = torch.zeros(num_envs, len(spec.joints), device=self.device)
        start = ResetState(still, still, *self._free.listed_start(num_envs))
        self.reset(torch.arange(num_envs, device=self.device), start)

    def _wrap_tensors(self) -> None:
        """Wrap the sim's tensors once: `[N, actors, 13]`, `[N, dofs, 2]`, `[N, bodies, 13]`, `[N, bodies, 3]`."""
        gym, sim, n = self._gym, self._sim, self.num_envs
        self._root = gymtorch.wrap_tensor(gym.acquire_actor_root_state_tensor(sim)).view(n, -1, 13)
        self._dof = torch.zeros(n, 0, 2, device=self.device)
        if self._world.dofs:
            self._dof = gymtorch.wrap_tensor(gym.acquire_dof_state_tensor(sim)).view(n, -1, 2)
        self._body = gymtorch.wrap_tensor(gym.acquire_rigid_body_state_tensor(sim)).view(n, -1, 13)
        self._contact = gymtorch.wrap_tensor(gym.acquire_net_contact_force_tensor(sim)).view(n, -1, 3)
        require(gym.refresh_actor_root_state_tensor(sim), "refresh_actor_root_state_tensor")

    def _allocate(self) -> None:
        spec, n, d = self.spec, self.num_envs, self.device
        bodies, sites, sensors = len(spec.bodies), len(spec.sites), len(spec.contacts)
        self.joint_pos, self.joint_vel = (torch.zeros(n, len(spec.joints), device=d) for _ in range(2))
        self.body_pos = torch.zeros(n, bodies, 3, device=d)
        self.body_quat = torch.zeros(n, bodies, 4, device=d)
        self.body_lin_vel, self.body_ang_vel = (torch.zeros(n, bodies, 3, device=d) for _ in range(2))
        self.site_pos, self.site_quat = torch.zeros(n, sites, 3, device=d), torch.zeros(n, sites, 4, device=d)
        self.contact_force = torch.zeros(n, sensors, 3, device=d)
        self.unstable = torch.zeros(n, dtype=torch.bool, device=d)
        self._time = torch.zeros(n, device=d)  # s, since the reset
        self._external = torch.zeros_like(self._contact)  # [N, bodies, 3] N
        self._pushed = False
        self._pending = torch.zeros(n, dtype=torch.bool, device=d)  # reset, and the sim does not know yet
        # Reset into a state that PhysX must not see
        self._refused = torch.zeros(n, dtype=torch.bool, device=d)

    @property
    def contact_count(self) -> Tensor:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Would be `[N, contacts]`; Isaac Gym's tensors hold no contact points: raises SimulatorError."""
        raise SimulatorError(f"sim=isaacgym does not count contact points; {OTHERS}")

    # Steps.

    def step(self, ctrl: Tensor, num_steps: int) -> None:
        """See `Simulator.step`: `num_steps` of Isaac Gym's own steps of `dt`, each cut into `substeps`."""
        seam.check_step(self.spec, self.num_envs, ctrl, num_steps)
        self._write_resets()
        self._write_controls(ctrl.detach())
        for _ in range(num_steps):
            self._write_forces()
            self._gym.simulate(self._sim)
            if self.device.type == "cpu":
                self._gym.fetch_results(self._sim, True)
        self._time += num_steps * self.physics.dt
        if self._pushed:
            self._external.zero_()
            self._pushed = False
        self._read()
        self._find_unstable(ctrl)

    def _write_resets(self) -> None:
        """One indexed call of each kind for all envs reset since the last step: a later call would undo the first."""
        ids = self._pending.nonzero().flatten()
        if not len(ids):
            return
        # Kept until the next time: the sim reads them during its step.
        self._root_ids = self._layout.root_actors[ids].flatten().contiguous()
        self._dof_ids = self._layout.dof_actors[ids].flatten().contiguous()
        for kind, tensor, rows in (
            ("actor_root", self._root, self._root_ids),
            ("dof", self._dof, self._dof_ids),
        ):
            if len(rows):
                call = f"set_{kind}_state_tensor_indexed"
                values, indices = gymtorch.unwrap_tensor(tensor), gymtorch.unwrap_tensor(rows)
                require(getattr(self._gym, call)(self._sim, values, indices, len(rows)), call)
        self._pending.zero_()

    def _write_controls(self, ctrl: Tensor) -> None:
        if self._world.dofs:
            self._actuation.write(ctrl)
            values = gymtorch.unwrap_tensor(self._actuation.targets)
            require(
                self._gym.set_dof_position_target_tensor(self._sim, values), "set_dof_position_target_tensor"
            )

    def _write_forces(self) -> None:
        """Forces of motors and pushes: the sim forgets them after each of its steps."""
        if self._actuation.has_motors:
            values = gymtorch.unwrap_tensor(self._actuation.forces)
            require(
                self._gym.set_dof_actuation_force_tensor(self._sim, values), "set_dof_actuation_force_tensor"
            )
        if self._pushed:
            values = gymtorch.unwrap_tensor(self._external)
            done = self._gym.apply_rigid_body_force_tensors(self._sim, values, None, gymapi.ENV_SPACE)
            require(done, "apply_rigid_body_force_tensors")

    def _read(self) -> None:
        """Refresh the sim's tensors, once a step, and copy what the spec asks for into the views."""
        for kind in ("actor_root_state", "rigid_body_state", "net_contact_force", "dof_state"):
            if kind != "dof_state" or self._world.dofs:
                call = f"refresh_{kind}_tensor"
                require(getattr(self._gym, call)(self._sim), call)
        layout = self._layout
        self.joint_pos.copy_(self._dof[:, layout.joints, 0])
        self.joint_vel.copy_(self._dof[:, layout.joints, 1])
        pos, quat, lin, ang = unpacked(self._body[:, layout.shown], layout.center)
        self._show(slice(None), pos - self._free.origin[:, None], quat, lin, ang)
        self.contact_force.copy_(torch.einsum("sb,nbc->nsc", layout.sensors, self._contact))

    def _show(self, ids: Any, pos: Tensor, quat: Tensor, lin: Tensor, ang: Tensor) -> None:
        """Write bodies and sites of the envs `ids` into the views; the columns are bodies, then sites' bodies."""
        b = len(self.spec.bodies)
        self.body_pos[ids], self.body_quat[ids] = pos[:, :b], quat[:, :b]
        self.body_lin_vel[ids], self.body_ang_vel[ids] = lin[:, :b], ang[:, :b]
        carrier = quat[:, b:]
        self.site_pos[ids] = pos[:, b:] + rotate(carrier, self._layout.site_pos)
        self.site_quat[ids] = multiply(carrier, self._layout.site_quat)

    def _find_unstable(self, ctrl: Tensor) -> None:
        n = self.num_envs
        total = (
            self._root.reshape(n, -1).sum(1)
            + self._dof.reshape(n, -1).sum(1)
            + self._body.reshape(n, -1).sum(1)
        )
        torch.logical_not(torch.isfinite(total + ctrl.sum(1)), out=self.unstable)
        self.unstable |= self._refused

    # Resets.

    def reset(self, env_ids: Tensor, state: ResetState) -> None:
        """See `Simulator.reset`. The sim hears of it before its next step; PhysX's own warm start cannot be cleared."""
        k = len(env_ids)
        if not k:
            return
        seam.check_listed_once(env_ids)
        seam.check_reset_shapes(self.spec, k, state)
        self._dof[env_ids] = 0.0
        self._dof[env_ids[:, None], self._layout.joints] = torch.stack(
            (state.joint_pos, state.joint_vel), dim=-1
        )
        pose, velocity = self._free.filled(state.free_pose, state.free_vel)
        self._show_by_kinematics(env_ids, pose, velocity)
        self._free.put(env_ids, pose, velocity)
        self._keep_sane(env_ids)
        self._pending[env_ids] = True
        self.contact_force[env_ids] = 0.0
        self.unstable[env_ids] = False
        self._time[env_ids] = 0.0
        self._actuation.ctrl[env_ids] = 0.0

    def _keep_sane(self, ids: Tensor) -> None:
        """A state that is not finite or beyond MuJoCo's bound stays out of PhysX, where all envs could suffer."""
        rows = torch.cat((self._root[ids].flatten(1), self._dof[ids].flatten(1)), dim=1)
        refused = ~(rows.abs() < _MAX_VALUE).all(dim=1)
        self._refused[ids] = refused
        self._dof[ids] = torch.where(refused[:, None, None], torch.zeros_like(self._dof[ids]), self._dof[ids])
        bad = ids[refused]
        self._free.put(bad, *self._free.start(len(bad)))

    def _show_by_kinematics(self, ids: Tensor, pose: Tensor, velocity: Tensor) -> None:
        joint_pos, joint_vel = self._dof[ids].unbind(-1)
        motion = self._kinematics.motion(joint_pos, joint_vel, pose, velocity)
        self.joint_pos[ids] = joint_pos[:, self._layout.joints]
        self.joint_vel[ids] = joint_vel[:, self._layout.joints]
        links = self._layout.shown_links
        self._show(
            ids, motion.pos[:, links], motion.quat[:, links], motion.lin[:, links], motion.ang[:, links]
        )

    # Forces and what varies.

    def apply_force(self, body: str, force: Tensor) -> None:
        body_id(self._model, body)  # refuses what is no body
        self._external[:, self._world.bodies.index(body)] += force
        self._pushed = True

    def parts(self, quantity: str) -> tuple[str, ...]:
        """See `Simulator.parts`; the ground is shared by all envs, so its friction cannot vary."""
        return self._quantities.parts(quantity)

    def scale(self, quantity: str, env_ids: Tensor, factors: Tensor) -> None:
        """See `Simulator.scale`: a loop over envs on the CPU."""
        self._scale(quantity, env_ids.tolist(), factors)

    def _scale(self, quantity: str, env_ids: Sequence[int], factors: Tensor) -> None:
        self._quantities.scale(quantity, env_ids, factors)
        if quantity == "stiffness":  # servos have theirs in the sim, motors in what we hand to it
            columns = [self.spec.actuators.index(name) for name in self.parts(quantity)]
            scaled = self._quantities.factors[quantity]
            self._actuation.factors[:, columns] = scaled.to(self.device)

    # States.

    def state(self, env_ids: Sequence[int] | None = None) -> dict[str, Tensor]:
        """See `Simulator.state`, with one exception: PhysX keeps contact caches of its own, so it goes on nearly, not
        bit-exactly, the same."""
        rows = slice(None) if env_ids is None else list(env_ids)
        root = self._root[rows].clone()
        root[..., :3] -= self._free.origin[rows][:, None]
        live = {
            "root": root,
            "dof": self._dof[rows],
            "contact": self.contact_force[rows],
            "ctrl": self._actuation.ctrl[rows],
            "time": self._time[rows],
            "unstable": self.unstable[rows],
        }
        saved = {name: values.detach().cpu().clone() for name, values in live.items()}
        saved["scene"] = seam.fingerprint(self.spec)
        saved.update({f"scale.{name}": v[rows].clone() for name, v in self._quantities.factors.items()})
        return saved

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """See `Simulator.load_state`. Scales that differ are written env by env."""
        seam.check_state(state, self.spec, self.num_envs, "isaacgym", own="root")
        for name, values in self._quantities.factors.items():
            saved = state[f"scale.{name}"]
            changed = (saved != values).any(dim=1).nonzero().flatten().tolist()
            self._scale(name, changed, saved[changed])
        self._root.copy_(state["root"].to(self.device))
        self._root[..., :3] += self._free.origin[:, None]
        self._dof.copy_(state["dof"].to(self.device))
        ids = torch.arange(self.num_envs, device=self.device)
        self._show_by_kinematics(ids, *self._free.read(ids))
        self._keep_sane(ids)
        self._pending.fill_(True)
        for name, view in (
            ("contact", self.contact_force),
            ("ctrl", self._actuation.ctrl),
            ("time", self._time),
        ):
            view.copy_(state[name].to(self.device))
        self.unstable.copy_(state["unstable"].to(self.device))

    def render_states(self, env_ids: Sequence[int]) -> dict[str, Any]:
        model, k = self._model, len(env_ids)
        ids = torch.tensor(list(env_ids), dtype=torch.int64, device=self.device)
        qpos, qvel = np.zeros((k, model.nq)), np.zeros((k, model.nv))
        for column, name in enumerate(self._world.dofs):
            joint = model.joint(name)
            qpos[:, joint.qposadr[0]], qvel[:, joint.dofadr[0]] = self._dof[ids, column].T.cpu().numpy()
        pose, velocity = self._free.read(ids)
        # MuJoCo keeps the angular velocity of a free joint in the body's frame
        spin = rotate_inverse(pose[..., 3:], velocity[..., 3:])
        for row, name in enumerate(self._free.names):
            joint = int(model.body(name).jntadr[0])
            pos, vel = int(model.jnt_qposadr[joint]), int(model.jnt_dofadr[joint])
            qpos[:, pos : pos + 7] = pose[:, row].cpu().numpy()
            qvel[:, vel : vel + 3] = velocity[:, row, :3].cpu().numpy()
            qvel[:, vel + 3 : vel + 6] = spin[:, row].cpu().numpy()
        order = [self.spec.actuators.index(model.actuator(a).name) for a in range(model.nu)]
        return {
            "time": self._time[ids].cpu().double().numpy(),
            "qpos": qpos,
            "qvel": qvel,
            "act": np.zeros((k, 0)),
            "ctrl": self._actuation.ctrl[ids][:, order].cpu().double().numpy(),
        }

    def close(self) -> None:
        """Destroy the sim; the simulator cannot be used afterwards, and the process may make another."""
        if "_world" in self.__dict__:
            self._world.close()
            self.__dict__.clear()
