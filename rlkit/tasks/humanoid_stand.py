"""HumanoidStand: keep standing, and stay where you are."""

from __future__ import annotations

from torch import Tensor

from rlkit.tasks.api import reward
from rlkit.tasks.robots.humanoid import Humanoid, gaussian


class HumanoidStand(Humanoid):
    """HumanoidBench's stand."""

    @reward
    def moving(self) -> Tensor:
        """1 at rest, less for each of the velocities along the world's x and y: 0.1 at 2 m/s (Gaussian), their mean."""
        return gaussian(self.sim.body_lin_vel[:, self.pelvis, :2], 2.0).mean(dim=-1)
