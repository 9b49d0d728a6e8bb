"""The network of a student: from observations to the teacher's actions."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Dict

import torch
from torch import Tensor, nn

from rlkit.env.api import EnvSpec
from rlkit.learners.distill.samples import Rows
from rlkit.learners.distill.settings import Settings
from rlkit.learners.networks.layers import hidden
from rlkit.learners.networks.own import inputs_of, is_own, make_trunk
from rlkit.learners.normalizer import RunningNorm

Losses = Dict[str, Tensor]
"""By the name of the metric, 0-dim; "loss" is what is made smaller."""


class Student(nn.Module, ABC):
    """What a learner of this family improves. Called with the policy's observations `[B, size]`, it gives the actions
    `[B, actions]` in [-1, 1] of the trained policy.

    seen: the observation groups that it learns from, the policy's first. norms: their running statistics.
    """

    seen: tuple[str, ...] = ("policy",)

    def __init__(self, spec: EnvSpec, *, normalized: bool) -> None:
        super().__init__()
        self.norms = nn.ModuleDict(
            {
                group: RunningNorm(spec.obs_sizes[group], torch.device("cpu"))
                if normalized
                else nn.Identity()
                for group in self.seen
            }
        )

    def observe(self, rows: Rows) -> None:
        """Let the statistics learn the rows `[B, size]` of the groups."""
        for group, norm in self.norms.items():
            if isinstance(norm, RunningNorm):
                norm.update(rows[group])

    @abstractmethod
    def acting(self, rows: Rows, generator: torch.Generator) -> Tensor:
        """The actions `[B, actions]` with which it collects, of the groups that it has seen `[B, size]`."""

    def drawn(self, obs: Tensor, generator: torch.Generator) -> Tensor:
        """Actions `[B, actions]` of observations `[B, size]` with what it draws itself in training: nothing here."""
        return self(obs)

    @abstractmethod
    def losses(self, rows: Rows, generator: torch.Generator, iteration: int) -> Losses:
        """Of rows `[B, size]` with the teacher's actions under "label"; iteration: from 0 on."""


class Imitator(Student):
    """Features of the observations, and a linear layer that makes actions of them."""

    def __init__(self, spec: EnvSpec, settings: Settings) -> None:
        super().__init__(spec, normalized=settings.obs_normalization)
        if is_own(settings.network):
            self.trunk, width = make_trunk(
                settings.network, settings.network_settings, inputs_of(spec, "actor")
            )
        else:
            width = settings.units[-1]
            self.trunk = hidden(spec.obs_sizes["policy"], settings.units, settings.activation)
        self.head = nn.Linear(width, spec.num_actions)

    def mean(self, obs: Tensor) -> Tensor:
        """Actions `[B, actions]` of observations `[B, size]`, not yet kept within [-1, 1]."""
        return self.head(self.trunk(self.norms["policy"](obs)))

    def forward(self, obs: Tensor) -> Tensor:
        """See `Student`: actions `[B, actions]` of observations `[B, size]`."""
        return self.mean(obs).clamp(-1.0, 1.0)

    def acting(self, rows: Rows, generator: torch.Generator) -> Tensor:
        """See `Student.acting`, `[B, actions]`: as it acts once it is trained."""
        return self(rows["policy"])

    def losses(self, rows: Rows, generator: torch.Generator, iteration: int) -> Losses:
        """See `Student.losses`, of rows `[B, size]`: the squared error, a mean over rows and actions."""
        loss = (self.mean(rows["policy"]) - rows["label"]).square().mean()
        return {"loss": loss, "losses/imitation": loss}
