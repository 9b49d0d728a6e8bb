"""The seam between a learner and its environment: shapes, names and the order of events in a step."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Dict, Mapping, NamedTuple, Sequence

from rlkit.errors import RlkitError

if TYPE_CHECKING:  # requests are checked against environments before torch is imported
    import torch
    from torch import Tensor

    from rlkit.env.images import Image
    from rlkit.env.randomization.curriculum import Curriculum
    from rlkit.tasks.api import Chosen, Fact, MirrorImage, Showing

Observations = Dict[str, "Tensor"]
"""Observation groups: "policy" `[N, spec.obs_sizes["policy"]]`, "critic" and others of `task.groups`, float32. Without
privileged observations "policy" and "critic" hold the same tensor. With `spec.images` the policy's is uint8."""


FLOAT = 4  # bytes of a float32


class EnvError(RlkitError):
    """The environment produced something it must not: the message names the term, the envs and the value."""

    def __init__(self, message: str, details: str = "") -> None:
        super().__init__(message)
        self.details = details


@dataclass(frozen=True)
class Mirror:
    """A symmetry of a task: mirrored observations want mirrored actions, and earn the same.

    `mirrored = vector[..., source] * sign`. observations: by group ("policy", "critic", others).
    """

    observations: Mapping[str, MirrorImage]
    actions: MirrorImage


