"""FastTD3 behind the `Learner` seam."""

from __future__ import annotations

import logging
import math
import time
from typing import Any, Dict, List, Mapping, Optional

import torch
from torch import Tensor, nn

from rlkit.env.spec import EnvSpec, Observations, VecEnv
from rlkit.learners.acting import detached, noise_generator
from rlkit.learners.api import Fit, Iteration, Learner, LearnerError, Policy
from rlkit.learners.fast_td3.exploration import Exploration
from rlkit.learners.fast_td3.memory import require_room
from rlkit.learners.fast_td3.normalizer import RunningNorm
from rlkit.learners.fast_td3.replay import ReplayBuffer
from rlkit.learners.fast_td3.settings import Settings, read_settings
from rlkit.learners.fast_td3.turns import Turns, cuda_graph
from rlkit.learners.fast_td3.update import Update
from rlkit.learners.fast_td3.watch import warnings
from rlkit.learners.returns import ReturnScale
from rlkit.learners.weights import require_finite, transfer

log = logging.getLogger("rlkit")


class FastTD3(Learner):
    """Distributional twin critics on replayed data from many environments; see docs/learners.md.

    train: the `train` section, flat. seed: of everything random in here, which has its own generator. Raises
    LearnerError for settings that do not fit the env.
    """

    def __init__(self, train: Mapping[str, Any], spec: EnvSpec, *, seed: int) -> None:
        self.spec, self.settings = spec, read_settings(train)
        settings, device = self.settings, spec.device
        self.generator = torch.Generator(device=device).manual_seed(seed)
        self.replay = _replay(settings, spec)
        self.policy_norm = _norm(settings, spec, "policy")
        self.critic_norm = _norm(settings, spec, "critic") if spec.asymmetric else self.policy_norm
        self.returns = ReturnScale(
            spec.num_envs, settings.gamma, device, limit=_largest_return(settings), tasks=spec.tasks
        )
        with torch.random.fork_rng([device] if device.type == "cuda" else []):
            torch.manual_seed(seed)
            self.update = Update(
                settings,
                spec,
                self.replay,
                self.policy_norm,
                self.critic_norm,
                self.returns if settings.reward_normalization else None,
                self.generator,
            )
        capture = cuda_graph if settings.cuda_graph and _captures(settings, device) else None
        self.turns = Turns(self.update, capture=capture, compiled=settings.compile)
        self.exploration = self._exploration(spec.num_envs, self.generator)
        self.step = 0  # env steps of every env, so far
        self.learning_steps = 0  # those of them that learned
        self._obs: Optional[Observations] = None  # what the env showed last

    # Learning.

    def iterate(self, env: VecEnv) -> Iteration:
        """`horizon_length` steps of every env, each followed by a turn of learning.

        The env has been reset (or restored) by the caller. Raises LearnerError on a non-finite number.
        """
        started, learn_time, updates = time.perf_counter(), 0.0, self.turns.updates
        self._pick_up(env)
        for _ in range(self.settings.horizon_length):
            self.collect(env)
            learn_started = time.perf_counter()
            self.learn()
            learn_time += time.perf_counter() - learn_started
        metrics = self._metrics()
        elapsed = time.perf_counter() - started
        metrics["rate/updates_per_s"] = (self.turns.updates - updates) / elapsed
        return Iteration(
            env_steps=self.settings.horizon_length * self.spec.num_envs,
            metrics=metrics,
            collect_time=elapsed - learn_time,
            update_time=learn_time,
            warnings=warnings(self.settings, self.spec.num_envs, self.turns.updates, metrics),
        )

    @torch.no_grad()
    def collect(self, env: VecEnv) -> None:
        """One step of all envs into the replay buffer."""
        assert self._obs is not None
        self.policy_norm.update(self._obs["policy"])
        if self.spec.asymmetric:
            self.critic_norm.update(self._obs["critic"])
        action = self._explore(self._obs["policy"])
        obs, reward, terminated, truncated, info = env.step(action)
        self.replay.add(obs, action, reward, terminated, truncated, info.final_obs)
        ended = terminated | truncated
        self.returns.update(self._obs["policy"], reward, ended)
        self.exploration.redraw(ended)
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
            return self.exploration.random(self.spec.num_actions)
        return self.exploration.act(self.update.actor(self.policy_norm(obs)))

    def _pick_up(self, env: VecEnv) -> None:
        """Begin in the buffer anew where the env does not stand where the last step left it."""
        obs = env.observe()
        if self._obs is None or not torch.equal(self._obs["policy"], obs["policy"]):
            self.replay.start(obs)
        self._obs = obs

    def _metrics(self) -> Dict[str, float]:
        """Means over the iteration's updates; the one place that waits for the device."""
        returns = self.returns.summary()
        if self.settings.reward_normalization:
            returns.update(self.returns.scale_by_name())
        of_returns = dict(zip(returns, torch.stack(list(returns.values())).tolist()))
        metrics = self.update.meter.read()
        bad = [name for name, value in metrics.items() if not math.isfinite(value)]
        if bad or not math.isfinite(of_returns["returns/spread"]):
            raise LearnerError(
                f"FastTD3 diverged after {self.turns.updates} updates: NaN or Inf in "
                f"{', '.join(bad) or 'the rewards'}. A smaller train.critic_learning_rate, train.max_grad_norm=1 "
                "or train.amp=false usually helps."
            )
        metrics["replay/fill"] = self.replay.fill
        metrics.update(of_returns)
        metrics["policy/learning_rate"] = float(self.update.actor_optimizer.param_groups[0]["lr"])
        return metrics

    # Acting.

    def policy(self, *, stochastic: bool = False) -> Policy:
        """The actor without noise, on normalised observations, for any number of rows.

        stochastic: with training's noise; every row has a scale of its own, which it keeps while their number does.
        """
        generator = noise_generator(self.spec.device)
        exploration: Optional[Exploration] = None

        @torch.no_grad()
        def act(obs: Observations) -> Tensor:
            nonlocal exploration
            action = self.update.actor(self.policy_norm(obs["policy"]))
            if not stochastic:
                return action
            if exploration is None or len(exploration.std) != len(action):
                exploration = self._exploration(len(action), generator)
            return exploration.act(action)

        return act

    def _exploration(self, rows: int, generator: torch.Generator) -> Exploration:
        return Exploration(rows, self.settings.std_min, self.settings.std_max, generator, self.spec.device)

    def describe(self) -> List[str]:
        """See `Learner.describe`."""
        settings, replay = self.settings, self.replay
        size = sum(t.numel() * t.element_size() for t in vars(replay).values() if isinstance(t, Tensor))
        found = [
            f"FastTD3: {settings.num_updates} updates of {settings.batch_size:,} samples a step, run {self.turns.mode}",
            f"replay: {replay.steps:,} steps of {replay.num_envs:,} envs, {size / 1e6:.1f} MB",
        ]
        for part, module in (("actor", self.update.actor), ("critics", self.update.critics)):
            count = sum(parameter.numel() for parameter in module.parameters())
            found.append(f"{part}: {count:,} parameters")
            found += [f"  {weight} {tuple(tensor.shape)}" for weight, tensor in module.state_dict().items()]
        return found

    def network(self) -> nn.Module:
        """See `Learner.network`."""
        return detached(self.policy_norm, self.update.actor)

    # Saving.

    def state(self, *, experience: bool = True) -> Dict[str, Any]:
        """A snapshot of tensors (copies) and plain values; the replay buffer only with train.save_buffer=true."""
        parts: Dict[str, Any] = {
            "sizes": self._sizes(),
            "step": self.step,
            "learning_steps": self.learning_steps,
            "updates": self.turns.updates,
            "update": self.update.state(),
            "policy_norm": self.policy_norm.state_dict(),
            "critic_norm": self.critic_norm.state_dict(),
            "returns": self.returns.state_dict(),
            "exploration": self.exploration.std,
            "generator": self.generator.get_state(),
        }
        state = _copy(parts)
        if experience and self.settings.save_buffer and self._obs is not None:
            state["replay"], state["obs"] = self.replay.state(), self._obs["policy"].clone()
        return state

    def load(self, state: Mapping[str, Any], *, policy_only: bool = False) -> None:
        """Continue from `state()`; with `policy_only` take the actor and its normaliser.

        With another number of envs, what belongs to single envs begins anew. Raises LearnerError, before anything is
        changed, when sizes or networks differ.
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
        self.generator.set_state(state["generator"].cpu())
        if len(state["exploration"]) == self.spec.num_envs:
            self.exploration.std.copy_(state["exploration"])
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
        """Begin with those of `weights` that fit: a checkpoint's networks, or layers of an actor from elsewhere.

        The targets begin as copies. Raises LearnerError when none fits; optimisers and counters begin anew.
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
        fit = transfer(own, weights, actor=("update.actor.",))
        self.update.copy_to_targets()
        return fit

    def _sizes(self) -> Dict[str, int]:
        return {**self.spec.obs_sizes, "actions": self.spec.num_actions}

    def _require_fit(self, state: Mapping[str, Any], policy_only: bool) -> None:
        """Raise LearnerError unless every tensor of `state` has its place here, and is finite."""
        if "sizes" not in state or "update" not in state:
            raise LearnerError("This is not a state of FastTD3: it has no 'sizes' and 'update'")
        wrong = [
            f"{name} {state['sizes'].get(name)} (here {size})"
            for name, size in self._sizes().items()
            if state["sizes"].get(name) != size and (name != "critic" or not policy_only)
        ]
        if not policy_only:
            wrong += self.returns.misfit(state["returns"])
        if wrong:
            raise LearnerError(f"The saved policy has other sizes: {', '.join(wrong)}")
        modules = {"actor": self.update.actor}
        if not policy_only:
            modules = {"actor": self.update.actor, "critics": self.update.critics}
        for name, module in modules.items():
            here = {key: tuple(value.shape) for key, value in module.state_dict().items()}
            saved = {key: tuple(value.shape) for key, value in state["update"][name].items()}
            if here != saved:
                differing = sorted(k for k in here.keys() | saved.keys() if here.get(k) != saved.get(k))
                raise LearnerError(
                    f"The saved {name} has another network: {differing[0]} is {saved.get(differing[0])}, here "
                    f"{here.get(differing[0])}; give train.network, train.actor_units and train.critic_units "
                    "as they were"
                )
            require_finite(name, state["update"][name])
        require_finite("policy_norm", state["policy_norm"])


