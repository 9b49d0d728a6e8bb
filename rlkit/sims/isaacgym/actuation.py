"""Controls in the spec's order as the targets and forces of Isaac Gym's dofs."""

from __future__ import annotations

from typing import Sequence

import torch
from torch import Tensor

from rlkit.sims.isaacgym.layout import numbers
from rlkit.sims.isaacgym.world import World


class Actuation:
    """targets, forces: `[N, dofs]` what the servos go to and the motors push, rad or m and N m or N.

    has_motors: whether any actuator is a motor, whose force the sim forgets after each step.
    """

    def __init__(self, world: World, actuators: Sequence[str], ctrl_range: Tensor, num_envs: int) -> None:
        device = ctrl_range.device
        dof_of = {world.drives[name].actuator: column for column, name in enumerate(world.dofs)}
        drives = {drive.actuator: drive for drive in world.drives.values()}
        self._columns = torch.tensor([dof_of[name] for name in actuators], dtype=torch.int64, device=device)
        servos = [drives[name].position for name in actuators]
        self._is_servo = torch.tensor(servos, dtype=torch.bool, device=device)
        self._gain = numbers([drives[name].stiffness for name in actuators], device)
        self._effort = numbers([drives[name].effort for name in actuators], device)
        self._low, self._high = ctrl_range.unbind(-1)
        self.has_motors = not all(servos)
        self.targets, self.forces = (torch.zeros(num_envs, len(world.dofs), device=device) for _ in range(2))
        self.ctrl = torch.zeros(num_envs, len(actuators), device=device)
        self.factors = torch.ones(num_envs, len(actuators), device=device)  # of a motor's force

    def write(self, ctrl: Tensor) -> None:
        """Take `ctrl` (`[N, actuators]`), within its range, as MuJoCo does; what is no number counts as 0."""
        self.ctrl.copy_(torch.minimum(torch.maximum(torch.nan_to_num(ctrl), self._low), self._high))
        force = self.ctrl * self._gain * self.factors
        force = torch.minimum(torch.maximum(force, -self._effort), self._effort)
        nothing = torch.zeros_like(force)
        self.targets[:, self._columns] = torch.where(self._is_servo, self.ctrl, nothing)
        self.forces[:, self._columns] = torch.where(self._is_servo, nothing, force)
