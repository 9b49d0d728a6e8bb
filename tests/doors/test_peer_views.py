"""The views for Stable-Baselines3, rsl_rl and skrl: what they promise, and that these libraries learn with them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from scripted_env import ScriptedEnv

import rlkit
from benchmarks.point_mass import PointMass
from rlkit.doors.views.rsl_rl import RslRlView
from rlkit.doors.views.sb3 import Sb3View
from rlkit.doors.views.skrl import SkrlView
from rlkit.env.api import EnvError

pytestmark = pytest.mark.slow  # tensordict, which rsl_rl reads observations from, brings torch's compiler


def scripted() -> ScriptedEnv:
    """Env 0 succeeds after 2 steps, env 1 fails after 3, env 2 runs out of time after 2."""
    return ScriptedEnv([2, 3, 2], [1.0, 0.5, 0.1], succeed=[0], fail=[1])


def test_sb3_hears_of_each_env_how_its_episode_ended() -> None:
    view: Any = Sb3View(scripted())
    assert view.reset().tolist() == [[0], [0], [0]]
    obs, reward, dones, infos = view.step(np.zeros((3, 1)))
    assert not dones.any() and infos == [{}, {}, {}] and reward.tolist() == pytest.approx([1.0, 0.5, 0.1])
    obs, _, dones, infos = view.step(np.zeros((3, 1)))
    assert (obs.tolist(), dones.tolist(), dones.dtype) == ([[0], [2], [0]], [True, False, True], np.bool_)
    assert [info.get("TimeLimit.truncated") for info in infos] == [False, None, True]
    assert [info.get("is_success") for info in infos] == [True, None, False]
    assert infos[2]["terminal_observation"].tolist() == [2.0]
    assert view.get_attr("render_mode", [0, 1]) == [None, None] and view.env_is_wrapped(object) == [False] * 3
    with pytest.raises(EnvError, match=r"give it to rlkit\.make"):
        view.set_attr("gravity", 0)


def test_sb3_seeds_the_next_reset() -> None:
    with rlkit.make("Reach", num_envs=2, device="cpu") as envs:
        view = envs.as_sb3()
        seen = []
        for seed in (3, 3, None):
            if seed is not None:
                view.seed(seed)
            seen.append(view.reset())
    assert (seen[0] == seen[1]).all() and not (seen[0] == seen[2]).all()


def test_rsl_rl_gets_groups_time_outs_and_ages() -> None:
    view = RslRlView(scripted(), {"task": "Scripted"})
    assert view.get_observations()["policy"].tolist() == [[0], [0], [0]]
    obs, reward, dones, extras = view.step(torch.zeros(3, 1))
    assert reward.tolist() == pytest.approx([1.0, 0.5, 0.1]) and extras["time_outs"].tolist() == [False] * 3
    assert view.episode_length_buf.tolist() == [1, 1, 1] and "log" not in extras
    obs, reward, dones, extras = view.step(torch.zeros(3, 1))
    assert (dones.tolist(), extras["time_outs"].tolist()) == ([1, 0, 1], [False, False, True])
    assert extras["log"]["/episode/return"] == pytest.approx((2.0 + 0.2) / 2)
    assert extras["log"]["/episode/success"] == pytest.approx(0.5)
    assert obs["critic"].tolist() == [[0], [2], [0]] and obs.batch_size == torch.Size([3])
    assert view.episode_length_buf.tolist() == [0, 2, 0] and view.cfg == {"task": "Scripted"}


def test_rsl_rls_random_ages_spread_the_episodes_once() -> None:
    with rlkit.make("Reach", num_envs=3, device="cpu", overrides={"task.episodeLength": 6}) as envs:
        view = envs.as_rsl_rl()
        for _ in range(2):  # of each call of `learn`
            view.episode_length_buf = torch.tensor([5, 0, 3])
        assert view.episode_length_buf.tolist() == [5, 0, 3]
        ended = [view.step(torch.zeros(3, 7))[2].tolist() for _ in range(6)]
    assert ended == [[0, 0, 0], [0, 0, 1], [0, 0, 0], [0, 1, 0], [0, 0, 0], [1, 0, 0]]


def test_skrl_gets_columns_and_begins_once() -> None:
    view = SkrlView(scripted())
    assert view.reset()[0].tolist() == [[0], [0], [0]]
    view.step(torch.zeros(3, 1))
    assert view.reset()[0].tolist() == [
        [1],
        [1],
        [1],
    ]  # trainers reset where an episode ends: it has begun already
    _, reward, terminated, truncated, info = view.step(torch.zeros(3, 1))
    assert (terminated.tolist(), truncated.tolist()) == (
        [[True], [False], [False]],
        [[False], [False], [True]],
    )
    assert reward.shape == (3, 1) and info["final_obs"].tolist() == [[2], [2], [2]]
    assert info["episode"]["length"] == pytest.approx(2.0) and view.state() is None
    asymmetric = SkrlView(PointMass(2, asymmetric=True))
    asymmetric.reset()
    state = asymmetric.state()
    assert state is not None and asymmetric.state_space is not None
    assert state.shape == (2, 5) and asymmetric.state_space.shape == (5,)


def test_sb3_trains() -> None:
    from stable_baselines3 import PPO
    from stable_baselines3.common.vec_env import VecMonitor

    with rlkit.make("Reach", num_envs=4, seed=1, device="cpu", overrides={"task.episodeLength": 5}) as envs:
        model = PPO("MlpPolicy", VecMonitor(envs.as_sb3()), n_steps=8, batch_size=16, device="cpu", seed=0)
        model.learn(64)
        assert [info["l"] for info in model.ep_info_buffer or ()] == [5] * 12


def test_rsl_rl_trains(capsys: pytest.CaptureFixture[str]) -> None:
    from rsl_rl.runners import OnPolicyRunner

    network = {"class_name": "MLPModel", "hidden_dims": [8], "activation": "elu"}
    noise = {"class_name": "GaussianDistribution", "init_std": 1.0}
    settings: dict[str, Any] = {
        "num_steps_per_env": 8,
        "save_interval": 100,
        "obs_groups": {"actor": ["policy"], "critic": ["critic"]},
        "algorithm": {"class_name": "PPO"},
        "actor": {**network, "distribution_cfg": noise},
        "critic": network,
    }
    with rlkit.make("Reach", num_envs=4, seed=1, device="cpu") as envs:
        view: Any = envs.as_rsl_rl()  # its VecEnv is no class that ours could be, but what one has
        runner = OnPolicyRunner(view, settings, log_dir=None, device="cpu")
        before = [weights.clone() for weights in runner.alg.actor.parameters()]
        runner.learn(2, init_at_random_ep_len=True)
        assert any(not torch.equal(a, b) for a, b in zip(before, runner.alg.actor.parameters()))


def test_skrl_trains(tmp_path: Any) -> None:
    from skrl.agents.torch.ppo import PPO
    from skrl.memories.torch import RandomMemory
    from skrl.models.torch import (
        DeterministicMixin,
        GaussianMixin,
        Model,
    )
    from skrl.trainers.torch import SequentialTrainer

    with rlkit.make("Reach", num_envs=4, seed=1, device="cpu") as envs:
        view: Any = envs.as_skrl()
        spaces = {"observation_space": view.observation_space, "action_space": view.action_space}

        class Actor(GaussianMixin, Model):
            def __init__(self) -> None:
                Model.__init__(self, **spaces, device=view.device)
                GaussianMixin.__init__(self)
                self.net = torch.nn.Linear(self.num_observations, self.num_actions)
                self.log_std = torch.nn.Parameter(torch.zeros(self.num_actions))

            def compute(self, inputs: Any, role: str) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
                return self.net(inputs["observations"]), {"log_std": self.log_std}

        class Critic(DeterministicMixin, Model):
            def __init__(self) -> None:
                Model.__init__(self, **spaces, device=view.device)
                DeterministicMixin.__init__(self)
                self.net = torch.nn.Linear(self.num_observations, 1)

            def compute(self, inputs: Any, role: str) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
                return self.net(inputs["observations"]), {}

        models = {"policy": Actor(), "value": Critic()}
        before = models["policy"].net.weight.clone()
        written = {"directory": str(tmp_path), "write_interval": 0, "checkpoint_interval": 0}
        agent = PPO(
            models=models,
            memory=RandomMemory(memory_size=8, num_envs=4, device=view.device),
            **spaces,
            device=view.device,
            cfg={"rollouts": 8, "experiment": written},
        )
        trainer = {"timesteps": 16, "disable_progressbar": True, "close_environment_at_exit": False}
        SequentialTrainer(env=view, agents=agent, cfg=trainer).train()
        assert not torch.equal(before, models["policy"].net.weight)
