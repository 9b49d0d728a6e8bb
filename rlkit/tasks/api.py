"""The seam of a task: a scene, and terms written as small methods over batched state.

A term is a method with a decorator; its name is the key in the configuration and the name of the metric:

    @observation(3)
    def box_pos(self) -> Tensor: ...        # [N, 3], listed in task.observations

    @reward
    def object_height(self) -> Tensor: ...  # [N], weighted by task.rewardWeights.object_height

    @metric
    @unit("m")
    def tracking_error(self) -> Tensor: ... # [N], its mean over an episode goes to metric/tracking_error

    @success / @failure
    def box_too_far(self) -> Tensor: ...    # [N] bool, switched by task.termination.failure.box_too_far

    @fact("m")
    def drop(self) -> Tensor: ...           # [N], of a whole episode: evaluations and tests tell eval/drop
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Callable, Iterable, Mapping, Sequence, Tuple

import torch
from torch import Tensor

from rlkit.errors import RlkitError
from rlkit.nearest import did_you_mean
from rlkit.sims.api import ResetState, SceneSpec, Simulator
from rlkit.tasks.motion.showing import Chosen as Chosen
from rlkit.tasks.motion.showing import Showing
from rlkit.tasks.terms import Fact as Fact
from rlkit.tasks.terms import fact as fact
from rlkit.tasks.terms import failure as failure
from rlkit.tasks.terms import metric as metric
from rlkit.tasks.terms import observation as observation
from rlkit.tasks.terms import reward as reward
from rlkit.tasks.terms import success as success
from rlkit.tasks.terms import unit as unit

Term = Callable[[], Tensor]
MirrorImage = Tuple[Sequence[int], Sequence[float]]
"""For every number of a vector: where its mirror image is read from, and the sign it gets."""


class TaskError(RlkitError):
    """The task's configuration names something the task does not have; the message says what it has."""


