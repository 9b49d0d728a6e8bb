"""The loop that learners with a replay of transitions share: collect, learn, act, save."""

from __future__ import annotations

import logging
import math
import time
from abc import abstractmethod
from contextlib import nullcontext
from typing import Any, Callable, ClassVar, ContextManager, Mapping

import torch
from torch import Tensor, nn

from rlkit.env.api import EnvSpec, Observations, VecEnv
from rlkit.learners import ranks
from rlkit.learners.acting import detached, noise_generator
from rlkit.learners.api import Fit, Iteration, Learner, LearnerError, Policy, Trial
from rlkit.learners.networks.weights import transfer
from rlkit.learners.normalizer import RunningNorm
from rlkit.learners.off_policy.beside import Beside
from rlkit.learners.off_policy.memory import require_room
from rlkit.learners.off_policy.replay.buffer import ReplayBuffer
from rlkit.learners.off_policy.settings import OffPolicySettings
from rlkit.learners.off_policy.trial import trial
from rlkit.learners.off_policy.turns import Capture, Turns, cuda_graph
from rlkit.learners.off_policy.update import Update
from rlkit.learners.off_policy.watch import warnings
from rlkit.learners.returns import ReturnScale
from rlkit.learners.saved import copied, require_fit, require_parts, sizes_of
from rlkit.learners.settings import read_settings

log = logging.getLogger("rlkit")


