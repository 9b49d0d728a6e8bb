"""The real environments of sai-mujoco with the patches: figures, measured with mujoco 3.3.7 unpatched, in comments."""

from __future__ import annotations

import re
from functools import partial

import gymnasium
import numpy as np
import pytest
import torch

from rlkit.env.api import EnvError
from rlkit.env.gym.env import GymEnv
from rlkit.soccer.adapter import adapt

GOALIE, TARGET = "LowerT1GoaliePenaltyKick-v0", "LowerT1KickToTarget-v0"
PACKAGES = ("sai_mujoco", "rlkit.soccer.compatibility")

pytestmark = [pytest.mark.soccer, pytest.mark.slow]


@pytest.fixture(autouse=True)
def patched(tmp_path, monkeypatch):
    """mujoco writes MUJOCO_LOG.TXT into the working folder if nobody takes its warnings."""
    monkeypatch.chdir(tmp_path)
    import rlkit.soccer.compatibility  # noqa: F401

    yield
    assert not list(tmp_path.iterdir())


def make(env_id: str = GOALIE, **task) -> gymnasium.Env:
    import sai_mujoco  # noqa: F401

    asked = {"orientation": True, "actions": "joint_targets", "decimation": 10, **task}
    return adapt(gymnasium.make(env_id, disable_env_checker=True), asked)


def episode(env: gymnasium.Env, action: np.ndarray, steps: int = 6000) -> tuple[float, int, dict]:
    """Return, length and last info of an episode of one action."""
    env.reset(seed=0)
    total, length, ended, info = 0.0, 0, False, {}
    while not ended and length < steps:
        _, reward, terminated, truncated, info = env.step(action)
        total, length, ended = total + float(reward), length + 1, terminated or truncated
    env.close()
    return total, length, info


def test_falling_earns_what_it_does_on_the_mujoco_the_package_was_written_for():
    raw = {"actions": "torques", "decimation": 1}
    total, _, _ = episode(make(**raw), np.zeros(12), steps=200)
    assert total == pytest.approx(60.833, abs=0.02)  # 3.3.7: 60.8327
    total, length, info = episode(make(**raw), np.zeros(12))
    assert (total, length) == (pytest.approx(77.79, abs=0.1), 278)  # 3.3.7: 77.7932 after 278 steps
    assert not info["success"]


@pytest.mark.parametrize(("decimation", "actions"), [(1, 576), (10, 58)])
def test_holding_the_standing_pose_is_as_good_at_any_rate(decimation, actions):
    total, length, info = episode(make(decimation=decimation), np.zeros(12))
    assert (total, length) == (pytest.approx(247.85, abs=0.3), actions)  # 3.3.7: 247.8461 after 576 steps
    assert not info["success"]


def test_a_random_push_goes_the_same_way():
    env = make(actions="torques", decimation=1, orientation=False)
    obs, _ = env.reset(seed=0)
    rng = np.random.default_rng(0)
    assert isinstance(env.action_space, gymnasium.spaces.Box)
    quarter = 0.25 * env.action_space.high
    total = 0.0
    for _ in range(200):
        obs, reward, *_ = env.step(rng.uniform(-1, 1, 12) * quarter)
        total += float(reward)
    env.close()
    assert total == pytest.approx(63.3996, abs=0.01)  # 3.3.7: 63.3996
    assert obs[0] == pytest.approx(0.80646, abs=1e-3)  # 3.3.7: 0.80646


@pytest.mark.parametrize(
    ("env_id", "size"), [(GOALIE, 45), (TARGET, 39), ("LowerT1ObstaclePenaltyKick-v0", 54)]
)
def test_the_tasks_of_the_competition_have_different_observations(env_id, size):
    env = make(env_id)
    first, _ = env.reset(seed=3)
    assert first.shape == (size + 6,)
    assert first[:12] == pytest.approx(0.0, abs=1e-6)  # the robot stands in its zero pose
    assert first[size : size + 3] == pytest.approx([0, 0, -1], abs=1e-3)
    again, _ = env.reset(seed=3)
    assert np.array_equal(first, again)
    env.close()


def test_another_version_of_the_package_is_refused():
    from rlkit.soccer.compatibility import require_version

    with pytest.raises(
        EnvError, match=r"sai-mujoco 0\.1\.31 is installed; .* written for sai-mujoco 0\.1\.30"
    ):
        require_version("0.1.31")


def test_a_missing_package_is_named_with_its_cure(monkeypatch):
    from rlkit.soccer import compatibility

    def absent(name: str) -> str:
        raise compatibility.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(compatibility.metadata, "version", absent)
    with pytest.raises(EnvError, match=re.escape(f"sai-mujoco; install it with: {compatibility.INSTALL}")):
        compatibility.installed_version()


def test_patching_twice_changes_nothing():
    from sai_mujoco.utils.v1.mujoco_env import MujocoEnv_v1

    from rlkit.soccer import compatibility

    once = MujocoEnv_v1._initialize_sim
    compatibility.apply()
    assert MujocoEnv_v1._initialize_sim is once


def test_both_tasks_train_as_one_env():
    task = {"orientation": True, "actions": "joint_targets", "decimation": 10}
    env = GymEnv(
        [GOALIE, TARGET],
        2,
        seed=5,
        task="SoccerMulti",
        packages=PACKAGES,
        wrap=partial(adapt, task=task),
        vectorization="sync",
    )
    try:
        assert env.spec.obs_sizes["policy"] == 51 + 2
        assert env.spec.max_episode_length == 500
        assert env.spec.control_period == pytest.approx(0.02)
        env.reset()
        infos = (env.step(torch.zeros(2, 12)).info for _ in range(60))
        info = next(info for info in infos if info.episodes)
        assert info.episodes["return"].item() == pytest.approx(
            sum(value.item() for name, value in info.episodes.items() if name.startswith("reward/")), rel=1e-4
        )
        assert info.episodes["success"].item() == 0
    finally:
        env.close()
