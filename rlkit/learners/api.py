"""The seam between the training loop and a learner."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any, Callable, Mapping, Tuple

from torch import Tensor, nn

from rlkit.env.api import EnvSpec, Observations, VecEnv
from rlkit.errors import RlkitError

Memory = Mapping[str, Tuple[int, int]]
"""What a policy remembers of an episode: (layers, units) by name; zeros where one begins."""


Act = Callable[[Observations], Tensor]
"""Observation groups to actions `[N, num_actions]` in [-1, 1], normalisation included."""


class Policy:
    """Acts as `act` does. Whoever lets it play says with `forget` where episodes end: some act by what came before."""

    def __init__(self, act: Act) -> None:
        self._act = act

    def __call__(self, obs: Observations) -> Tensor:
        """The actions for one step of all envs; obs: `[N, size]` a group."""
        return self._act(obs)

    def forget(self, ended: Tensor | None = None) -> None:
        """Episodes ended in these envs, `[N]` bool, or everywhere: the next observation is the first of a new one."""


class LearnerError(RlkitError):
    """The learner cannot go on; the message names what was wrong and where."""


@dataclass(frozen=True)
class Iteration:
    """What one iteration of a learner reports.

    env_steps: steps of all envs together. metrics: scalar losses and rates by name ("losses/actor", "policy/kl" ...).
    collect_time, update_time: seconds; the env measures its own share of the first. warnings: what the user should
    know, a message by a key that stays the same while the numbers in the message change.
    """

    env_steps: int
    metrics: Mapping[str, float]
    collect_time: float
    update_time: float
    warnings: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Trial:
    """A short iteration that shows how long the long ones of a training will take, for choices by the clock.

    train: the `train` section with which it is short. num_envs: in how many envs. updates: how many times its update
    counts for each time that its collecting does. shape: all that its duration depends on but the env's sizes, plain
    values.
    """

    train: Mapping[str, Any]
    num_envs: int
    updates: float
    shape: Mapping[str, Any]


@dataclass(frozen=True)
class Fit:
    """How other weights fitted a learner: layers that were taken, that stay as they were, that found no place."""

    loaded: tuple[str, ...]
    missing: tuple[str, ...]
    unused: tuple[str, ...]


class Learner(ABC):
    """An algorithm that improves a policy by acting in an env.

    groups: the observation groups that it looks at; envs compute no others. complete: whether the last `load` found all
    that learning depends on; a replay buffer may not have been saved. memory: what its policy remembers, nothing as a
    rule.
    """

    spec: EnvSpec
    groups: tuple[str, ...] = ("policy", "critic")
    complete: bool = True
    memory: Memory = {}

    def __init__(self, train: Mapping[str, Any], spec: EnvSpec, *, seed: int) -> None:
        """Build it for `spec` from the `train` section, checked; raises LearnerError where they do not fit."""
        self.spec = spec

    @classmethod
    def trial(cls, train: Mapping[str, Any], spec: EnvSpec) -> Trial | None:
        """A short iteration with these settings, for choices by the clock; None: it takes the simplest, one thread."""
        return None

    def forget(self) -> None:
        """New episodes have begun in all envs of `iterate` since it was last called, or since what was loaded."""

    @abstractmethod
    def iterate(self, env: VecEnv) -> Iteration:
        """Collect experience once and learn from it; raises LearnerError on a non-finite loss."""

    @abstractmethod
    def policy(self, *, stochastic: bool = False) -> Policy:
        """The current policy; it follows later `load` calls.

        stochastic: explore as in training, with noise from a generator of its own, in place of the best action known.
        """

    def network(self) -> nn.Module:
        """The deterministic policy as one module: raw policy observations `[N, size]` to actions `[N, num_actions]`.

        Of images it takes what `EnvSpec.numbers` gives. A copy on the CPU in float32 that later learning leaves alone;
        normalisation and the clamp to [-1, 1] are in it, and it can be traced. With `memory` it takes its tensors
        `[layers, N, units]` behind the observations, and gives what they become behind the actions. Raises LearnerError
        where a learner has none.
        """
        raise LearnerError(f"{type(self).__name__} has no network that could be exported")

    def describe(self) -> list[str]:
        """Sizes of networks, batches and buffers, a line each, for whoever looks closely."""
        return []

    def imitate(self, teacher: Act, digest: str) -> None:
        """Learn from this policy, as of the run that `LearnerFacts.teacher` names; before a training's first iteration.

        teacher: its "policy" is what the env shows as the group "teacher". digest: what tells it from others. Raises
        LearnerError where a learner has no use for one.
        """
        raise LearnerError(f"{type(self).__name__} learns from no teacher")

    @abstractmethod
    def state(self, *, experience: bool = True) -> dict[str, Any]:
        """Networks, optimisers, schedules, normalisers, counters: tensors and plain values only.

        experience: whether to put in what was collected and is still learned from, where a learner keeps that.
        """

    @abstractmethod
    def load(self, state: Mapping[str, Any], *, policy_only: bool = False) -> None:
        """Continue from `state()`; `policy_only` takes what acting needs. Raises LearnerError when it does not fit."""

    def policy_state(self) -> dict[str, Any]:
        """As much of `state()` as `load` takes with `policy_only`; all of it where a learner does not say."""
        return self.state(experience=False)

    def initialize(self, weights: Mapping[str, Tensor]) -> Fit:
        """Begin from other weights, matched by name and shape; what found no match stays as it was.

        weights: `[...]`, a layer's weights `[outputs, inputs]`, by dotted name.
        Raises LearnerError where nothing fits, or where the learner cannot do it at all.
        """
        raise LearnerError(f"{type(self).__name__} cannot start from other weights")
