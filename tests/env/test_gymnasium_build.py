"""From the request to the envs: what `env`, `task` and `sim` say reaches the Gymnasium environments."""

from __future__ import annotations

from typing import Any

import gymnasium
import known_envs
import pytest
import torch

from rlkit.config import compose
from rlkit.env.api import EnvError
from rlkit.env.gym.env import GymEnv
from rlkit.runtime.build import build_env
from rlkit.runtime.process.ranks import Ranks

seen: list[dict[str, Any]] = []


def slower(env: gymnasium.Env, task: dict[str, Any]) -> gymnasium.Env:
    """A wrapper as `task.wrapper` names it."""
    seen.append(task)
    return known_envs.Slow(env)


def build(*words: str, **others: Any) -> GymEnv:
    experiment = compose(
        ["task=Gym", "env.id=known_envs:Count-v0", "numEnvs=2", "seed=5", "device=cpu", *words]
    )
    env = build_env(experiment, Ranks(), **others)
    assert isinstance(env, GymEnv)
    return env


def test_the_request_reaches_the_environment() -> None:
    env = build("env.kwargs.goal=2", "env.vectorization=sync", "task.episodeLength=7")
    assert (env.spec.task, env.spec.num_envs, env.spec.max_episode_length) == ("Gym", 2, 7)
    draws = env.reset()["policy"][:, 1]
    env.step(torch.zeros(2, 2))
    assert env.step(torch.zeros(2, 2)).info.success.all()
    assert build().spec.max_episode_length == 3  # its own
    assert torch.equal(build().reset()["policy"][:, 1], draws)


def test_an_env_beside_the_trainings_has_its_own_size_and_seed() -> None:
    beside = build(num_envs=4, seed=6)
    assert beside.spec.num_envs == 4
    assert not set(beside.reset()["policy"][:, 1].tolist()) & set(build().reset()["policy"][:, 1].tolist())


def test_the_tasks_wrapper_is_called_with_the_task() -> None:
    env = build("task.wrapper=test_gymnasium_build:slower", "env.vectorization=sync")
    env.reset()
    assert env.step(torch.zeros(2, 2)).obs["policy"][:, 0].tolist() == [2.0, 2.0]
    assert seen and seen[-1]["wrapper"] == "test_gymnasium_build:slower" and seen[-1]["name"] == "Gym"


@pytest.mark.parametrize("name", ["nowhere:wrap", "test_gymnasium_build:absent", "slower"])
def test_a_wrapper_that_is_not_there_is_named(name: str) -> None:
    with pytest.raises(EnvError, match=f"task.wrapper={name}: .* it must be <module>:<function>"):
        build(f"task.wrapper={name}")