class OffPolicy(Learner):
    """Critics on replayed data from many environments, and an actor that follows them; see docs/learners.md.

    train: the `train` section, flat. seed: of everything random in here, which has its own generator. Raises
    LearnerError for settings that do not fit the env. With several ranks, building and iterating are collective: they
    share networks and statistics; each has a generator and a replay of its own, from which it draws `batch_size`.

    A learner of this family names its settings and its `Update`, and says how its policy explores.
    settings_class, update_class: what it reads, and what learns. shape: the settings beside those of all on which the
    duration of an update depends. actor_layers: where in it the layers from observations to the mean action are.
    """

    settings_class: ClassVar[type[OffPolicySettings]]
    update_class: ClassVar[type[Update]]
    shape: ClassVar[tuple[str, ...]] = ()
    actor_layers: ClassVar[tuple[str, ...]] = ("update.actor.",)
    settings: Any
    update: Any

    def __init__(self, train: Mapping[str, Any], spec: EnvSpec, *, seed: int) -> None:
        self.spec, self.settings = spec, read_settings(self.settings_class, train)
        settings, device = self.settings, spec.device
        rank, self._num_ranks = ranks.place()
        self.generator = torch.Generator(device=device).manual_seed(seed + rank)
        self.replay = _replay(settings, spec)
        self.policy_norm = _norm(settings, spec, "policy")
        self.critic_norm = _norm(settings, spec, "critic") if spec.asymmetric else self.policy_norm
        self.returns = ReturnScale(
            spec.num_envs, settings.gamma, device, limit=_largest_return(settings), tasks=spec.tasks
        )
        with torch.random.fork_rng([device] if device.type == "cuda" else []):
            torch.manual_seed(seed)
            scale = self.returns if settings.reward_normalization else None
            norms = self.policy_norm, self.critic_norm
            self.update = self.update_class(settings, spec, self.replay, *norms, scale, self.generator)
        self.turns = Turns(self.update, capture=self._capture(), compiled=settings.compile)
        self._beside = Beside() if settings.overlap else None
        if settings.save_buffer and self._num_ranks > 1:
            log.info(
                "train.save_buffer=true: of %d ranks rank 0's replay is saved, all go on with it",
                self._num_ranks,
            )
        self.step = 0  # env steps of every env, so far
        self.learning_steps = 0  # those of them that learned
        self._obs: Observations | None = None  # what the env showed last

    def _capture(self) -> Capture | None:
        """How a turn becomes a graph, None where it cannot: all of it must be on the GPU, also the buffer."""
        settings = self.settings
        if not settings.cuda_graph or self.spec.device.type != "cuda" or settings.buffer_device == "cpu":
            return None
        if self._num_ranks > 1:
            log.info(
                "%s's turns run as written, not as one CUDA graph: with %d ranks each update waits for the"
                " gradients of the others, which rlkit does not capture",
                type(self).__name__,
                self._num_ranks,
            )
            return None
        return cuda_graph

    @classmethod
    def trial(cls, train: Mapping[str, Any], spec: EnvSpec) -> Trial:
        return trial(train, spec, cls.shape)

    # What a learner says of itself.

    @abstractmethod
    def _act(self, obs: Tensor) -> Tensor:
        """What the envs are to do `[N, actions]`, with training's noise; obs: `[N, size]`, normalised."""

    @abstractmethod
    def _explorer(self, generator: torch.Generator) -> Callable[[Tensor], Tensor]:
        """The same for any number of rows, with noise of this generator's."""

    def _ended(self, ended: Tensor) -> None:
        """Told which envs' episodes ended, `[N]` bool, after each step of training."""

    # Learning.

    def forget(self) -> None:
        """See `Learner.forget`; the replay sees by itself that episodes do not go on."""
        self.returns.forget()

    def iterate(self, env: VecEnv) -> Iteration:
        """`horizon_length` steps of every env, each with a turn of learning: after it, or beside it (train.overlap).

        Beside it a turn learns from what the replay held before the step; actions are those of the same policy either
        way, and both threads have met when this returns. The env has been reset (or restored) by the caller. env_steps
        counts the envs of all ranks. Raises LearnerError on a non-finite number.
        """
        started, updates, learnt = time.perf_counter(), self.turns.updates, self.turns.seconds
        alone = self._learning_alone
        self._pick_up(env)
        for _ in range(self.settings.horizon_length):
            if self._beside is not None:
                self.collect(env, self._beside.doing(self.learn))
            else:
                self.collect(env)
                self.learn()
        metrics = self._metrics()
        elapsed = time.perf_counter() - started
        metrics["rate/updates_per_s"] = (self.turns.updates - updates) / elapsed
        return Iteration(
            env_steps=self.settings.horizon_length * self.spec.num_envs * self._num_ranks,
            metrics=metrics,
            collect_time=elapsed - (self._learning_alone - alone),
            update_time=self.turns.seconds - learnt,
            warnings=warnings(self.settings, self.spec.num_envs, self.turns.updates, metrics),
        )

    @property
    def _learning_alone(self) -> float:
        """Seconds in which nothing but a turn went on, so far."""
        return self.turns.seconds if self._beside is None else self._beside.waited

    @torch.no_grad()
    def collect(self, env: VecEnv, meanwhile: ContextManager[None] | None = None) -> None:
        """One step of all envs into the replay buffer; what is done meanwhile finds the buffer as it was before."""
        assert self._obs is not None
        self.policy_norm.update(self._obs["policy"])
        if self.spec.asymmetric:
            self.critic_norm.update(self._obs["critic"])
        action = self._explore(self._obs["policy"])
        with meanwhile or nullcontext():
            obs, reward, terminated, truncated, info = env.step(action)
        self.replay.add(obs, action, reward, terminated, truncated, info.final_obs)
        ended = terminated | truncated
        self.returns.update(self._obs["policy"], reward, ended)
        self._ended(ended)
        self._obs = obs
        self.step += 1

    def learn(self) -> None:
        """One turn of updates, once the buffer holds enough to begin with."""
        settings = self.settings
        if self.replay.steps_stored < max(settings.learning_starts, settings.num_steps):
            return
        self.update.set_learning_rates(self.step)
        self.learning_steps += 1
        self.turns.run(actor_learns=self.learning_steps > settings.actor_starts)

    def _explore(self, obs: Tensor) -> Tensor:
        if self.settings.warmup == "random" and self.learning_steps == 0:
            shape = (self.spec.num_envs, self.spec.num_actions)
            return torch.rand(shape, generator=self.generator, device=self.spec.device) * 2.0 - 1.0
        return self._act(self.policy_norm(obs))

    def _pick_up(self, env: VecEnv) -> None:
        """Begin in the buffer anew where the env does not stand where the last step left it."""
        obs = env.observe()
        if self._obs is None or not torch.equal(self._obs["policy"], obs["policy"]):
            self.replay.start(obs)
        self._obs = obs

    def _metrics(self) -> dict[str, float]:
        """Means over the iteration's updates; the one place that waits for the device."""
        returns = self.returns.summary()
        if self.settings.reward_normalization:
            returns.update(self.returns.scale_by_name())
        of_returns = dict(zip(returns, torch.stack(list(returns.values())).tolist()))
        metrics = self.update.meter.read()
        bad = [name for name, value in metrics.items() if not math.isfinite(value)]
        if bad or not math.isfinite(of_returns["returns/spread"]):
            raise LearnerError(
                f"{type(self).__name__} diverged after {self.turns.updates} updates: NaN or Inf in "
                f"{', '.join(bad) or 'the rewards'}. A smaller train.critic_learning_rate, train.max_grad_norm=1 "
                "or train.amp=false usually helps."
            )
        metrics["replay/fill"] = self.replay.fill
        metrics.update(of_returns)
        metrics["policy/learning_rate"] = float(self.update.actor_optimizer.param_groups[0]["lr"])
        return metrics

    # Acting.

    def policy(self, *, stochastic: bool = False) -> Policy:
        """The policy without noise, on normalised observations, for any number of rows; stochastic: as it explores."""
        act = self._explorer(noise_generator(self.spec.device)) if stochastic else self.update.actor
        return Policy(torch.no_grad()(lambda obs: act(self.policy_norm(obs["policy"]))))

    def describe(self) -> list[str]:
        settings, replay = self.settings, self.replay
        size = sum(t.numel() * t.element_size() for t in vars(replay).values() if isinstance(t, Tensor))
        each = f" on each of {self._num_ranks} ranks" if self._num_ranks > 1 else ""
        found = [
            f"{type(self).__name__}: {settings.num_updates} updates of {settings.batch_size:,} samples{each} a step,"
            f" run {self.turns.mode}{'' if self._beside is None else ', while the envs step'}",
            f"replay: {replay.steps:,} steps of {replay.num_envs:,} envs, {size / 1e6:.1f} MB",
        ]
        for part, module in (("actor", self.update.actor), ("critics", self.update.critics)):
            count = sum(parameter.numel() for parameter in module.parameters())
            found.append(f"{part}: {count:,} parameters")
            found += [f"  {weight} {tuple(tensor.shape)}" for weight, tensor in module.state_dict().items()]
        return found

    def network(self) -> nn.Module:
        return detached(self.policy_norm, self.update.actor)

    # Saving.

    def state(self, *, experience: bool = True) -> dict[str, Any]:
        """A snapshot of tensors (copies) and plain values; the replay buffer only with train.save_buffer=true.

        One of several ranks tells its own replay, generator and noise; all else is the same on all.
        """
        parts: dict[str, Any] = {
            "sizes": sizes_of(self.spec),
            "step": self.step,
            "learning_steps": self.learning_steps,
            "updates": self.turns.updates,
            "update": self.update.state(),
            "policy_norm": self.policy_norm.state_dict(),
            "critic_norm": self.critic_norm.state_dict(),
            "returns": self.returns.state_dict(),
            "generator": self.generator.get_state(),
        }
        state = copied(parts)
        if experience and self.settings.save_buffer and self._obs is not None:
            state["replay"], state["obs"] = self.replay.state(), self._obs["policy"].clone()
        return state

    def policy_state(self) -> dict[str, Any]:
        """See `Learner.policy_state`: the actor and its normaliser."""
        return copied(
            {
                "sizes": sizes_of(self.spec),
                "update": {"actor": self.update.actor.state_dict()},
                "policy_norm": self.policy_norm.state_dict(),
            }
        )

    def load(self, state: Mapping[str, Any], *, policy_only: bool = False) -> None:
        """Continue from `state()`; with `policy_only` take the actor and its normaliser.

        With another number of envs, what belongs to single envs begins anew. Several ranks all begin with the one
        replay that was saved, draw different random numbers, and let the rest of it begin anew. Raises LearnerError,
        before anything is changed, when sizes or networks differ.
        """
        self._require_fit(state, policy_only)
        self.policy_norm.load_state_dict(state["policy_norm"])
        if policy_only:
            self.update.actor.load_state_dict(state["update"]["actor"])
            return
        self.critic_norm.load_state_dict(state["critic_norm"])
        self.update.load(state["update"])
        self.step, self.learning_steps = state["step"], state["learning_steps"]
        self.turns.updates = state["updates"]
        ranks.go_on_drawing(self.generator, state["generator"])
        self.returns.restore(state["returns"])
        self._load_replay(state)

    def _load_replay(self, state: Mapping[str, Any]) -> None:
        self.complete = False
        if "replay" not in state:
            log.info("the replay buffer was not saved (train.save_buffer=true does that); it fills anew")
            return
        try:
            self.replay.load_state(state["replay"])
        except ValueError as error:
            log.warning("%s; it is left behind and fills anew", error)
            return
        self._obs, self.complete = {"policy": state["obs"]}, True

    def initialize(self, weights: Mapping[str, Tensor]) -> Fit:
        """See `Learner.initialize`: a checkpoint's networks, or layers of an actor from elsewhere.

        The targets begin as copies; optimisers and counters begin anew.
        """
        parts = {
            "update.actor": self.update.actor,
            "update.critics": self.update.critics,
            "policy_norm": self.policy_norm,
            "critic_norm": self.critic_norm,
        }
        own = {
            f"{part}.{name}": t for part, module in parts.items() for name, t in module.state_dict().items()
        }
        fit = transfer(own, weights, actor=self.actor_layers)
        self.update.copy_to_targets()
        return fit

    def _require_fit(self, state: Mapping[str, Any], policy_only: bool) -> None:
        """Raise LearnerError unless every tensor of `state` has its place here, and is finite."""
        require_parts(type(self).__name__, state, "sizes", "update")
        modules = {"actor": self.update.actor, **({} if policy_only else {"critics": self.update.critics})}
        parts = {name: (module, state["update"][name]) for name, module in modules.items()}
        parts["policy_norm"] = (self.policy_norm, state["policy_norm"])
        misfits = [] if policy_only else self.returns.misfit(state["returns"])
        require_fit(state["sizes"], self.spec, parts, policy_only=policy_only, misfits=misfits)