@dataclass(frozen=True)
class EnvSpec:
    """What a learner must know before it builds its networks.

    obs_sizes: numbers in each observation group. observation_terms: the terms that make up a group, in order, with
    their sizes. control_period: seconds of one env-step. max_episode_length: env-steps. Actions lie in [-1, 1].
    mirror: the symmetry that the task declares, if it has one. tasks: of a run in which each episode plays one of
    several; where given, the last len(tasks) numbers of both observation groups are the one-hot of the task that the
    running episode plays. noisy: the policy sees with noise what the critic sees as it is, whatever their sizes.
    metrics: the task's own numbers of each step; metric_units: of those that have one. scenarios: names of the episodes
    that `begin_scenarios` takes by index; scenario_noun: what one of them is called.
    frames: how many of its latest values a term of the policy's observation holds, the oldest first, where envs stack
    them. facts: of the numbers in `StepInfo.facts`. success_words: what counts as success, with thresholds and units.
    images: the terms of the policy's observation that are images, by name. Where there are any, its rows are bytes:
    those of float32 numbers in front, then those of the images, and all sizes count bytes; `numbers` reads them.
    """

    task: str
    num_envs: int
    device: torch.device
    obs_sizes: Mapping[str, int]
    num_actions: int
    action_names: tuple[str, ...]
    max_episode_length: int
    control_period: float
    observation_terms: Mapping[str, tuple[tuple[str, int], ...]] = field(default_factory=dict)
    reward_terms: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()
    metric_units: Mapping[str, str] = field(default_factory=dict)
    success_criteria: tuple[str, ...] = ()
    failure_criteria: tuple[str, ...] = ()
    mirror: Mirror | None = None
    tasks: tuple[str, ...] = ()
    noisy: bool = False
    frames: Mapping[str, int] = field(default_factory=dict)
    scenarios: tuple[str, ...] = ()
    scenario_noun: str = "scenario"
    facts: Mapping[str, Fact] = field(default_factory=dict)
    success_words: str = ""
    images: Mapping[str, Image] = field(default_factory=dict)

    @property
    def vector_bytes(self) -> int:
        """Bytes in front of the images in a row of the policy's observation; 0 where there are none."""
        terms = self.observation_terms.get("policy", ())
        return sum(size for name, size in terms if name not in self.images) if self.images else 0

    @property
    def number_terms(self) -> tuple[tuple[str, int], ...]:
        """The terms of the policy's observation with the numbers in each, as `numbers` gives them."""
        terms = self.observation_terms.get("policy", ())
        return tuple(
            (name, size if name in self.images or not self.images else size // FLOAT) for name, size in terms
        )

    def of_bytes(self, group: str) -> bool:
        """Whether the rows of an observation group are bytes."""
        return bool(self.images) and (group == "policy" or (group == "critic" and not self.asymmetric))

    def numbers(self, rows: Tensor) -> Tensor:
        """What rows `[..., bytes]` of the policy's observation say: `[..., numbers]` float32, pixels from 0 to 255.

        Rows of images alone stay uint8, and rows of float32 are numbers already.
        """
        return read_numbers(rows, self.vector_bytes)

    @property
    def asymmetric(self) -> bool:
        """Whether the critic sees more than the policy, or more exactly."""
        terms, sizes = self.observation_terms, self.obs_sizes
        return self.noisy or sizes["critic"] != sizes["policy"] or terms.get("critic") != terms.get("policy")


def read_numbers(rows: Tensor, vector_bytes: int) -> Tensor:
    """See `EnvSpec.numbers`."""
    import torch  # not at the top: requests are checked against environments before it is imported

    if not vector_bytes or rows.dtype != torch.uint8:
        return rows
    vector = rows[..., :vector_bytes].clone(memory_format=torch.contiguous_format).view(torch.float32)
    return torch.cat((vector, rows[..., vector_bytes:].float()), dim=-1)


@dataclass(frozen=True)
class Watched:
    """The watched envs (k of them) at the end of a step, before any of them is reset; numpy arrays.

    state: `time` [k] s, `qpos` [k, nq], `qvel` [k, nv], `act` [k, na], empty where the engine shows no state; with a
    task that has a reference also `ghost` [k, nq], where it is. ctrl: `[k, actuators]`, the commands that were given,
    in the order of `VecEnv.actuators`. terms: `[k, reward terms]`, weighted. metrics: `[k, spec.metrics]`. pushes:
    forces `[k, 3]` N, world, by body, that the env itself let act.
    """

    state: Mapping[str, Any]
    ctrl: Any
    terms: Any
    metrics: Any
    pushes: Mapping[str, Any] = field(default_factory=dict)


@dataclass
class StepInfo:
    """What a step tells beyond observation, reward and flags.

    final_obs: the true last observation of the envs that ended in this step (other rows: the current one).
    success: `[N]` bool, the episode that ended in this step met a success criterion of the task; in its last possible
    step that is a time-out too.
    reached: `[N]` bool by "success/<criterion>" and "failure/<criterion>", true where it held in this step; where envs
    play several tasks also by "task/<name>", true where the step was one of it.
    episodes: sums over the episodes that ended in this step, empty when none did: "count", "return", "length",
    "success", "reward/<term>", "metric/<name>" (of its means over the steps), "success/<criterion>",
    "failure/<criterion>", "timeout", and where envs play several tasks the first of these again for each, as
    "task/<name>/count"; 0-dim tensors, no sync.
    watched: of the envs that `VecEnv.watch` names, None while it names none.
    facts: the task's own numbers `[N]` float32 of the episodes that ended in this step, by name; empty when none did,
    and in training.
    """

    final_obs: Observations
    success: Tensor
    reached: dict[str, Tensor] = field(default_factory=dict)
    episodes: dict[str, Tensor] = field(default_factory=dict)
    watched: Watched | None = None
    facts: dict[str, Tensor] = field(default_factory=dict)


class Step(NamedTuple):
    """What `VecEnv.step` returns; it unpacks in this order.

    reward: `[N]` float32. terminated, truncated: `[N]` bool, never both; a truncated step wants its value
    bootstrapped from `info.final_obs`.
    """

    obs: Observations
    reward: Tensor
    terminated: Tensor
    truncated: Tensor
    info: StepInfo

    @property
    def ended(self) -> Tensor:
        """`[N]` bool: the envs whose episode ended in this step."""
        return self.terminated | self.truncated


class VecEnv(ABC):
    """N environments stepped together; see `rlkit.env.task_env.TaskEnv.step` for the order inside a step.

    physics_time: seconds spent in physics since it was last set to zero. resumable: whether `state()` holds what is
    needed to go on with the episodes; where it does not, a resumed training begins new ones. mjcf: the model as MJCF
    text where states can be shown with it. actuators: what the commands of `Watched.ctrl` drive. contact_room: contact
    points that there is room for in each, 0 where there is no limit or none is known. curriculum: of a training that
    has one; `reset` begins at its level. unstable_hint: what to do where most episodes end as `failure/unstable`.
    latent_size: numbers of the latent that tells the policy which skill to show, 0 where there is none. showing: what
    its settings show of targets that may be hidden; None where there are none.
    """

    spec: EnvSpec
    physics_time: float = 0.0
    resumable: bool = True
    mjcf: str | None = None
    actuators: tuple[str, ...] = ()
    contact_room: int = 0
    curriculum: Curriculum | None = None
    unstable_hint: str = ""
    latent_size: int = 0
    showing: Showing | None = None

    @abstractmethod
    def reset(self) -> Observations:
        """Start a new episode everywhere and return its first observation, `[N, size]` a group."""

    @abstractmethod
    def step(self, actions: Tensor) -> Step:
        """Advance one control period.

        actions: `[N, num_actions]`, clamped to [-1, 1] here. Envs that end are reset in the same step: `obs` is then
        the new episode's first observation and `info.final_obs` the old one's last.
        """

    @abstractmethod
    def observe(self) -> Observations:
        """The current observation, `[N, size]` a group, as the last `reset` or `step` returned it."""

    def ask(self, groups: Sequence[str]) -> None:
        """Let observations hold these groups, and the policy's, from the next `reset`, `step` or `load_state` on.

        Without a word they hold the policy's and the critic's. What nobody asked for is not computed where that costs
        something. Raises EnvError for a group that there is not.
        """
        missing = [group for group in groups if group not in self.spec.obs_sizes]
        if missing:
            raise EnvError(
                f"{self.spec.task} has no observations {missing[0]!r}; it has {', '.join(self.spec.obs_sizes)}"
            )

    @abstractmethod
    def state(self) -> dict[str, Any]:
        """Everything needed to continue bit-exactly."""

    @abstractmethod
    def load_state(self, state: Mapping[str, Any]) -> None:
        """Continue from `state()`."""

    def demonstrations(self, group: str, count: int) -> Tensor:
        """What a group shows of the motions to be learnt from, `[count, size]`, drawn anew.

        The draws are part of `state()`. Raises EnvError where there are no such motions.
        """
        raise EnvError(f"task {self.spec.task} has no motions to be learnt from")

    def begin_scenarios(self, scenarios: Tensor) -> Observations:
        """As `reset`, each env with an episode to order and nothing randomised until the next `reset`.

        scenarios: `[N]` int64 into `spec.scenarios`; -1, and whatever begins after it: any. Raises EnvError where
        there are none.
        """
        raise EnvError(f"task {self.spec.task} has no scenarios")

    def learn_from(self, success: Tensor, facts: Mapping[str, Tensor]) -> None:
        """What an evaluation found of each scenario, `[scenarios]` bool and float32 by name; see `Task.evaluated`."""

    def shared_state(self) -> dict[str, Tensor]:
        """What the task saves beside `state()`, `[...]` by name: it survives another number of envs."""
        return {}

    def load_shared_state(self, state: Mapping[str, Tensor]) -> None:
        """Continue from `shared_state()`, `[...]` by name; raises an RlkitError where it does not fit."""

    def stagger(self) -> None:
        """Spread the episodes' ages, so that envs do not all time out in the same step; called after a reset."""

    def rewind(self) -> bool:
        """Let the next `reset` draw what the very first one drew; False where only new envs can."""
        return False

    def reseed(self, seed: int) -> None:
        """Let the next `reset` begin episodes that follow from this seed alone; an EnvError where none can be given.

        What is drawn once for an env, not for an episode, stays as it was.
        """
        raise EnvError(f"{type(self).__name__} takes a seed only where it is made")

    def deployment(self) -> Mapping[str, Any]:
        """How a robot carries out an action, see `Task.deployment`; empty where nothing is known of it."""
        return {}

    def metrics(self) -> dict[str, float]:
        """What the env has to tell of itself, once an iteration, by metric name; see docs/metrics.md."""
        return {}

    def snapshot(self) -> dict[str, Tensor]:
        """Raw simulator state of all envs `[N, ...]` by name, for a look after a failure; empty where there is none."""
        return {}

    def watch(self, envs: Sequence[int]) -> None:
        """From the next step on `StepInfo.watched` shows these envs; with none of them it is None again."""
        raise EnvError(f"{type(self).__name__} shows nothing of its envs")

    def poses(self, envs: Sequence[int]) -> dict[str, Any]:
        """The present state of a few envs, as in `Watched.state`."""
        return {}

    def model_of(self, env: int) -> str | None:
        """The model that one env's running episode is of: `mjcf`, where envs do not differ."""
        return self.mjcf

    def playing(self, env: int) -> str:
        """What the running episode of one env is called, see `Task.playing`; empty where it has no name."""
        return ""

    def episode_start(self, env: int) -> dict[str, Any]:
        """What repeats the running episode of one env exactly, as numpy arrays; called before its first step."""
        return {}

    def push(self, env: int, body: str, force: Sequence[float]) -> None:
        """Let a force (N, world) act on a body of one env during the next step; an RlkitError where none can."""
        raise EnvError(f"{type(self).__name__} cannot push a body")

    def hold_latent(self, env: int, latent: Sequence[float]) -> None:
        """Let one env keep to a latent from its next step on, and no other; empty: again those that are drawn.

        Only to look at: `state()` knows nothing of it. Raises EnvError where there are none.
        """
        raise EnvError(f"{type(self).__name__} has no latents")

    def show_targets(self, env: int, chosen: Chosen) -> None:
        """Show one env this of its targets from its next observation on; all others as settings say.

        Only to look at. Raises EnvError where no targets may be hidden.
        """
        raise EnvError(f"{type(self).__name__} hides no targets")

    def close(self) -> None:
        """Release the simulator."""


def bad_actions(actions: Tensor) -> str:
    """What to say of actions `[N, A]` that are not finite: nothing else can be wrong than what gave them."""
    envs = (~actions.isfinite()).any(dim=-1).nonzero().squeeze(-1).tolist()
    return (
        f"the actions given are not finite in env {few(envs)}: what computes them gives NaN or Inf. Where that is a"
        " policy, its training has diverged; go on from an earlier checkpoint, with a smaller learning rate"
    )


def few(numbers: Sequence[int]) -> str:
    """A list of numbers for a message, cut after five."""
    return ", ".join(map(str, numbers[:5])) + (f" and {len(numbers) - 5} more" if len(numbers) > 5 else "")
