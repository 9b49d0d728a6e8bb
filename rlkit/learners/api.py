"""The seam between the training loop and a learner."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, Callable, Mapping

from torch import Tensor

from rlkit.env.spec import EnvSpec, Observations, VecEnv

Policy = Callable[[Observations], Tensor]
"""Observation groups to actions `[N, num_actions]` in [-1, 1]: deterministic, normalisation included."""


class LearnerError(RuntimeError):
    """The learner cannot go on; the message names what was wrong and where."""


@dataclass(frozen=True)
class Iteration:
    """What one iteration of a learner reports.

    env_steps: steps of all envs together. metrics: scalar losses and rates by name ("losses/actor", "policy/kl" ...).
    collect_time, update_time: seconds; the env measures its own share of the first.
    """

    env_steps: int
    metrics: Mapping[str, float]
    collect_time: float
    update_time: float


class Learner(ABC):
    """An algorithm that improves a policy by acting in an env."""

    spec: EnvSpec

    @abstractmethod
    def iterate(self, env: VecEnv) -> Iteration:
        """Collect experience once and learn from it; raises LearnerError on a non-finite loss."""

    @abstractmethod
    def policy(self) -> Policy:
        """The current deterministic policy; it follows later `load` calls."""

    @abstractmethod
    def state(self) -> dict[str, Any]:
        """Networks, optimisers, schedules, normalisers, counters: tensors and plain values only."""

    @abstractmethod
    def load(self, state: Mapping[str, Any], *, policy_only: bool = False) -> None:
        """Continue from `state()`; `policy_only` takes what acting needs. Raises LearnerError when it does not fit."""
