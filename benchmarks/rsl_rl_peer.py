"""PPO's update against rsl_rl's own, on the same batches: `python -m benchmarks.ppo --peers rsl_rl`.

`pip install -e '.[peers]'` brings rsl_rl. Each has a process of its own, since how freed memory is kept is a matter of
the process, and they take turns. In each round rlkit collects in an env that stands still and learns from that; rsl_rl
is given the networks that collected, their normalisers and the very batch, and learns from it with `PPO.update`. Beside
them are timed the bare matrix products of the same gradient steps, into memory that is there already: the floor.
"""

from __future__ import annotations

import importlib.util
import multiprocessing
import os
import statistics
import time
from contextlib import ExitStack, closing
from multiprocessing.connection import Connection
from typing import Any, Callable, Dict, List, NamedTuple, Tuple
from unittest import mock

import numpy as np
import torch
from torch import Tensor, nn

from rlkit.env.api import EnvSpec
from rlkit.env.still import Still
from rlkit.learners.ppo.learner import PPO
from rlkit.runtime.process.engines import quiet_openmp
from rlkit.runtime.process.heap import keep_freed_memory

INSTALL = "rsl_rl is not installed here; `pip install -e '.[peers]'` or `pip install rsl-rl-lib` brings it"
OURS, PEER, FLOOR = "rlkit", "rsl_rl", "matrix products"
WARM_UP = 1  # rounds that do not count

Arrays = Dict[str, np.ndarray]
Layers = List[Tuple[np.ndarray, np.ndarray]]  # weights [out, in] and biases [out]
Seconds = Dict[str, List[float]]


class Sizes(NamedTuple):
    """What both are built for: numbers of envs, observations of policy and critic, and actions."""

    envs: int
    policy: int
    critic: int
    actions: int

    def spec(self) -> EnvSpec:
        return EnvSpec(
            task="Still",
            num_envs=self.envs,
            device=torch.device("cpu"),
            obs_sizes={"policy": self.policy, "critic": self.critic},
            num_actions=self.actions,
            action_names=tuple(f"action {i}" for i in range(self.actions)),
            max_episode_length=1000,
            control_period=0.02,
        )


class Round(NamedTuple):
    """What rsl_rl learns from: networks before the update, normalisers, and the rollout `[steps, envs, ...]`."""

    actor: Layers
    critic: Layers
    log_std: np.ndarray
    moments: dict[str, tuple[np.ndarray, np.ndarray]]  # group -> mean and deviation
    rollout: Arrays


def installed() -> bool:
    return importlib.util.find_spec(PEER) is not None


def sizes_of(spec: EnvSpec, num_envs: int) -> Sizes:
    return Sizes(num_envs, spec.obs_sizes["policy"], spec.obs_sizes["critic"], spec.num_actions)


def shared_settings(train: dict[str, Any]) -> dict[str, Any]:
    """rlkit's settings with what rsl_rl has no counterpart of left out."""
    return {**train, "normalize_value": False, "bounds_loss_coef": 0.0, "fixed_sigma": True, "separate": True}


class OurSide:
    """rlkit's learner as a training has it."""

    def __init__(self, train: dict[str, Any], sizes: Sizes) -> None:
        keep_freed_memory()
        self.env = Still(sizes.spec(), sizes.envs)
        self.learner = PPO(train, self.env.spec, seed=1)

    def turn(self, given: None) -> tuple[float, dict[str, float], Round]:
        """Seconds of an update, its losses, and what it learned from."""
        agent = self.learner._agent
        actor, critic, log_std, moments = _networks(agent)
        done = self.learner.iterate(self.env)
        buffer = agent.experience_buffer.tensor_dict
        names = ("obses", "states", "actions", "rewards", "values", "neglogpacs", "mus", "sigmas")
        rollout = {name: buffer[name].numpy().copy() for name in names if name in buffer}
        losses = {name: done.metrics[f"losses/{name}"] for name in ("actor", "critic")}
        return done.update_time, losses, Round(actor, critic, log_std, moments, rollout)


