"""PPO: rl_games' agent behind the `Learner` seam."""

from __future__ import annotations

import logging
import math
import time
from typing import Any, Mapping

import torch
from torch import Tensor, nn

from rlkit.env.api import EnvSpec, VecEnv
from rlkit.learners.acting import noise_generator
from rlkit.learners.api import Fit, Iteration, Learner, LearnerError, Memory, Policy, Trial
from rlkit.learners.networks.weights import transfer
from rlkit.learners.ppo.agent import Agent, Series
from rlkit.learners.ppo.bridge import Bridge
from rlkit.learners.ppo.memory import MemoryAgent
from rlkit.learners.ppo.params import rl_games_params
from rlkit.learners.ppo.settings import Settings
from rlkit.learners.ppo.symmetry import SymmetricAgent
from rlkit.learners.ppo.trial import trial
from rlkit.learners.returns import ReturnScale
from rlkit.learners.saved import copied, require_fit, require_parts, sizes_of
from rlkit.learners.settings import read_settings

log = logging.getLogger("rlkit")


class PPO(Learner):
    """Proximal policy optimisation; see docs/learners.md for its settings and metrics.

    train: the `train` section, flat, under rl_games' names. seed: of the initial weights; sampling while
    training draws from torch's global generator, which the caller seeds, saves and restores. Raises
    LearnerError for settings that do not fit. With several ranks, building and iterating are collective.

    columns: rewards of a step, each with a value of its own, for learners that add to the env's.
    """

    columns = 1

    def __init__(self, train: Mapping[str, Any], spec: EnvSpec, *, seed: int) -> None:
        self.spec = spec
        bridge, settings = Bridge(spec, self.columns), read_settings(Settings, train)
        batch = settings.horizon_length * spec.num_envs
        minibatch = settings.minibatch_size or batch // (settings.num_minibatches or 1)
        sequence = 1 if settings.memory == "none" else settings.sequence_length
        if settings.horizon_length % sequence:
            raise LearnerError(f"train.sequence_length={sequence} does not divide train.horizon_length")
        # A trained policy may act in any number of envs; only `iterate` needs minibatches.
        self._fits = minibatch > 0 and batch % minibatch == 0 and minibatch % sequence == 0
        params = rl_games_params(settings, spec, bridge.get_env_info(), minibatch if self._fits else batch)
        if settings.torch_compile:
            log.info("torch compiles the networks in the first iteration (train.torch_compile=true)")
        self._returns: ReturnScale | None = None
        if settings.reward_normalization:
            self._returns = ReturnScale(spec.num_envs, settings.gamma, spec.device, tasks=spec.tasks)
        devices = [spec.device] if spec.device.type == "cuda" else []
        with torch.random.fork_rng(devices):
            torch.manual_seed(seed)
            self._agent = self._make_agent(params, bridge, train)

    def _make_agent(self, params: dict[str, Any], bridge: Bridge, train: Mapping[str, Any]) -> Agent:
        settings = read_settings(Settings, train)
        if settings.memory != "none":
            return MemoryAgent(params, bridge, self._returns)
        if settings.symmetry or settings.mirror_loss_coef:
            return SymmetricAgent(
                params,
                bridge,
                self._returns,
                samples=settings.symmetry,
                mirror_loss=settings.mirror_loss_coef,
            )
        return Agent(params, bridge, self._returns)

    @classmethod
    def trial(cls, train: Mapping[str, Any], spec: EnvSpec) -> Trial:
        return trial(train, spec)

    def iterate(self, env: VecEnv) -> Iteration:
        """One rollout of `horizon_length` steps from the env's current state, and its update.

        The env has been reset (or restored) by the caller. env_steps counts the envs of all ranks. Raises
        LearnerError on a first observation, loss or parameter that is not finite; the networks are of no use then.
        """
        agent = self._agent
        if not self._fits:
            raise LearnerError(
                f"train.minibatch_size does not divide an iteration's {agent.batch_size} samples"
                + (f", or cuts sequences of {agent.seq_length}" if agent.memory else "")
            )
        agent.bridge.attach(env)
        start = time.perf_counter()
        try:
            collect_time, series = agent.run_epoch()
        except RuntimeError as error:
            # torch cannot sample; the env tells of a first observation with its next step
            bad = agent.bad_observation()
            if type(error) is not RuntimeError or not bad:
                raise
            raise LearnerError(f"PPO cannot go on in iteration {agent.epoch_num}: {bad}") from error
        metrics = self._metrics(series)
        return Iteration(
            env_steps=agent.batch_size * agent.world_size,
            metrics=metrics,
            collect_time=collect_time,
            update_time=time.perf_counter() - start - collect_time,
        )

    def _metrics(self, series: Series) -> dict[str, float]:
        """Means over the minibatches, in one transfer from the device."""
        agent = self._agent
        means = {name: torch.stack(values).mean() for name, values in series.items()}
        means["policy/std"] = agent.experience_buffer.tensor_dict["sigmas"][-1].mean()
        if self._returns is not None:
            means.update({**self._returns.summary(), **self._returns.scale_by_name()})
        parameters = torch.stack([parameter.detach().sum() for parameter in self._parameters()]).sum()
        *values, total = torch.stack([*means.values(), parameters]).tolist()
        metrics = dict(zip(means, values))
        if not all(map(math.isfinite, [*values, total])):
            raise LearnerError(self._diverged(series))
        metrics["policy/learning_rate"] = agent.last_lr
        return metrics

    def _diverged(self, series: Series) -> str:
        """Which quantity was the first to be non-finite, and where."""
        agent = self._agent
        bad = agent.bad_observation()
        if bad:
            return f"PPO cannot go on in iteration {agent.epoch_num}: {bad}"
        steps = agent.num_minibatches * agent.mini_epochs_num
        first, where = steps, f"in the parameters, after minibatch {steps} of {steps}"
        for name, values in series.items():
            finite = torch.isfinite(torch.stack(values)).tolist()
            if False not in finite:
                continue
            # KL comes at the end of a mini-epoch, the others with every minibatch.
            place = (finite.index(False) + 1) * steps // len(finite) - 1
            if place < first:
                first, where = place, f"in {name}, first in minibatch {place + 1} of {steps}"
        return (
            f"PPO diverged in iteration {agent.epoch_num}: NaN or Inf {where}. "
            "A smaller train.learning_rate, train.reward_scale or train.truncate_grads=true usually helps."
        )

    def _parameters(self) -> list[Tensor]:
        agent = self._agent
        critic = list(agent.central_value_net.model.parameters()) if agent.has_central_value else []
        return [*agent.model.parameters(), *critic]

    @property
    def memory(self) -> Memory:  # pyright: ignore[reportIncompatibleVariableOverride]
        """See `Learner`."""
        return self._agent.memory

    def forget(self) -> None:
        """See `Learner.forget`."""
        self._agent.forget()
        if self._returns is not None:
            self._returns.forget()

    def policy(self, *, stochastic: bool = False) -> Policy:
        """The mean action of the current networks, clamped to [-1, 1], for any number of rows.

        stochastic: an action from the Gaussian that training draws from.
        """
        return self._agent.policy(noise_generator(self.spec.device) if stochastic else None)

    def describe(self) -> list[str]:
        agent = self._agent
        count = sum(parameter.numel() for parameter in self._parameters())
        return [
            f"PPO: {count:,} parameters, {agent.batch_size:,} samples an iteration in {agent.num_minibatches}"
            f" minibatches of {agent.minibatch_size:,}, {agent.mini_epochs_num} times over",
            *(f"  {name} {tuple(tensor.shape)}" for name, tensor in self._networks().items() if tensor.dim()),
        ]

    def network(self) -> nn.Module:
        return self._agent.as_module()

    def state(self, *, experience: bool = True) -> dict[str, Any]:
        """A snapshot: tensors (copies) and plain values that `torch.load(weights_only=True)` reads.

        experience: PPO forgets a rollout with its update and keeps none. What its networks remember of the running
        episodes goes along.
        """
        agent = self._agent
        state: dict[str, Any] = {
            "sizes": sizes_of(self.spec),
            "iteration": agent.epoch_num,
            "env_steps": agent.frame,
            "learning_rate": agent.last_lr,
            "model": agent.model.state_dict(),
            "optimizer": agent.optimizer.state_dict(),
            "scaler": agent.scaler.state_dict(),
            **agent.episodes(),
        }
        if self._returns is not None:
            state["returns"] = self._returns.state_dict()
        if agent.has_central_value:
            state["critic"] = agent.central_value_net.model.state_dict()
            state["critic_optimizer"] = agent.central_value_net.optimizer.state_dict()
        return copied(state)

    def policy_state(self) -> dict[str, Any]:
        """See `Learner.policy_state`: the networks of the policy with its normaliser."""
        return copied({"sizes": sizes_of(self.spec), "model": self._agent.model.state_dict()})

    def load(self, state: Mapping[str, Any], *, policy_only: bool = False) -> None:
        """Continue from `state()`; with `policy_only` take the networks of the policy and its normaliser.

        Raises LearnerError, before anything is changed, when sizes or networks differ.
        """
        agent, state = self._agent, copied(dict(state))
        self._require_fit(state, policy_only)
        agent.model.load_state_dict(state["model"])
        if policy_only:
            return
        agent.optimizer.load_state_dict(state["optimizer"])
        if state["scaler"]:  # empty where mixed_precision was off: it begins anew
            agent.scaler.load_state_dict(state["scaler"])
        if agent.has_central_value:
            agent.central_value_net.model.load_state_dict(state["critic"])
            agent.central_value_net.optimizer.load_state_dict(state["critic_optimizer"])
        self._load_returns(state)
        agent.go_on(state)
        agent.epoch_num = state["iteration"]
        agent.frame = state["env_steps"]
        agent.last_lr = state["learning_rate"]

    def _load_returns(self, state: Mapping[str, Any]) -> None:
        if (self._returns is None) != ("returns" not in state):
            log.warning(
                "the saved critic was trained with train.reward_normalization=%s: it has to learn another scale",
                str("returns" in state).lower(),
            )
        elif self._returns is not None:
            self._returns.restore(state["returns"])

    def initialize(self, weights: Mapping[str, Tensor]) -> Fit:
        """See `Learner.initialize`: a checkpoint's networks, or layers of an actor from elsewhere.

        The optimiser, the learning rate and all counters begin anew.
        """
        actor = ("encoder.", "actor_mlp.", "mu")
        return transfer(self._networks(), weights, actor=tuple(f"model.a2c_network.{part}" for part in actor))

    def _networks(self) -> dict[str, Tensor]:
        """The tensors themselves, under the names that they have in a checkpoint."""
        agent = self._agent
        networks = {"model": agent.model}
        if agent.has_central_value:
            networks["critic"] = agent.central_value_net.model
        return {
            f"{part}.{name}": tensor
            for part, network in networks.items()
            for name, tensor in network.state_dict().items()
        }

    def _require_fit(self, state: Mapping[str, Any], policy_only: bool) -> None:
        """Raise LearnerError unless every tensor of `state` has its place here, and is finite."""
        require_parts("PPO", state, "sizes", "model")
        agent = self._agent
        modules = {"model": agent.model}
        if agent.has_central_value and not policy_only:
            modules["critic"] = agent.central_value_net.model
        parts = {name: (module, state.get(name, {})) for name, module in modules.items()}
        misfits = []
        if self._returns is not None and "returns" in state and not policy_only:
            misfits = self._returns.misfit(state["returns"])
        require_fit(state["sizes"], self.spec, parts, policy_only=policy_only, misfits=misfits)
