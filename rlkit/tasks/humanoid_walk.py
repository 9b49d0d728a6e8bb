"""HumanoidWalk: walk forward at 1 m/s or faster."""

from __future__ import annotations

from torch import Tensor

from rlkit.tasks.api import reward
from rlkit.tasks.robots.humanoid import Humanoid


class HumanoidWalk(Humanoid):
    """HumanoidBench's walk."""

    @reward
    def moving(self) -> Tensor:
        """1/6 at rest, 1 from 1 m/s forward on, linear between."""
        return self.forward(1.0)
