"""The seam of a task: a scene, and terms written as small methods over batched state.

A term is a method with a decorator; its name is the key in the configuration and the name of the metric:

    @observation(3)
    def box_pos(self) -> Tensor: ...        # [N, 3], listed in task.observations

    @reward
    def object_height(self) -> Tensor: ...  # [N], weighted by task.rewardWeights.object_height

    @success / @failure
    def box_too_far(self) -> Tensor: ...    # [N] bool, switched by task.termination.failure.box_too_far
"""

from __future__ import annotations

import difflib
from abc import ABC, abstractmethod
from typing import Any, Callable, Iterable, Mapping, Optional, Sequence, Tuple, TypeVar

import torch
from torch import Tensor

from rlkit.sims.api import ResetState, SceneSpec, Simulator

Term = Callable[[], Tensor]
MirrorImage = Tuple[Sequence[int], Sequence[float]]
"""For every number of a vector: where its mirror image is read from, and the sign it gets."""
_Method = TypeVar("_Method", bound=Callable[[Any], Tensor])


class TaskError(ValueError):
    """The task's configuration names something the task does not have; the message says what it has."""


def observation(size: int) -> Callable[[_Method], _Method]:
    """Mark a method as an observation term of `size` numbers: `[N, size]` float32."""

    def mark(method: _Method) -> _Method:
        method._rlkit_term = ("observation", size)  # type: ignore[attr-defined]
        return method

    return mark


def reward(method: _Method) -> _Method:
    """Mark a method as a reward term: `[N]` float32, a pure function of the state, unweighted."""
    method._rlkit_term = ("reward", 1)  # type: ignore[attr-defined]
    return method


def success(method: _Method) -> _Method:
    """Mark a method as a success criterion: `[N]` bool, ends the episode as solved."""
    method._rlkit_term = ("success", 1)  # type: ignore[attr-defined]
    return method


def failure(method: _Method) -> _Method:
    """Mark a method as a failure criterion: `[N]` bool, ends the episode as failed."""
    method._rlkit_term = ("failure", 1)  # type: ignore[attr-defined]
    return method


class Task(ABC):
    """What there is to do: scene, actions, observations, rewards, endings and resets, for N envs at once.

    The env calls, each control step: `controls(actions)` → physics → `refresh()` → `advance()` → criteria and rewards
    → `remember()` → `reset(ids)` for the envs that ended → `refresh()` again → observations. Terms read the
    simulator's fresh state and what `refresh` derived from it, never anything older, except memory that the task
    names as such.
    """

    name: str
    action_names: tuple[str, ...]
    success_ends = True
    """False where success is decided in the last step that there is: the task would have gone on, so the learner
    bootstraps from there as from any time-out."""

    def __init__(self, config: Mapping[str, Any], sim: Simulator, generator: torch.Generator) -> None:
        """config: the `task` section. generator: the only source of randomness, on `sim.device`.

        Raises TaskError when the configuration names an unknown term.
        """
        self.config = config
        self.sim = sim
        self.generator = generator
        self.num_envs = sim.num_envs
        self.device = sim.device
        self.control_period = float(config["controlPeriod"])  # s
        self.max_episode_length = int(config["episodeLength"])  # control steps
        self.episode_step = torch.zeros(sim.num_envs, dtype=torch.int64, device=sim.device)  # set by the env
        self.level = 1.0  # set by the env: task.randomization.curriculum, for a task that makes itself harder
        self.observation_terms = self._chosen("observation", config["observations"], "task.observations")
        weights = {k: float(v) for k, v in config["rewardWeights"].items()}
        self._chosen("reward", weights, "task.rewardWeights")
        self.reward_weights = {name: weight for name, weight in weights.items() if weight != 0.0}
        self.reward_terms = self._chosen("reward", self.reward_weights, "task.rewardWeights")
        ends = config["termination"]
        self.success_terms = self._switched("success", ends["success"])
        self.failure_terms = self._switched("failure", ends["failure"])

    # The scene and what drives it.

    @classmethod
    @abstractmethod
    def scene(cls, config: Mapping[str, Any]) -> SceneSpec:
        """The model and the names this task needs, from the `task` section alone."""

    @abstractmethod
    def controls(self, actions: Tensor) -> Tensor:
        """Actuator commands `[N, actuators]` for this control step from actions `[N, action_names]` in [-1, 1]."""

    @abstractmethod
    def refresh(self) -> None:
        """Derive from the simulator's fresh state what several terms share."""

    def advance(self) -> None:
        """Run timers by one control period: after `refresh`, before criteria and rewards."""

    def remember(self) -> None:
        """Keep what the next step compares with: after criteria and rewards."""

    @abstractmethod
    def reset(self, env_ids: Tensor) -> ResetState:
        """Draw the first state of new episodes for `env_ids` `[k]` and clear the task's memory of these envs."""

    # Exact resume.

    def memory(self) -> dict[str, Tensor]:
        """The tensors `[N, ...]` that span steps, by name: saved and restored for an exact resume."""
        return {}

    # Symmetry.

    def mirror(self) -> Optional[Mapping[str, MirrorImage]]:
        """The task's left-right symmetry: the mirror image of every chosen observation term, by its name, and of
        the "actions". None where the task has no such symmetry.
        """
        return None

    # Outside the simulator.

    def deployment(self) -> Mapping[str, Any]:
        """How to carry out an action on a robot, as JSON can hold it; goes with an exported policy.

        "units" maps joints to "m" or "rad"; all else is the task's own.
        """
        return {}

    # The terms, found by their decorators.

    @classmethod
    def terms(cls, kind: str) -> dict[str, int]:
        """Names and sizes of the terms of one kind: observation, reward, success or failure."""
        found = {}
        for name in dir(cls):
            marked = getattr(getattr(cls, name), "_rlkit_term", None)
            if marked is not None and marked[0] == kind:
                found[name] = marked[1]
        return found

    def _chosen(self, kind: str, names: Iterable[str], where: str) -> dict[str, Term]:
        known = self.terms(kind)
        unknown = [name for name in names if name not in known]
        if unknown:
            near = difflib.get_close_matches(unknown[0], known, 1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise TaskError(
                f"{where}: {type(self).__name__} has no {kind} term {unknown[0]!r}{hint}"
                f" It has: {', '.join(sorted(known))}"
            )
        return {name: getattr(self, name) for name in names}

    def _switched(self, kind: str, switches: Mapping[str, bool]) -> dict[str, Term]:
        terms = self._chosen(kind, switches, f"task.termination.{kind}")
        return {name: term for name, term in terms.items() if switches[name]}

    # Small helpers for subclasses.

    def uniform(self, low: float, high: float, *shape: int) -> Tensor:
        """Uniform numbers in [low, high) from the task's own generator."""
        draw = torch.rand(shape, generator=self.generator, device=self.device)
        return low + (high - low) * draw
