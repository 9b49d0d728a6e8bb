"""HumanoidRun: run forward at 5 m/s or faster."""

from __future__ import annotations

from torch import Tensor

from rlkit.tasks.api import reward
from rlkit.tasks.robots.humanoid import Humanoid


class HumanoidRun(Humanoid):
    """HumanoidBench's run."""

    @reward
    def moving(self) -> Tensor:
        """1/6 at rest, 1 from 5 m/s forward on, linear between."""
        return self.forward(5.0)
