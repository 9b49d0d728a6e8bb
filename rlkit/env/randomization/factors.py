"""Quantities of the model that differ: `task.randomization.mass` and its like."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

import torch
from torch import Tensor

from rlkit.env.randomization.draws import RangeDraw
from rlkit.nearest import did_you_mean
from rlkit.sims.api import Simulator, SimulatorError


class Factors(RangeDraw):
    """A quantity of the model (see `QUANTITIES`) times a factor, in all of the named parts or in each its own.

    settings: as `task.randomization.mass`. Raises SimulatorError for a quantity or a part that cannot vary.
    """

    def __init__(self, quantity: str, settings: Mapping[str, Any], sim: Simulator, seed: int) -> None:
        self.quantity, self._sim = quantity, sim
        names, self._columns = _chosen(quantity, settings["parts"], sim)
        self._count = len(names)
        width = len(self._columns) if settings["each"] else 1
        super().__init__(quantity, sim, seed, settings["range"], width, settings["per"])
        # Until a curriculum widens them; another model of the env would be without them
        self._for_good = not self._each_episode and not sim.spec.alternatives
        # The level that each env's factors are of; none has any yet.
        self._given = torch.full((self.num_envs,), torch.nan, dtype=torch.float64, device=self.device)

    def memory(self) -> dict[str, Tensor]:
        """What was drawn `[N, width]`, and at which level `[N]` the simulator was given it."""
        return {**super().memory(), "given": self._given}

    def reset(self, ids: Tensor, level: float) -> None:
        """Give the envs `ids` `[k]` their factors."""
        if self._for_good:
            ids = ids[self._given[ids] != level]
            if not len(ids):
                return
        factors = torch.ones(len(ids), self._count, device=self.device)
        factors[:, self._columns] = self.drawn(ids, 1.0, level)
        self._sim.scale(self.quantity, ids, factors)
        self._given[ids] = level


def _chosen(quantity: str, asked: Sequence[str], sim: Simulator) -> tuple[tuple[str, ...], list[int]]:
    """All parts that have `quantity`, and where those that are asked for are among them; none asked means all."""
    setting = f"task.randomization.{quantity}"
    try:
        names = tuple(sim.parts(quantity))
    except SimulatorError as error:
        raise SimulatorError(f"{setting}: {error}; write {setting}.range=null") from error
    if not names:
        raise SimulatorError(f"{setting}: nothing in this scene has {quantity}; write {setting}.range=null")
    for name in asked:
        if name not in names:
            hint = did_you_mean(name, names, otherwise=";")
            raise SimulatorError(
                f"{setting}.parts: no {name!r} has {quantity}{hint} There are {', '.join(names)}"
            )
    return names, [names.index(name) for name in asked or names]
