"""The returns that PPO learns from, against values computed by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from two_tasks import TwoTasks

from benchmarks.point_mass import PointMass
from rlkit.env.api import Step, StepInfo, VecEnv
from rlkit.learners.ppo.learner import PPO

FIRST, AFTER_RESET, LAST, FINAL = 10.0, 30.0, 8.0, 40.0


class Script(VecEnv):
    """Two envs through the observations 10, 20 | 30, 8; both end at step 1, with 40 as the last observation.

    Env 0 runs out of time, env 1 fails. The first observation number is the script's. With `tasks` env 0 plays the
    first of them and env 1 the second; each step of env i earns `rewards[i]`.
    """

    def __init__(self, rewards=(1.0, 1.0), tasks=()) -> None:
        self.spec = replace(PointMass(2).spec, tasks=tasks)
        self.rewards = torch.tensor(rewards)
        self.clock = 0

    def reset(self):
        self.clock = 0
        return self.observe()

    def _obs(self, value):
        obs = torch.zeros(2, 4)
        obs[:, 0] = value
        if self.spec.tasks:
            obs[:, 2:] = torch.eye(2)
        return {"policy": obs, "critic": obs}

    def observe(self):
        return self._obs([FIRST, 20.0, AFTER_RESET, LAST][self.clock])

    def step(self, actions):
        self.clock += 1
        ends = self.clock == 2
        terminated, truncated = torch.tensor([False, ends]), torch.tensor([ends, False])
        final = self._obs(FINAL) if ends else self.observe()
        info = StepInfo(final, terminated, {})
        return Step(self.observe(), self.rewards.clone(), terminated, truncated, info)

    def state(self):
        return {}

    def load_state(self, state):
        pass


def returns_of(settings, env=None) -> list[float]:
    env = env or Script()
    agent = PPO(settings, env.spec, seed=0)._agent
    with torch.no_grad():  # V(observation) = its first number
        agent.model.a2c_network.value.weight.copy_(torch.tensor([[1.0, 0.0, 0.0, 0.0]]))
        agent.model.a2c_network.value.bias.zero_()
        agent.bridge.attach(env)
        agent.obs = agent.bridge.observe()
        return agent.play_steps()["returns"].squeeze(1).tolist()


@pytest.fixture
def linear(train):
    """Discount 1/2, lambda 1: a return is the discounted sum of rewards up to the bootstrap."""
    return lambda **changes: train(
        horizon_length=3,
        num_minibatches=1,
        units=(),
        gamma=0.5,
        tau=1.0,
        normalize_input=False,
        normalize_value=False,
        **changes,
    )


def test_a_time_out_is_bootstrapped_from_the_last_observation_a_failure_is_not(linear):
    # last step: 1 + 8/2 = 5; the end: 1 + 40/2 = 21, or 1; before it: 1 + 21/2, or 1 + 1/2
    assert returns_of(linear()) == [11.5, 21.0, 5.0, 1.5, 1.0, 5.0]


def test_reward_scale_does_not_scale_the_value(linear):
    # 2 + 8/2 = 6; 2 + 40/2 = 22, or 2; 2 + 22/2, or 2 + 2/2
    assert returns_of(linear(reward_scale=2.0)) == [13.0, 22.0, 6.0, 3.0, 2.0, 6.0]


def test_without_value_bootstrap_a_time_out_ends_like_a_failure(linear):
    assert returns_of({**linear(), "value_bootstrap": False}) == [1.5, 1.0, 5.0, 1.5, 1.0, 5.0]


def test_lambda_mixes_values_in(linear):
    # gamma lambda = 1/4; TD errors of env 0: 1 + 20/2 - 10 = 1, 1 + 40/2 - 20 = 1, 1 + 8/2 - 30 = -25
    # advantages: 1 + 1/4, 1, -25; returns: plus the values 10, 20, 30
    assert returns_of({**linear(), "tau": 0.5})[:3] == [11.25, 21.0, 5.0]


# Rewards 1, 1, 1 at discount 1/2 lead to the returns 1, 1.5 and, after the end, 1: their spread is 1 / sqrt(18).
SCALED = 18.0**0.5


def hand(last: float) -> list[float]:
    """Env 0, which runs out of time in its second step, and env 1, which fails there, with this reward a step."""
    timeout = last + FINAL / 2
    return [last + timeout / 2, timeout, last + LAST / 2, last + last / 2, last, last + LAST / 2]


def test_each_task_has_rewards_of_one_scale_and_values_stay_as_they_are(linear):
    env = Script(rewards=(1.0, 1000.0), tasks=("a", "b"))
    returns = returns_of(linear(reward_normalization=True), env)
    assert returns == pytest.approx(hand(SCALED))
    assert returns[5] == pytest.approx(returns[2])  # of a thousand times the reward


def test_one_task_is_scaled_by_all_returns(linear):
    env = Script(rewards=(1.0, 1000.0))
    spread = torch.tensor([1.0, 1.5, 1.0, 1000.0, 1500.0, 1000.0]).std(unbiased=False).item()
    returns = returns_of(linear(reward_normalization=True), env)
    assert returns[:3] == pytest.approx(hand(1.0 / spread)[:3])
    assert returns[3:] == pytest.approx(hand(1000.0 / spread)[3:])


def test_reward_scale_is_a_factor_on_scaled_rewards(linear):
    settings = linear(reward_normalization=True, reward_scale=2.0)
    assert returns_of(settings, Script(tasks=("a", "b"))) == pytest.approx(hand(2.0 * SCALED))


def test_the_factor_of_each_task_is_a_metric(train):
    env = TwoTasks(16)
    env.reset()
    settings = train(reward_normalization=True, gamma=0.9)
    metrics = PPO(settings, env.spec, seed=0).iterate(env).metrics
    factors = {name: value for name, value in metrics.items() if "reward_scale" in name}
    assert list(factors) == ["returns/reward_scale/low", "returns/reward_scale/high"]
    assert 0.1 < factors["returns/reward_scale/low"] < 100.0
    assert 1e-4 < factors["returns/reward_scale/high"] < 0.1
    assert metrics["returns/low"] < -500.0 and metrics["returns/high"] == 0.0 < metrics["returns/spread"]
