"""Exploration by noise that stays for some steps: short stays are common, long ones rare."""

from __future__ import annotations

import torch
from torch import Tensor


class HeldNoise:
    """Standard normal noise `[N, actions]`; each row keeps its own for n steps, then draws anew.

    The chance of n, from 1 to `most`, is in proportion to n ** -power (a zeta distribution, cut off).
    """

    def __init__(
        self,
        rows: int,
        actions: int,
        most: int,
        power: float,
        generator: torch.Generator,
        device: torch.device,
    ) -> None:
        # On the CPU: of sums of floats so far CUDA has no deterministic kernel
        chances = torch.arange(1, most + 1, dtype=torch.float64) ** -power
        below = chances.cumsum(0) / chances.sum()
        self._below = below[:-1].float().to(device)  # of a stay of 1, 2, … most - 1 steps or less
        self.generator = generator
        self.noise = torch.zeros(rows, actions, device=device)
        self.left = torch.zeros(rows, dtype=torch.int64, device=device)  # steps that it stays

    def draw(self) -> Tensor:
        """The noise `[N, actions]` of the next step."""
        fresh = torch.randn(self.noise.shape, generator=self.generator, device=self.noise.device)
        chance = torch.rand(self.left.shape, generator=self.generator, device=self.noise.device)
        stay = 1 + torch.searchsorted(self._below, chance, right=True)
        over = self.left == 0
        self.noise.copy_(torch.where(over[:, None], fresh, self.noise))
        self.left.copy_(torch.where(over, stay, self.left)).sub_(1)
        return self.noise
