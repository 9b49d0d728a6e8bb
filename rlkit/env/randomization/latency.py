"""Commands that reach the actuators late, by whole simulator steps."""

from __future__ import annotations

from typing import Any, Mapping

import torch
from torch import Tensor

from rlkit.env.randomization.draws import RangeDraw
from rlkit.sims.api import Simulator


class Latency(RangeDraw):
    """Each env's commands act `delay` simulator steps after they were given; that may be more than a control period.

    The first command of an episode acts at once, and until the second arrives: nothing was commanded before it.

    settings: `task.randomization.latency`; seconds are rounded to simulator steps. lowest: the curriculum's lowest
    level, which makes delays below the range possible.
    """

    def __init__(
        self, settings: Mapping[str, Any], sim: Simulator, seed: int, steps_per_control: int, *, lowest: float
    ) -> None:
        super().__init__("latency", sim, seed, settings["range"], 1, settings["per"])
        self._dt, self._steps = sim.physics.dt, steps_per_control
        self._most = self._steps_of(self._high)
        # Simulator steps of a control period at which the command of some env may change.
        least = self._steps_of(lowest * self._low)
        changes = {delay % steps_per_control for delay in range(least, self._most + 1)}
        cuts = sorted({0, *changes})
        self._pieces = [(cut, after - cut) for cut, after in zip(cuts, [*cuts[1:], steps_per_control])]
        self._depth = self._most // steps_per_control + 2
        n, device = self.num_envs, self.device
        self.delay = torch.zeros(n, dtype=torch.int64, device=device)  # simulator steps
        # The latest commands
        self._ring = torch.zeros(self._depth, n, len(sim.spec.actuators), device=device)
        self._head = torch.zeros(1, dtype=torch.int64, device=device)  # where the newest of them is
        self._given = torch.zeros(n, dtype=torch.int64, device=device)  # commands of the running episode
        self._envs = torch.arange(n, device=device)

    def memory(self) -> dict[str, Tensor]:
        """What was drawn, and the commands that are under way, `[depth, N, actuators]`."""
        ring = {"ring": self._ring, "head": self._head, "given": self._given}
        return {**super().memory(), **ring, "delay": self.delay}

    def reset(self, ids: Tensor, level: float) -> None:
        """New episodes of the envs `ids` `[k]`."""
        seconds = self.drawn(ids, 0.0, level)[:, 0]
        least = self._steps_of(level * self._low)  # what rounding must not miss
        self.delay[ids] = (seconds / self._dt + 0.5).long().clamp(least, self._most)
        self._given[ids] = 0

    def _steps_of(self, seconds: float) -> int:
        return int(seconds / self._dt + 0.5)

    def schedule(self, ctrl: Tensor) -> list[tuple[Tensor, int]]:
        """Take the commands `[N, actuators]` of a control period; returns those that act in it, one after the other.

        Each with its number of simulator steps; the numbers add up to the control period.
        """
        self._head.add_(1).remainder_(self._depth)
        self._ring.index_copy_(0, self._head, ctrl[None])
        acting = []
        for start, steps in self._pieces:
            back = (self.delay - start + self._steps - 1) // self._steps  # control periods, rounded up
            row = (self._head - torch.minimum(back, self._given)) % self._depth
            acting.append((self._ring[row, self._envs], steps))
        self._given += 1
        return acting


def acting_commands(step: int, delay: int, steps_per_control: int) -> list[tuple[int, int]]:
    """What acts in control step `step` of an episode of one env: which command, and for how many simulator steps.

    delay: simulator steps. The same rule as `Latency.schedule`, for one env alone.
    """
    late, rest = step - delay // steps_per_control, delay % steps_per_control
    pieces = [(max(late - 1, 0), rest), (max(late, 0), steps_per_control - rest)]
    return [(command, steps) for command, steps in pieces if steps]
