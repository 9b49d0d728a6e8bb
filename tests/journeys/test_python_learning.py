"""Learners of others learn Reach through the door, and ours by three lines of Python."""

from __future__ import annotations

from typing import Iterator

import numpy as np
import pytest
import torch

import rlkit
from benchmarks import sac

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def test_a_sac_in_one_loop_learns_reach() -> None:
    """A random arm earns about -142 an episode; more than -115 only one that goes to the goal."""
    with rlkit.make("Reach", num_envs=16, seed=1, device="cpu") as envs:
        quick = sac.Settings(steps=8000, begin=500, rate=2e-3, units=64, batch=128, updates=8, gamma=0.95)
        returns = sac.learn(envs.as_gymnasium(), quick, seed=1)
    assert np.mean(returns[:16]) < -130.0
    assert np.mean(returns[-16:]) > -115.0


def test_sb3s_ppo_learns_reach() -> None:
    from stable_baselines3 import PPO
    from stable_baselines3.common.vec_env import VecMonitor, VecNormalize

    with rlkit.make("Reach", num_envs=64, seed=1, device="cpu") as envs:
        model = PPO(
            "MlpPolicy", VecNormalize(VecMonitor(envs.as_sb3()), gamma=0.95), n_steps=12, batch_size=192, n_epochs=5,
            learning_rate=3e-3, gamma=0.95, policy_kwargs={"log_std_init": -0.5}, device="cpu", seed=1,
        )  # fmt: skip
        earned = []
        for _ in range(2):
            model.learn(42_000, reset_num_timesteps=False)
            earned.append(np.mean([info["r"] for info in model.ep_info_buffer or ()]))
    assert earned[1] > -130.0 and earned[1] > earned[0] + 8.0
