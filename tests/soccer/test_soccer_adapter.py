"""The adapter on a stand-in for a soccer environment whose every number is known."""

from __future__ import annotations

import math

import gymnasium
import numpy as np
import pytest
from gymnasium.envs.registration import EnvSpec

from rlkit.env.api import EnvError
from rlkit.soccer.adapter import JointTargets, adapt, projected_gravity

TASK = {"orientation": True, "actions": "joint_targets", "decimation": 3}
LIMITS = np.array([45, 45, 30, 65, 24, 15] * 2, np.float32)
HALF = math.sqrt(0.5)


class Field(gymnasium.Env):
    """12 joints at rest at 0.1 rad, each moving by a thousandth of its torque; the episode ends in step `last`."""

    metadata = {"render_fps": 500}
    reward_config = {"stands": 2.0, "falls": -5.0}
    observation_space = gymnasium.spaces.Box(-np.inf, np.inf, (45,), np.float32)
    action_space = gymnasium.spaces.Box(-LIMITS, LIMITS, dtype=np.float32)

    def __init__(self, last: int = 100) -> None:
        self.spec = EnvSpec("Field-v0", max_episode_steps=100)
        self.last, self.torques = last, []

    def reset(self, *, seed=None, options=None):
        self.age, self.position = 0, np.full(12, 0.1, np.float32)
        return self.observe(), self.info()

    def step(self, action):
        self.torques.append(action)
        self.age += 1
        self.position = self.position + action / 1000
        ended = self.age == self.last
        info = {**self.info(), "reward_terms": {"stands": 1.0, "falls": np.bool_(ended), "unweighted": 7.0}}
        return self.observe(), np.float32(2.0 - 5.0 * ended), ended, False, info

    def observe(self):
        return np.concatenate([self.position, np.zeros(12), np.arange(21)]).astype(np.float32)

    def info(self):
        quat, gyro = np.array([HALF, 0, 0, HALF]), np.array([0.5, 0.6, 0.7])
        return {"robot_quat": quat, "robot_gyro": gyro, "success": self.age == self.last, "width": 9.0}


@pytest.mark.parametrize(
    ("quat", "gravity"),
    [
        ((0, 0, 0, 1), (0, 0, -1)),
        ((0, 0, HALF, HALF), (0, 0, -1)),  # turned left: still upright
        ((HALF, 0, 0, HALF), (0, -1, 0)),  # rolled to its right side: gravity pulls to its right
        ((0, HALF, 0, HALF), (1, 0, 0)),  # pitched onto its face: gravity pulls forward
        ((1, 0, 0, 0), (0, 0, 1)),  # upside down
        # 60° of pitch after 90° of yaw: as 60° of pitch alone
        ((-0.5 * HALF, 0.5 * HALF, math.cos(math.pi / 6) * HALF, math.cos(math.pi / 6) * HALF),
         (math.sin(math.pi / 3), 0, -0.5)),
    ],
)  # fmt: skip
def test_gravity_is_seen_from_the_torso(quat, gravity):
    assert projected_gravity(np.array(quat)) == pytest.approx(gravity, abs=1e-12)


def test_the_observation_ends_in_gravity_and_gyro_as_the_official_policy_has_it():
    env = adapt(Field(), TASK)
    obs, _ = env.reset()
    assert env.observation_space.shape == (51,)
    assert obs.dtype == np.float32
    assert obs[:12] == pytest.approx(0.1)
    assert obs[24:45] == pytest.approx(np.arange(21))
    assert obs[45:] == pytest.approx([0, -1, 0, 0.5, 0.6, 0.7])
    assert env.step(np.zeros(12))[0][45:] == pytest.approx([0, -1, 0, 0.5, 0.6, 0.7])
    assert adapt(Field(), {**TASK, "orientation": False}).observation_space.shape == (45,)


def test_offsets_from_the_standing_pose_become_torques():
    env = JointTargets(Field())
    env.reset()
    action = np.array([0.2, 0.1, 0.15, -0.2, 0.5, -0.1, 0.2, 0.1, 5.0, -9.0, 0.35, 0.0])
    torques = env.torques(action)
    # 200 * (-0.2 + 0.2 - 0.1), 200 * (0.1 - 0.1), 200 * (0.15 - 0.1), 200 * (0.4 - 0.2 - 0.1),
    # 50 * (-0.25 + 0.5 - 0.1), 50 * (-0.1 - 0.1)
    assert torques[:6] == pytest.approx([-20, 0, 10, 20, 7.5, -10], abs=1e-5)
    # 5 is clamped to 1, which asks for 180 N m of 30; -9 to -1: 200 * (0.4 - 1 - 0.1) = -140 of -65
    assert torques[6:] == pytest.approx([-20, 0, 30, -65, 0, -5], abs=1e-5)
    assert torques.dtype == np.float32


def test_a_moving_joint_is_damped():
    env = JointTargets(Field())
    env.reset()
    env._see(np.concatenate([[-0.2, 0, 0, 0.4, -0.25, 0] * 2, [1.0] * 12, np.zeros(21)]))
    assert env.torques(np.zeros(12)) == pytest.approx([-5, -5, -5, -5, -1, -1] * 2)


def test_the_torque_law_runs_at_every_step_of_the_environment():
    field = Field()
    env = adapt(field, TASK)
    env.reset()
    env.step(np.zeros(12))
    # Knees: 200 * (0.4 - q) = 60 at q = 0.1, which moves them to 0.16 (48), then to 0.208 (38.4).
    assert [torques[3] for torques in field.torques] == pytest.approx([60, 48, 38.4], rel=1e-5)


def test_torques_pass_as_they_are():
    field = Field()
    env = adapt(field, {**TASK, "actions": "torques", "decimation": 2})
    env.reset()
    assert env.action_space == field.action_space
    env.step(LIMITS / 2)
    assert np.array_equal(field.torques, [LIMITS / 2] * 2)


def test_an_action_is_held_and_its_rewards_are_summed():
    env = adapt(Field(last=5), TASK)
    env.reset()
    _, reward, terminated, truncated, info = env.step(np.zeros(12))
    assert (reward, terminated, truncated) == (6.0, False, False)
    assert info == {"success": False, "reward_terms": {"stands": 6.0, "falls": 0.0}}
    _, reward, terminated, truncated, info = env.step(np.zeros(12))  # steps 4 and 5, the last
    assert (reward, terminated, truncated) == (-1.0, True, False)
    assert info == {"success": True, "reward_terms": {"stands": 4.0, "falls": -5.0}}
    assert sum(info["reward_terms"].values()) == reward


def test_the_time_limit_counts_actions():
    env = adapt(Field(), TASK)
    assert env.spec is not None
    assert env.spec.max_episode_steps == 34  # of 100 steps, three an action
    assert env.metadata["render_fps"] == pytest.approx(500 / 3)
    inner = env.unwrapped.spec
    assert inner is not None
    assert inner.max_episode_steps == 100


def test_another_robot_is_refused_by_name():
    env = Field()
    env.action_space = gymnasium.spaces.Box(-1, 1, (23,), np.float32)
    with pytest.raises(
        EnvError, match=r"Field-v0 takes actions of shape \(23,\); .*LowerT1GoaliePenaltyKick-v0"
    ):
        adapt(env, TASK)