def _replay(settings: OffPolicySettings, spec: EnvSpec) -> ReplayBuffer:
    terms = {name: list(spec.observation_terms.get(name, ())) for name in ("policy", "critic")}
    same = terms["critic"][: len(terms["policy"])] == terms["policy"] != []
    prefix = same and not spec.noisy
    sizes: dict[str, Any] = {
        "num_envs": spec.num_envs,
        "steps": settings.buffer_size,
        "policy_size": spec.obs_sizes["policy"],
        "critic_size": spec.obs_sizes["critic"],
        "num_actions": spec.num_actions,
        "max_episode_length": spec.max_episode_length,
        "asymmetric": spec.asymmetric,
        "policy_in_critic": spec.asymmetric and prefix,
    }
    storage = torch.device("cpu") if settings.buffer_device == "cpu" else spec.device
    dtype = torch.bfloat16 if settings.buffer_dtype == "bfloat16" else torch.float32
    require_room(
        ReplayBuffer.bytes_needed(**sizes, dtype_bytes=dtype.itemsize), settings, spec.num_envs, storage
    )
    return ReplayBuffer(
        **sizes,
        gamma=settings.gamma,
        n_step=settings.num_steps,
        device=spec.device,
        storage=storage,
        dtype=dtype,
    )


def _norm(settings: OffPolicySettings, spec: EnvSpec, group: str) -> Any:
    if settings.obs_normalization:
        return RunningNorm(spec.obs_sizes[group], spec.device)
    return _NoNorm()


class _NoNorm(nn.Identity):
    """Observations as they are."""

    def update(self, x: Tensor) -> None:
        """Nothing to follow."""


def _largest_return(settings: OffPolicySettings) -> float:
    """What scaled returns must not exceed: the nearer end of the support (its farther one where that is 0)."""
    ends = sorted([abs(settings.v_min), abs(settings.v_max)])
    return ends[0] or ends[1]