class Task(ABC):
    """What there is to do: scene, actions, observations, rewards, endings and resets, for N envs at once.

    Orientations are (w, x, y, z) or rows of rotation matrices, body to world where nothing else is said.

    The env calls, each control step: `controls(actions)` → physics → `refresh()` → `advance()` → criteria and rewards
    → `remember()` → `begin(ids)` for the envs that ended → `refresh()` again → observations. Terms read the
    simulator's fresh state and what `refresh` derived from it, never anything older, except memory that the task
    names as such.
    """

    action_names: tuple[str, ...]
    success_ends = True
    """False where success is decided in the last step that there is: the task would have gone on, so the learner
    bootstraps from there as from any time-out."""
    scenarios: tuple[str, ...] = ()
    """Names of the episodes that can be had to order: evaluations and tests play each of them once. `reset` begins
    `self.scenario[env_ids]` where that is not -1, from its start and without noise."""
    scenario_noun = "scenario"
    """What one of them is called in tables, files and messages, as "clip" in clips.csv."""

    held_latents = 0
    """Numbers of a latent that `hold_latent` takes; 0 for a task that draws none."""
    showing: Showing | None = None
    """What the settings show of targets of which `show_targets` hides some; None for a task that hides none."""

    def __init__(self, config: Mapping[str, Any], sim: Simulator, generator: torch.Generator) -> None:
        """config: the `task` section. generator: the only source of randomness, on `sim.device`.

        Raises TaskError when the configuration names an unknown term.
        """
        self.config = config
        self.name = str(config["name"])  # as it was asked for: a class may serve several tasks
        self.sim = sim
        self.generator = generator
        self.num_envs = sim.num_envs
        self.device = sim.device
        self.control_period = float(config["controlPeriod"])  # s
        self.max_episode_length = int(config["episodeLength"])  # control steps
        self.episode_step = torch.zeros(sim.num_envs, dtype=torch.int64, device=sim.device)  # set by the env
        self.head_start = torch.zeros_like(self.episode_step)  # of it made up by the env, see `steps_played`
        self.scenario = torch.full_like(self.episode_step, -1)  # set by the env: into `scenarios`, -1 is free
        self.level = 1.0  # set by the env: task.randomization.curriculum, for a task that makes itself harder
        self.learning = (
            False  # set by the env: whether it is a training's, in which a task's own curriculum runs
        )
        self.tells_facts = True  # set by the env: whether anybody asks for the facts; nobody does in training
        self._buffers: dict[str, tuple[Tensor, float]] = {}  # by name, with what they hold at first
        self.observation_terms = self._chosen(
            "observation", map(self.current_name, config["observations"]), "task.observations"
        )
        groups = {
            name: self._chosen("observation", map(self.current_name, terms), f"task.groups.{name}")
            for name, terms in (config.get("groups") or {}).items()
        }
        if "policy" in groups:
            raise TaskError("task.groups.policy: what the policy sees is task.observations")
        self.group_terms: dict[str, dict[str, Term]] = groups  # of the observation groups beside the policy's
        weights = {k: float(v) for k, v in config["rewardWeights"].items()}
        self._chosen("reward", weights, "task.rewardWeights")
        self.reward_weights = {name: weight for name, weight in weights.items() if weight != 0.0}
        self.reward_terms = self._chosen("reward", self.reward_weights, "task.rewardWeights")
        self.metric_terms: dict[str, Term] = {name: getattr(self, name) for name in self.terms("metric")}
        self.fact_terms: dict[str, Term] = {name: getattr(self, name) for name in self.facts()}
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

    def ending(self, failed: Tensor, ended: Tensor) -> None:
        """Learn from how episodes end: which fail in this step and which end in it, `[N]` bool; after `remember`."""

    @abstractmethod
    def reset(self, env_ids: Tensor) -> ResetState:
        """Draw the first state of new episodes for `env_ids` `[k]`, whose buffers hold their first value again."""

    def free_body_state(self, env_ids: Tensor) -> tuple[Tensor, Tensor]:
        """First pose and velocity of the scene's `free_bodies`, as in `ResetState`; none here.

        `[k, free_bodies, 7]` m and wxyz, body to world, `[k, free_bodies, 6]` m/s and rad/s, world frame.
        For robots whose `reset` asks for it, so that a task says what lies about and no more.
        """
        k = len(env_ids)
        return torch.zeros(k, 0, 7, device=self.device), torch.zeros(k, 0, 6, device=self.device)

    # What spans steps: cleared where episodes begin, saved and restored for an exact resume.

    def buffer(self, name: str, *shape: int, first: float = 0.0) -> Tensor:
        """A new tensor `[N, *shape]` that spans steps; `first` in every new episode, bool where that is."""
        tensor = torch.full((self.num_envs, *shape), first, device=self.device)
        self._buffers[name] = (tensor, first)
        return tensor

    def begin(self, env_ids: Tensor, scenarios: Tensor | None = None) -> ResetState:
        """The first state of new episodes for `env_ids` `[k]`, of which the task remembers nothing older.

        scenarios: `[k]` int64 into `scenarios`, -1 for any; None for any in all of them.
        """
        self.episode_step[env_ids] = 0
        if self.scenarios:
            self.scenario[env_ids] = -1 if scenarios is None else scenarios
        for tensor, first in self._buffers.values():
            tensor[env_ids] = first
        return self.reset(env_ids)

    def memory(self) -> dict[str, Tensor]:
        """The tensors `[N, ...]` that span steps, by name."""
        return {name: tensor for name, (tensor, _) in self._buffers.items()}

    @property
    def steps_played(self) -> Tensor:
        """Control steps of the running episodes so far, `[N]` int64: what means over an episode are divided by.

        Not `episode_step`, which begins at a made-up age in the first episodes of a training, so that envs do not all
        time out together.
        """
        return self.episode_step - self.head_start

    def out_of_time(self) -> Tensor:
        """Which episodes are over though the task would go on, `[N]` bool: here those that are as long as they may be.

        The learner bootstraps from there.
        """
        return self.episode_step >= self.max_episode_length

    def playing(self, env: int) -> str:
        """What the running episode of one env is called, for those who watch: its scenario's name, else nothing."""
        scenario = int(self.scenario[env])
        return self.scenarios[scenario] if scenario >= 0 else ""

    def demonstrations(self, count: int) -> dict[str, Tensor]:
        """Observation terms `[count, size]` as they are at moments of the task's motions, drawn anew; none here."""
        return {}

    # What evaluations find, and what they teach.

    def episode_facts(self) -> dict[str, Tensor]:
        """The numbers `[N]` of the episodes that end in this step, by the names of their methods (`@fact`)."""
        return {name: term() for name, term in self.fact_terms.items()}

    @classmethod
    def facts(cls) -> dict[str, Fact]:
        """What is known of these numbers, by name, in the order of the source: tables go by the first of them."""
        marked = cls.terms("fact")
        names = dict.fromkeys(name for base in reversed(cls.__mro__) for name in vars(base) if name in marked)
        return {name: getattr(cls, name)._rlkit_fact for name in names}

    @classmethod
    def metric_units(cls) -> dict[str, str]:
        """In what its metrics are told, by their names; of those alone that say it (`@unit`)."""
        found = {name: getattr(getattr(cls, name), "_rlkit_unit", "") for name in cls.terms("metric")}
        return {name: told for name, told in found.items() if told}

    def told_facts(self) -> dict[str, Fact]:
        """What is known of each of `fact_terms`; for a task that tells more of them than it has methods."""
        return {name: told for name, told in self.facts().items() if name in self.fact_terms}

    def success_words(self) -> str:
        """What counts as success, with thresholds and units, for the head of a table; the criteria, if not told."""
        return ", ".join(self.success_terms)

    def variants(self) -> dict[str, Tensor]:
        """Which of several variants of the task the running episodes are, `[N]` bool by name; none here.

        Tests tell of each how it went.
        """
        return {}

    def evaluated(self, success: Tensor, facts: Mapping[str, Tensor]) -> None:
        """Learn what an evaluation found of each scenario, as which of them to begin more often; nothing here.

        success: `[scenarios]` bool. facts: `[scenarios]` float32 by name. Called in training's envs on all ranks.
        """

    def shared_state(self) -> dict[str, Tensor]:
        """The tensors that span steps and are not one row an env, `[...]` by name; none here.

        They are the task's own, not copies: `load_shared_state` writes into them. In every checkpoint; a resume with
        another number of envs keeps them.
        """
        return {}

    def load_shared_state(self, state: Mapping[str, Tensor]) -> None:
        """Continue from `shared_state()`, `[...]` by name; raises TaskError, changing nothing, where shapes differ."""
        ours = self.shared_state()
        for name in sorted(ours.keys() | state.keys()):
            shapes = [tuple(of[name].shape) if name in of else "absent" for of in (state, ours)]
            if shapes[0] != shapes[1]:
                raise TaskError(f"the saved {name} of task {self.name} is {shapes[0]}, here {shapes[1]}")
        for name, tensor in ours.items():
            tensor.copy_(state[name])

    # Symmetry.

    def mirror(self) -> Mapping[str, MirrorImage] | None:
        """The task's left-right symmetry: the mirror image of every chosen observation term, by its name, and of
        the "actions". None where the task has no such symmetry.
        """
        return None

    # What is seen beside the robot.

    def ghost(self, env_ids: Tensor) -> Mapping[str, Tensor] | None:
        """Where the task wants things to be now, in the envs `env_ids` `[k]`; None, here, without a reference.

        By name: of joints `[k]` rad or m, of bodies on a free joint `[k, 7]` m and wxyz, body to world, world frame.
        All else is where it is. Asked after `refresh`, of envs that are watched; the names are always the same.
        """
        return None

    def hold_latent(self, env: int, latent: Sequence[float]) -> None:
        """See `VecEnv.hold_latent`; raises TaskError, here, for a task that draws none."""
        raise TaskError(f"task {self.name} has no latents")

    def show_targets(self, env: int, chosen: Chosen) -> None:
        """See `VecEnv.show_targets`; raises TaskError, here, for a task that hides none."""
        raise TaskError(f"task {self.name} hides no targets")

    # Outside the simulator.

    def deployment(self) -> Mapping[str, Any]:
        """How to carry out an action on a robot, as JSON can hold it; goes with an exported policy.

        "units" maps joints to "m" or "rad"; all else is the task's own.
        """
        return {}

    def drive_as(self, control: Mapping[str, Any]) -> None:
        """Carry out actions as another task's `deployment` says from now on: its policy drives the robot.

        Raises TaskError, here, where a task cannot.
        """
        raise TaskError(f"task {self.name} cannot be driven by the policy of another task")

    def deployment_files(self) -> Mapping[str, bytes]:
        """The files that `deployment` speaks of, by name: they are written beside an exported policy."""
        return {}

    # The terms, found by their decorators.

    @classmethod
    def terms(cls, kind: str) -> dict[str, int | str]:
        """Names and sizes, as declared, of the terms of one kind: observation, reward, metric, fact, success
        or failure."""
        return {name: size for name, (of, size, _) in cls._marks() if of == kind}

    def observation_sizes(self) -> dict[str, int]:
        """Every observation term, and how many numbers it has in this task.

        Raises TaskError where a term names an attribute for its size that the task has not.
        """
        sizes = self.terms("observation")
        for name, size in sizes.items():
            if isinstance(size, str) and not hasattr(self, size):
                raise TaskError(
                    f"observation term {name}: its size is self.{size}, which {type(self).__name__} has not set"
                )
        return {name: getattr(self, size) if isinstance(size, str) else size for name, size in sizes.items()}

    @classmethod
    def current_name(cls, observation: str) -> str:
        """The name of an observation term that a configuration may call by its alias."""
        names = {alias: name for name, (_, _, alias) in cls._marks()}
        names.update((name, name) for name in cls.terms("observation"))
        return names.get(observation, observation)

    @classmethod
    def _marks(cls) -> list[tuple[str, tuple[str, int | str, str | None]]]:
        marks = ((name, getattr(getattr(cls, name), "_rlkit_term", None)) for name in dir(cls))
        return [(name, mark) for name, mark in marks if mark is not None]

    def _chosen(self, kind: str, names: Iterable[str], where: str) -> dict[str, Term]:
        known, names = self.terms(kind), list(names)
        unknown = [name for name in names if name not in known]
        if unknown:
            raise TaskError(
                f"{where}: {type(self).__name__} has no {kind} term {unknown[0]!r}{did_you_mean(unknown[0], known)}"
                f" It has: {', '.join(sorted(known))}"
            )
        return {name: getattr(self, name) for name in names}

    def _switched(self, kind: str, switches: Mapping[str, bool]) -> dict[str, Term]:
        terms = self._chosen(kind, switches, f"task.termination.{kind}")
        return {name: term for name, term in terms.items() if switches[name]}

    # Small helpers for subclasses.

    def uniform(self, low: float, high: float, *shape: int) -> Tensor:
        """Uniform numbers `[*shape]` in [low, high) from the task's own generator."""
        draw = torch.rand(shape, generator=self.generator, device=self.device)
        return low + (high - low) * draw

    def one_of(self, upto: Tensor, count: int) -> Tensor:
        """Numbers `[count]` int64, drawn with the task's own generator by `upto`, see `chances_upto`."""
        draw = torch.rand(count, generator=self.generator, device=self.device, dtype=upto.dtype)
        return torch.searchsorted(upto, draw, right=True)


def chances_upto(weights: Tensor) -> Tensor:
    """How likely one of those up to each is, `[C]` float64 that ends with 1, by weights `[C]`.

    torch.multinomial adds them up in each draw, which on CUDA cannot be done deterministically.
    """
    sums = weights.cpu().double().cumsum(0)
    return (sums / sums[-1]).to(weights.device)


class HoldTimer:
    """For how long something has held in each env without a break; new episodes begin at 0.

    time: `[N, *shape]` s, kept in the task's memory under `name`.
    """

    def __init__(self, task: Task, name: str, *shape: int) -> None:
        self.time = task.buffer(name, *shape)
        self._period = task.control_period

    def run(self, holds: Tensor) -> None:
        """One control period more where `holds` (`[N, *shape]` bool), elsewhere 0; called in `Task.advance`."""
        self.time += self._period
        self.time *= holds

    def reached(self, duration: float) -> Tensor:
        """`[N, *shape]` bool: it has held for `duration` (s), which a sum of periods may miss by a rounding error."""
        return self.time >= duration - 0.5 * self._period
