"""`rlkit.make`: the environments of a training, by the checks of the command line."""

from __future__ import annotations

import random
import warnings
from typing import Any

import numpy as np
import pytest
import torch
from gymnasium.utils.env_checker import check_env

import rlkit
from rlkit.env.api import EnvError, VecEnv

SHORT = {"task.episodeLength": 4}


def test_every_mistake_is_told_as_on_the_command_line() -> None:
    with pytest.raises(rlkit.RlkitError) as caught:
        rlkit.make("BoxGraspin", num_env=3, sim="mujocoo")
    first, second, third = caught.value.messages
    assert "did you mean task=BoxGrasping" in first
    assert "did you mean sim=mujoco" in second or "did you mean sim=mujoco" in third
    assert "did you mean env.numEnvs=3" in second or "did you mean env.numEnvs=3" in third


@pytest.mark.parametrize(
    ("task", "message"),
    [
        (None, r'task=None: give the name of a task, as rlkit.make\("Reach"\)'),
        ("", "task='': give the name"),
        (rlkit.Callback, 'or of its class, as "rlkit.doors.callback:Callback"'),
    ],
)
def test_a_task_is_named(task: Any, message: str) -> None:
    with pytest.raises(rlkit.RlkitError, match=message):
        rlkit.make(task)


def test_names_and_values_are_those_of_the_command_line() -> None:
    with rlkit.make(
        "BaseTask", num_envs=3, sim="mujoco", seed=3, device="cpu", physics="fast", overrides=SHORT
    ) as envs:
        assert isinstance(envs, VecEnv)
        assert (envs.spec.num_envs, envs.spec.max_episode_length, envs.experiment.training.seed) == (3, 4, 3)
        assert envs.experiment.choices["physics"] == "fast"
        obs = envs.reset()["policy"]
        assert obs.shape == (3, envs.spec.obs_sizes["policy"])
        assert envs.step(torch.zeros(3, envs.spec.num_actions)).reward.shape == (3,)


def drawn() -> tuple[float, float, float]:
    random.seed(1)
    np.random.seed(1)
    torch.manual_seed(1)
    return after()


def after() -> tuple[float, float, float]:
    """The next number of every global generator."""
    return random.random(), float(np.random.rand()), float(torch.rand(()))


@pytest.mark.slow
def test_the_seed_decides_and_nobody_elses_numbers_are_touched() -> None:
    drawn()
    expected = after()
    drawn()
    first = []
    for seed in (5, 5, 6):
        with rlkit.make("Reach", num_envs=2, seed=seed, device="cpu") as envs:
            first.append(envs.reset()["policy"].clone())
    assert after() == expected
    assert torch.equal(first[0], first[1]) and not torch.equal(first[0], first[2])


@pytest.mark.slow
def test_a_seed_of_a_reset_repeats_everything_after_it() -> None:
    randomized = {"task.randomization.enabled": True, "task.randomization.observationNoise.grasp_pos": 0.1}
    with rlkit.make("Reach", num_envs=2, seed=1, device="cpu", overrides={**SHORT, **randomized}) as envs:
        view = envs.as_gymnasium()
        played = []
        for seed in (7, 8, 7, [1, 2], [1, 2]):
            view.action_space.seed(0)
            steps = [view.reset(seed=seed)[0]]
            steps += [view.step(view.action_space.sample())[0] for _ in range(6)]  # an episode ends within
            played.append(np.stack(steps))
    same = [[bool((a == b).all()) for b in played] for a in played]
    assert same[0] == [True, False, True, False, False] and same[3] == [False, False, False, True, True]


def test_it_is_closed_once() -> None:
    closed = []
    envs = rlkit.make("BaseTask", num_envs=1, device="cpu")
    close = envs.env.close
    envs.env.close = lambda: (closed.append(1), close())[1]  # type: ignore[method-assign]
    with envs:
        pass
    envs.as_gymnasium().close()
    envs.close()
    assert closed == [1]


def test_wrong_actions_and_closed_environments_are_told() -> None:
    envs = rlkit.make("BaseTask", num_envs=2, device="cpu")
    envs.reset()
    with pytest.raises(
        EnvError, match=r"have shape \[2, 1\], wanted \[2, 18\]: a row for each env, in it ARTx"
    ):
        envs.step(torch.zeros(2, 1))
    with pytest.raises(
        EnvError, match=r"are a list, not a torch tensor; as_gymnasium\(\) takes numpy arrays"
    ):
        envs.step([[0.0] * 18] * 2)  # type: ignore[arg-type]
    assert repr(envs) == "Envs(BaseTask, 2 on mujoco, 18 actions)"
    envs.close()
    for use in (envs.reset, lambda: envs.step(torch.zeros(2, 18))):
        with pytest.raises(EnvError, match=r"are closed; rlkit\.make makes new ones"):
            use()


@pytest.mark.slow
@pytest.mark.parametrize("task", ["Reach", "BaseTask", "BoxGrasping", "HumanoidVelocity"])
def test_gymnasiums_checker_finds_nothing(task: str) -> None:
    with rlkit.make(task, num_envs=1, device="cpu") as envs, warnings.catch_warnings():
        for known in (
            "A Box observation space m.*imum value is -?infinity",
            "Not able to test alternative render",
        ):
            warnings.filterwarnings("ignore", f".*{known}")
        check_env(envs.as_gymnasium_env())


def test_gymnasium_environments_go_through_the_same_door() -> None:
    with rlkit.make("Gym", num_envs=3, seed=1, overrides={"env.id": "Pendulum-v1"}) as envs:
        view = envs.as_gymnasium()
        first, second = view.reset(seed=4)[0], view.reset(seed=4)[0]
        assert (first == second).all() and not (first == view.reset(seed=5)[0]).all()
        assert view.step(view.action_space.sample())[0].shape == (3, 3)