def _replay(settings: Settings, spec: EnvSpec) -> ReplayBuffer:
    terms = {name: list(spec.observation_terms.get(name, ())) for name in ("policy", "critic")}
    same = terms["critic"][: len(terms["policy"])] == terms["policy"] != []
    prefix = same and not spec.noisy
    sizes: Dict[str, Any] = {
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
    width = torch.empty((), dtype=settings.storage_dtype).element_size()
    require_room(ReplayBuffer.bytes_needed(**sizes, dtype_bytes=width), settings, spec.num_envs, storage)
    return ReplayBuffer(
        **sizes,
        gamma=settings.gamma,
        n_step=settings.num_steps,
        device=spec.device,
        storage=storage,
        dtype=settings.storage_dtype,
    )


def _norm(settings: Settings, spec: EnvSpec, group: str) -> Any:
    if settings.obs_normalization:
        return RunningNorm(spec.obs_sizes[group], spec.device)
    return _NoNorm()


class _NoNorm(nn.Identity):
    """Observations as they are."""

    def update(self, x: Tensor) -> None:
        """Nothing to follow."""


def _largest_return(settings: Settings) -> float:
    """What scaled returns must not exceed: the nearer end of the support (its farther one where that is 0)."""
    ends = sorted([abs(settings.v_min), abs(settings.v_max)])
    return ends[0] or ends[1]


def _captures(settings: Settings, device: torch.device) -> bool:
    """A graph needs all of a turn on the GPU: also the buffer."""
    return device.type == "cuda" and settings.buffer_device != "cpu"


def _copy(value: Any) -> Any:
    if isinstance(value, Tensor):
        return value.detach().clone()
    if isinstance(value, Mapping):
        return {key: _copy(item) for key, item in value.items()}
    return [_copy(item) for item in value] if isinstance(value, (list, tuple)) else value
