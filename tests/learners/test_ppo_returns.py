"""The returns that PPO learns from, against values computed by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from rlkit.env.dummy import PointMass
from rlkit.env.spec import StepInfo, VecEnv
from rlkit.learners.ppo import PPO

FIRST, AFTER_RESET, LAST, FINAL = 10.0, 30.0, 8.0, 40.0


class Script(VecEnv):
    """Two envs through the observations 10, 20 | 30, 8; both end at step 1, with 40 as the last observation.

    Env 0 runs out of time, env 1 fails. Every reward is 1. The first observation number is the script's.
    """

    def __init__(self) -> None:
        self.spec = replace(PointMass(2).spec)
        self.clock = 0

    def reset(self):
        self.clock = 0
        return self.observe()

    def _obs(self, value):
        obs = torch.zeros(2, 4)
        obs[:, 0] = value
        return {"policy": obs, "critic": obs}

    def observe(self):
        return self._obs([FIRST, 20.0, AFTER_RESET, LAST][self.clock])

    def step(self, actions):
        self.clock += 1
        ends = self.clock == 2
        terminated, truncated = torch.tensor([False, ends]), torch.tensor([ends, False])
        final = self._obs(FINAL) if ends else self.observe()
        return self.observe(), torch.ones(2), terminated, truncated, StepInfo(final, terminated, {})

    def state(self):
        return {}

    def load_state(self, state):
        pass


def returns_of(settings) -> list[float]:
    env = Script()
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
