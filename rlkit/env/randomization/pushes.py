"""Pushes now and then: a horizontal force on one body, for a while."""

from __future__ import annotations

import math
from typing import Any, Mapping

import torch
from torch import Tensor

from rlkit.env.randomization.draws import Randomizer
from rlkit.sims.api import Simulator, SimulatorError


class Pushes(Randomizer):
    """A constant force of random size and horizontal direction on `body`, at random moments of every episode.

    settings: `task.randomization.push`; times are rounded to control steps. Raises SimulatorError for a body that
    cannot be pushed.
    """

    def __init__(self, settings: Mapping[str, Any], sim: Simulator, seed: int, control_period: float) -> None:
        super().__init__("push", sim, seed)
        self.body = _body(settings["body"], sim)
        n, device = self.num_envs, self.device
        self._period = control_period
        self._interval = [float(seconds) for seconds in settings["interval"]]
        self._newtons = [float(newtons) for newtons in settings["force"]]
        self._duration = max(1, round(float(settings["duration"]) / control_period))
        self._wait = torch.zeros(n, dtype=torch.int64, device=device)  # control steps to the next push
        self._left = torch.zeros(n, dtype=torch.int64, device=device)  # control steps of the one under way
        self._force = torch.zeros(n, 3, device=device)  # of the latest push, N
        self.acting = torch.zeros(n, 3, device=device)  # in the present control step, N

    def memory(self) -> dict[str, Tensor]:
        """Timers `[N]` (control steps) and forces `[N, 3]` (N, world)."""
        return {"wait": self._wait, "left": self._left, "force": self._force}

    def reset(self, ids: Tensor) -> None:
        """New episodes of the envs `ids` `[k]`: a push that is under way is over."""
        self._wait[ids] = self._steps(self.uniform(len(ids)))
        self._left[ids] = 0

    def advance(self, level: float) -> Tensor:
        """Begin a control step; returns the forces `[N, 3]` that act in it, N, world. level: scales new ones."""
        draws = self.uniform(self.num_envs, 3)  # for all, so that nothing waits for the device
        begins = self._wait <= 0
        low, high = self._newtons
        size, angle = level * (low + (high - low) * draws[:, 0]), 2.0 * math.pi * draws[:, 1]
        force = torch.stack([size * angle.cos(), size * angle.sin(), torch.zeros_like(size)], dim=-1)
        self._force = torch.where(begins[:, None], force, self._force)
        self._left = torch.where(begins, self._duration, self._left)
        self._wait = torch.where(begins, self._steps(draws[:, 2]), self._wait) - 1
        self.acting = self._force * (self._left > 0)[:, None]
        self._left = (self._left - 1).clamp(min=0)
        return self.acting

    def _steps(self, share: Tensor) -> Tensor:
        low, high = self._interval
        return ((low + (high - low) * share) / self._period).round().long().clamp(min=1)


def _body(name: Any, sim: Simulator) -> str:
    """The body to push, which the simulator knows."""
    setting = "task.randomization.push.body"
    if name is None and not sim.spec.free_bodies:
        raise SimulatorError(
            f"{setting}=null means the first free body, and this scene has none; name a body, as"
            f" {setting}={next(iter(sim.spec.bodies), '<body>')}"
        )
    body = str(name) if name is not None else sim.spec.free_bodies[0]
    try:
        sim.apply_force(body, torch.zeros(sim.num_envs, 3, device=sim.device))
    except SimulatorError as error:
        raise SimulatorError(f"{setting}={body}: {error}") from error
    return body
