"""Exploration noise: every env has its own scale, drawn anew with each of its episodes."""

from __future__ import annotations

import torch
from torch import Tensor


class Exploration:
    """Gaussian noise on actions with a standard deviation per env, uniform in [low, high]."""

    def __init__(
        self, num_envs: int, low: float, high: float, generator: torch.Generator, device: torch.device
    ) -> None:
        self.low, self.high, self.generator = low, high, generator
        self.std = torch.empty(num_envs, 1, device=device)
        self.std.uniform_(low, high, generator=generator)

    def act(self, action: Tensor) -> Tensor:
        """The action `[N, actions]` with noise, clipped to [-1, 1]: what is stored is what was done."""
        noise = torch.randn(action.shape, generator=self.generator, device=action.device)
        return torch.addcmul(action, noise, self.std).clamp_(-1.0, 1.0)

    def redraw(self, ended: Tensor) -> None:
        """New scales for the envs whose episode ended, `[N]` bool."""
        drawn = torch.rand(self.std.shape, generator=self.generator, device=self.std.device)
        fresh = self.low + (self.high - self.low) * drawn
        self.std.copy_(torch.where(ended[:, None], fresh, self.std))