class TheirSide:
    """rsl_rl's PPO with the same settings."""

    def __init__(self, train: dict[str, Any], sizes: Sizes) -> None:
        from rsl_rl.algorithms import PPO as Theirs  # pyright: ignore[reportMissingImports]
        from rsl_rl.models import MLPModel  # pyright: ignore[reportMissingImports]
        from rsl_rl.storage import RolloutStorage  # pyright: ignore[reportMissingImports]
        from tensordict import TensorDict  # pyright: ignore[reportMissingImports]

        shapes = {"policy": sizes.policy, "critic": sizes.critic}
        self.obs = TensorDict({name: torch.zeros(sizes.envs, n) for name, n in shapes.items()}, [sizes.envs])
        groups = {"actor": ["policy"], "critic": ["critic"]}
        same: dict[str, Any] = {
            "hidden_dims": list(train["units"]),
            "activation": train["activation"],
            "obs_normalization": True,
        }
        gaussian = {"class_name": "rsl_rl.modules.distribution:GaussianDistribution", "std_type": "log"}
        actor = MLPModel(self.obs, groups, "actor", sizes.actions, **same, distribution_cfg=gaussian)
        critic = MLPModel(self.obs, groups, "critic", 1, **same)
        self.storage = RolloutStorage("rl", sizes.envs, train["horizon_length"], self.obs, [sizes.actions])
        self.ppo = Theirs(
            actor,
            critic,
            self.storage,
            num_learning_epochs=train["mini_epochs"],
            num_mini_batches=train["num_minibatches"],
            clip_param=train["e_clip"],
            gamma=train["gamma"],
            lam=train["tau"],
            value_loss_coef=0.5 * train["critic_coef"],  # rl_games halves it
            entropy_coef=train["entropy_coef"],
            learning_rate=train["learning_rate"],
            max_grad_norm=train["grad_norm"],
            use_clipped_value_loss=train["clip_value"],
            desired_kl=train["kl_threshold"],
        )

    def turn(self, given: Round) -> tuple[float, dict[str, float], None]:
        """Seconds of `PPO.update` on this batch, and its losses."""
        self._take(given)
        started = time.perf_counter()
        losses = self.ppo.update()
        seconds = time.perf_counter() - started
        return seconds, {"actor": losses["surrogate"], "critic": losses["value"]}, None

    @torch.no_grad()
    def _take(self, given: Round) -> None:
        ppo: Any = self.ppo
        storage: Any = self.storage
        for model, layers in ((ppo.actor, given.actor), (ppo.critic, given.critic)):
            linears = [module for module in model.mlp if isinstance(module, nn.Linear)]
            for module, (weight, bias) in zip(linears, layers):
                module.weight.copy_(torch.from_numpy(weight))
                module.bias.copy_(torch.from_numpy(bias))
        ppo.actor.distribution.log_std_param.copy_(torch.from_numpy(given.log_std))
        for model, group in ((ppo.actor, "policy"), (ppo.critic, "critic")):
            normalizer = model.obs_normalizer
            mean, std = given.moments[group]
            normalizer._mean.copy_(torch.from_numpy(mean))
            normalizer._std.copy_(torch.from_numpy(std) - normalizer.eps)
        rollout = {name: torch.from_numpy(values) for name, values in given.rollout.items()}
        observed = {"policy": rollout["obses"], "critic": rollout.get("states", rollout["obses"])}
        for group, values in observed.items():
            storage.observations[group].copy_(values)
            self.obs[group].copy_(values[-1])  # the env stands still: what follows the last step
        for name, ours in (("actions", "actions"), ("rewards", "rewards"), ("values", "values")):
            getattr(storage, name).copy_(rollout[ours])
        storage.actions_log_prob.copy_(-rollout["neglogpacs"].unsqueeze(-1))
        storage.distribution_params = (rollout["mus"], rollout["sigmas"])
        storage.step = storage.num_transitions_per_env
        ppo.compute_returns(self.obs)


class Floor:
    """The products of all gradient steps of an update: forward, and backward to weights and inputs."""

    def __init__(self, train: dict[str, Any], sizes: Sizes) -> None:
        rows = train["horizon_length"] * sizes.envs // train["num_minibatches"]
        self.steps = train["mini_epochs"] * train["num_minibatches"]
        self.products: list[tuple[Tensor, Tensor, Tensor]] = []
        for first, last in ((sizes.policy, sizes.actions), (sizes.critic, 1)):
            widths = [first, *train["units"], last]
            for number, (before, behind) in enumerate(zip(widths, widths[1:])):
                x, y = torch.randn(rows, before), torch.randn(rows, behind)
                weight = torch.randn(before, behind)
                self.products += [(x, weight, y), (x.t(), y, torch.empty_like(weight))]
                if number:  # nothing learns from the slope of an observation
                    self.products.append((y, weight.t(), torch.empty_like(x)))

    def turn(self, given: None) -> tuple[float, dict[str, float], None]:
        """Seconds of all of them."""
        started = time.perf_counter()
        for _ in range(self.steps):
            for one, other, out in self.products:
                torch.mm(one, other, out=out)
        return time.perf_counter() - started, {}, None


