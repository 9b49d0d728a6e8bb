"""Noise on what the policy sees: `task.randomization.observationNoise`."""

from __future__ import annotations

from typing import Mapping

import torch
from torch import Tensor

from rlkit.env.randomization.draws import Randomizer
from rlkit.nearest import did_you_mean
from rlkit.sims.api import Simulator
from rlkit.tasks.api import Task, TaskError


class Noise(Randomizer):
    """Gaussian noise on the policy's observation, of a standard deviation by term, in the term's unit.

    Each shown observation gets its noise once: what is shown twice is the same twice.
    """

    def __init__(self, deviations: Mapping[str, float], sim: Simulator, task: Task, seed: int) -> None:
        super().__init__("observationNoise", sim, seed)
        sizes, known = task.observation_sizes(), task.observation_terms
        deviations = {task.current_name(name): deviation for name, deviation in deviations.items()}
        for name in deviations:
            if name not in known:
                hint = did_you_mean(name, known)
                raise TaskError(
                    f"task.randomization.observationNoise.{name}: {task.name} does not observe that{hint}"
                    f" task.observations are {', '.join(known)}"
                )
        every = [float(deviations.get(name, 0.0)) for name in known for _ in range(sizes[name])]
        self._columns = torch.tensor([i for i, std in enumerate(every) if std > 0.0], device=self.device)
        self._columns = self._columns.long()
        self._deviation = torch.tensor([std for std in every if std > 0.0], device=self.device)
        self._shown = torch.zeros(self.num_envs, len(every), device=self.device)

    def memory(self) -> dict[str, Tensor]:
        """The observation `[N, size]` that the policy was shown last."""
        return {"shown": self._shown}

    @property
    def shown(self) -> Tensor:
        """What the policy sees now, `[N, size]`."""
        return self._shown

    def show(self, clean: Tensor, level: float) -> Tensor:
        """`clean` `[N, size]` with new noise in all envs: the new `shown`."""
        self._shown = self._noisy(clean, level)
        return self._shown

    def show_some(self, clean: Tensor, ids: Tensor, level: float) -> Tensor:
        """`clean` `[N, size]` with new noise in the envs `ids` `[k]` alone; the others see what they saw."""
        shown = self._shown.clone()  # a learner may hold the one before
        shown[ids] = self._noisy(clean[ids], level)
        self._shown = shown
        return shown

    def _noisy(self, clean: Tensor, level: float) -> Tensor:
        shape = (len(clean), len(self._columns))
        draws = torch.randn(shape, generator=self.generator, device=self.device)
        return clean.index_add(1, self._columns, level * self._deviation * draws)
