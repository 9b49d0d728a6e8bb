"""Latents: unit vectors that say which of its skills a policy is to show, each for a while."""

from __future__ import annotations

from typing import Sequence

import torch
from torch import Tensor
from torch.nn.functional import normalize

from rlkit.tasks.api import Task


class Latents:
    """A latent in each env, uniform on the unit sphere of `task.latent.size` numbers, for a time of `task.latent.time`.

    now: `[N, size]`.
    """

    def __init__(self, task: Task) -> None:
        self.task = task
        section = task.config["latent"]
        self.size = int(section["size"])
        # Control steps
        self._low, self._high = (float(bound) / task.control_period for bound in section["time"])
        self.now = task.buffer("latent", self.size)
        self._left = task.buffer("latent_left")  # control steps until the next one
        self._held: tuple[int, Tensor] | None = None  # an env that somebody looks at

    def begin(self, env_ids: Tensor) -> None:
        """New ones where episodes begin, `[k]`."""
        self.now[env_ids], self._left[env_ids] = self._drawn(len(env_ids))
        self._keep_held()

    def advance(self) -> None:
        """One control step is over; new ones where their time is."""
        self._left -= 1.0
        due = self._left <= 0.0
        latents, left = self._drawn(self.task.num_envs)
        self.now.copy_(torch.where(due[:, None], latents, self.now))
        self._left.copy_(torch.where(due, left, self._left))
        self._keep_held()

    def _keep_held(self) -> None:
        if self._held is not None:
            env, latent = self._held
            self.now[env] = latent

    def hold(self, env: int, latent: Sequence[float]) -> None:
        """One env keeps to this from its next observation on, in new episodes too; empty: none does, and a new one is
        drawn there.
        """
        if self._held is not None:
            self._left[self._held[0]] = 0.0
        self._held = None
        if latent:
            self._held = (env, normalize(torch.tensor(latent, device=self.now.device), dim=0))
        else:
            self._left[env] = 0.0

    def _drawn(self, count: int) -> tuple[Tensor, Tensor]:
        """Latents `[count, size]`, and for how many control steps `[count]`, at least one."""
        task = self.task
        normal = torch.randn(count, self.size, generator=task.generator, device=task.device)
        steps = task.uniform(self._low, self._high, count).round().clamp(min=1.0)
        return normalize(normal, dim=-1), steps