SIDES: dict[str, Callable[[Any, Sizes], Any]] = {OURS: OurSide, PEER: TheirSide, FLOOR: Floor}


def race(train: dict[str, Any], sizes: Sizes, threads: list[int], rounds: int) -> dict[str, Any]:
    """With each number of threads milliseconds of a gradient step of each, ratios of the rounds' times, mean losses."""
    found = {count: Times() for count in threads}
    with ExitStack() as stack:
        sides = {name: stack.enter_context(_Side(name, train, sizes)) for name in SIDES}
        for number in range(WARM_UP + rounds):
            for count, times in found.items():
                given = None
                for name, side in sides.items():
                    took, losses, made = side.turn(count, given if name == PEER else None)
                    given = made or given
                    if number >= WARM_UP:
                        times.add(name, took, losses)
    steps = train["mini_epochs"] * train["num_minibatches"]
    return {f"threads: {count}": times.summary(steps) for count, times in found.items()}


class Times:
    """Seconds of the updates of each, and the losses of the last of them."""

    def __init__(self) -> None:
        self.seconds: Seconds = {name: [] for name in SIDES}
        self.losses: dict[str, dict[str, float]] = {}

    def add(self, name: str, took: float, losses: dict[str, float]) -> None:
        self.seconds[name].append(took)
        if losses:
            self.losses[name] = {loss: round(value, 4) for loss, value in losses.items()}

    def summary(self, steps: int) -> dict[str, Any]:
        """See `race`; steps: of an update."""
        seconds = self.seconds
        medians = {name: round(1e3 * statistics.median(took) / steps, 1) for name, took in seconds.items()}
        ratios = {f"{name} / rlkit": _ratio(seconds[name], seconds[OURS]) for name in (PEER, FLOOR)}
        return {"milliseconds": medians, "ratios": ratios, "losses": self.losses}


class _Side:
    """One contestant in its own process; closes it at the end."""

    def __init__(self, name: str, train: dict[str, Any], sizes: Sizes) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(theirs, name, train, sizes), daemon=True)
        with mock.patch.dict(os.environ):
            if name == OURS:
                quiet_openmp()  # as its trainings have it
            self.process.start()
        theirs.close()

    def turn(self, threads: int, given: Any) -> Any:
        """Its answer; raises EOFError where the process ended, which has said why."""
        self.pipe.send((threads, given))
        return self.pipe.recv()

    def __enter__(self) -> _Side:
        return self

    def __exit__(self, *_: object) -> None:
        self.pipe.close()
        self.process.join()


def _serve(pipe: Connection, name: str, train: dict[str, Any], sizes: Sizes) -> None:
    torch.manual_seed(1)
    side = SIDES[name](train, sizes)
    with closing(pipe):
        while True:
            try:
                threads, given = pipe.recv()
            except EOFError:
                return
            torch.set_num_threads(threads)
            pipe.send(side.turn(given))


def _networks(agent: Any) -> tuple[Layers, Layers, np.ndarray, dict[str, tuple[np.ndarray, np.ndarray]]]:
    """See `Round`."""
    network = agent.model.a2c_network
    critic = agent.central_value_net.model if agent.has_central_value else agent.model
    values = critic.a2c_network.actor_mlp if agent.has_central_value else network.critic_mlp
    moments = {}
    for group, model in (("policy", agent.model), ("critic", critic)):
        normalizer = model.running_mean_std
        std = (normalizer.running_var + normalizer.epsilon).sqrt()
        moments[group] = (_copy(normalizer.running_mean), _copy(std.float()))
    return (
        _layers(network.actor_mlp, network.mu),
        _layers(values, critic.a2c_network.value),
        _copy(network.sigma),
        moments,
    )


def _layers(mlp: nn.Module, last: nn.Module) -> Layers:
    linears = [module for part in (mlp, last) for module in part.modules() if isinstance(module, nn.Linear)]
    return [(_copy(module.weight), _copy(module.bias)) for module in linears]


def _copy(tensor: Tensor) -> np.ndarray:
    return tensor.detach().numpy().copy()


def _ratio(one: list[float], other: list[float]) -> dict[str, float]:
    """The median over the rounds, and their middle half."""
    ratios = sorted(a / b for a, b in zip(one, other))
    quarter = len(ratios) // 4
    middle = {"median": statistics.median(ratios), "from": ratios[quarter], "to": ratios[-1 - quarter]}
    return {name: round(value, 2) for name, value in middle.items()}
