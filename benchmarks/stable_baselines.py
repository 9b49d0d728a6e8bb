"""Stable-Baselines3 as a peer: its own training loop, stopped now and then for an evaluation that does not count.

It is no dependency: `pip install -e '.[peers]'` brings it. One torch thread, which its own defaults are quickest with
on small machines. Settings: PPO as in its zoo for these environments, TD3 its defaults with Gaussian noise of 0.1.
"""

from __future__ import annotations

import time
from typing import Any, NamedTuple

import gymnasium
import numpy as np
import torch

EVALUATIONS = 10  # episodes
EVERY = {"PPO": 10_000, "TD3": 1_000, "SAC": 1_000}  # env-steps between evaluations


class Point(NamedTuple):
    """Seconds of training, env-steps, mean return of the evaluation."""

    seconds: float
    steps: int
    mean_return: float


def learn(name: str, env_id: str, *, seed: int, until: float | None, seconds: float) -> list[Point]:
    """Train `name` (PPO, TD3, SAC) until an evaluation reaches `until` or the time is over."""
    torch.set_num_threads(1)
    model = _model(name, env_id, seed)
    points: list[Point] = []
    trained = 0.0
    while trained < seconds:
        started = time.perf_counter()
        model.learn(EVERY[name], reset_num_timesteps=False)
        trained += time.perf_counter() - started
        points.append(Point(trained, model.num_timesteps, evaluate(model, env_id)))
        print(f"  {name} {env_id} seed {seed}: {points[-1]}", flush=True)
        if until is not None and points[-1].mean_return >= until:
            break
    return points


def evaluate(model: Any, env_id: str) -> float:
    """Mean return of deterministic episodes, the same ones every time."""
    env, returns = gymnasium.make(env_id), []
    for episode in range(EVALUATIONS):
        obs, _ = env.reset(seed=10_000 + episode)
        total, over = 0.0, False
        while not over:
            action, _ = model.predict(obs, deterministic=True)
            obs, reward, terminated, truncated, _ = env.step(action)
            total, over = total + float(reward), terminated or truncated
        returns.append(total)
    env.close()
    return float(np.mean(returns))


def _model(name: str, env_id: str, seed: int) -> Any:
    import stable_baselines3 as sb3  # pyright: ignore[reportMissingImports]
    from stable_baselines3.common.env_util import make_vec_env  # pyright: ignore[reportMissingImports]
    from stable_baselines3.common.noise import NormalActionNoise  # pyright: ignore[reportMissingImports]

    if name == "PPO":
        envs = make_vec_env(env_id, n_envs=4, seed=seed)
        return sb3.PPO(
            "MlpPolicy", envs, seed=seed, device="cpu", n_steps=512, batch_size=64, n_epochs=10,
            learning_rate=3e-4, gae_lambda=0.95, gamma=0.99,
        )  # fmt: skip
    env = make_vec_env(env_id, n_envs=1, seed=seed)
    if name == "TD3":
        size = env.action_space.shape[-1]  # type: ignore[index]
        noise = NormalActionNoise(np.zeros(size), 0.1 * np.ones(size))
        return sb3.TD3("MlpPolicy", env, seed=seed, device="cpu", action_noise=noise)
    return sb3.SAC("MlpPolicy", env, seed=seed, device="cpu")
