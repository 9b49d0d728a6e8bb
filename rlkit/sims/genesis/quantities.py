"""Friction, mass and servo gains of each env, written into Genesis; and the servos that they belong to."""

# Genesis and MuJoCo's bindings ship no stubs
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

from typing import Any, Sequence

import mujoco
import numpy as np
import torch
from torch import Tensor

from rlkit.sims.api import QUANTITIES
from rlkit.sims.genesis.engine import view
from rlkit.sims.genesis.model import SERVO
from rlkit.sims.mjmodel.quantities import quantity_owners, quantity_parts


class Quantities:
    """The factors of `Simulator.scale` in every env, and what they do to Genesis' model.

    factors: by quantity, `[N, parts]`, 1 where nothing was scaled.
    """

    def __init__(self, model: mujoco.MjModel, robot: Any, actuators: Sequence[str], num_envs: int) -> None:
        self._model, self._solver = model, robot.solver
        self._like = robot.get_qpos()[0]  # of the engine's precision and device
        parts = {name: quantity_parts(model, actuators, name) for name in QUANTITIES}
        self.factors = {name: self._like.new_ones(num_envs, len(names)) for name, names in parts.items()}
        links = self._solver.dyn_info.links
        self._bodies = quantity_owners(model, actuators, "mass")
        self._masses, self._inertias = view(links.inertial_mass), view(links.inertial_i)
        self._mass = self._masses[0, self._bodies].clone()
        self._inertia = self._inertias[0, self._bodies].clone()
        place = {body: part for part, body in enumerate(quantity_owners(model, actuators, "friction"))}
        geoms = [geom for geom in robot.geoms if geom.link.idx in place]
        self._geoms, self._geom_parts = [g.idx for g in geoms], [place[g.link.idx] for g in geoms]
        self._columns = {
            name: [list(actuators).index(part) for part in parts[name]] for name in ("stiffness", "damping")
        }
        self._read_actuators([model.actuator(name).id for name in actuators], num_envs)

    def _read_actuators(self, ids: list[int], num_envs: int) -> None:
        """Force = gain * control + bias0 + bias1 * position + bias2 * velocity; the biases of a motor are zero."""
        model = self._model
        servo = [int(model.actuator_biastype[k]) == SERVO for k in ids]
        self._servos = [k for k, is_servo in enumerate(servo) if is_servo]
        self._motors = [k for k, is_servo in enumerate(servo) if not is_servo]
        self._dofs = [int(model.jnt_dofadr[j]) for j in model.actuator_trnid[ids, 0]]
        self._own_gain = self._like.new_tensor(model.actuator_gainprm[ids, 0])
        self._own_bias = self._like.new_tensor(model.actuator_biasprm[ids, :3])
        self._own_bias[self._motors] = 0.0
        self._gain = self._own_gain.repeat(num_envs, 1)
        if self._dofs:
            # Genesis would limit a motor's force by the range of its controls, whatever its gain
            limits = [self._like.new_tensor(side) for side in _force_limits(model, ids)]
            self._solver.set_dofs_force_range(*limits, self._dofs)
        self._set_servos(torch.arange(num_envs, device=self._like.device))

    def drive(self, ctrl: Tensor) -> None:
        """Give Genesis the controls (`[N, actuators]`): targets to the servos, forces to the motors."""
        for chosen, values, control in (
            (self._servos, ctrl, self._solver.control_dofs_position),
            (self._motors, ctrl * self._gain, self._solver.control_dofs_force),
        ):
            if chosen:
                control(values[:, chosen], [self._dofs[k] for k in chosen])

    def lift(self, bodies: Sequence[int]) -> Tensor:
        """`[N, bodies, 3]` N: the weight that `gravcomp` takes off each of these bodies."""
        places = [self._bodies.index(body) for body in bodies]
        share = self._like.new_tensor(self._model.body_gravcomp[list(bodies)]) * self._mass[places]
        return -(share * self.factors["mass"][:, places])[..., None] * self._like.new_tensor(
            self._model.opt.gravity
        )

    def scale(self, quantity: str, env_ids: Tensor, factors: Tensor) -> None:
        """Make `quantity` in the envs `env_ids` the model's own value times `factors` (`[k, parts]`)."""
        factors = factors.to(self._like)
        self.factors[quantity][env_ids] = factors
        if quantity == "mass":
            self._set_mass(env_ids, self._mass * factors)
        elif quantity == "friction":
            self._solver.set_geoms_friction_ratio(factors[:, self._geom_parts], self._geoms, env_ids)
        else:
            self._set_servos(env_ids)

    def _set_mass(self, env_ids: Tensor, mass: Tensor) -> None:
        """Mass with its inertia (`[k, parts]` kg), from the model's own values, so that no rounding adds up."""
        cell = (env_ids[:, None], torch.tensor(self._bodies, device=mass.device))
        self._masses[cell], self._inertias[cell] = self._mass, self._inertia
        self._solver.set_links_mass(mass, self._bodies, env_ids, scale_inertia=True)

    def _set_servos(self, env_ids: Tensor) -> None:
        gain, bias = self._own_gain.repeat(len(env_ids), 1), self._own_bias.repeat(len(env_ids), 1, 1)
        stiffness, damping = self._columns["stiffness"], self._columns["damping"]
        gain[:, stiffness] *= self.factors["stiffness"][env_ids]
        bias[:, stiffness, 1] *= self.factors["stiffness"][env_ids]
        bias[:, damping, 2] *= self.factors["damping"][env_ids]
        self._gain[env_ids] = gain
        if self._dofs:
            self._solver.set_dofs_act_gain(gain, self._dofs, env_ids)
            self._solver.set_dofs_act_bias(*bias.unbind(-1), self._dofs, env_ids)


def _force_limits(model: mujoco.MjModel, ids: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper force of each actuator: its own limits and those of its joint, N or N m."""
    lower, upper = np.full(len(ids), -np.inf), np.full(len(ids), np.inf)
    for k, actuator in enumerate(ids):
        joint = int(model.actuator_trnid[actuator, 0])
        for limited, (low, high) in (
            (model.actuator_forcelimited[actuator], model.actuator_forcerange[actuator]),
            (model.jnt_actfrclimited[joint], model.jnt_actfrcrange[joint]),
        ):
            if limited:
                lower[k], upper[k] = max(lower[k], low), min(upper[k], high)
    return lower, upper
