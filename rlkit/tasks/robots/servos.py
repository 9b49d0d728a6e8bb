"""The law of servos, so that a task knows their torques without asking the simulator."""

from __future__ import annotations

from typing import Iterable

import torch
from torch import Tensor

from rlkit.tasks.robots.legged_robot import Servo


class Servos:
    """The servos of a robot's joints `[J]`, in one order."""

    def __init__(self, servos: Iterable[Servo], device: torch.device) -> None:
        columns = torch.tensor(list(servos), device=device).T
        self.stiffness, self.damping, self.limit = columns.unbind(0)  # [J] each

    def torques(self, targets: Tensor, joint_pos: Tensor, joint_vel: Tensor) -> Tensor:
        """`[N, J]` N m at joint angles and velocities `[N, J]` (rad, rad/s) under `targets` (rad)."""
        wanted = self.stiffness * (targets - joint_pos) - self.damping * joint_vel
        return torch.minimum(torch.maximum(wanted, -self.limit), self.limit)
