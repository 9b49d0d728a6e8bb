"""Learning rate and entropy bonus over a run, by hand."""

from __future__ import annotations

import pytest
import torch
from states import assert_same

from benchmarks.point_mass import PointMass
from rlkit.learners.ppo.learner import PPO
from rlkit.learners.ppo.rates import Rates
from rlkit.learners.ppo.settings import Settings
from rlkit.learners.settings import read_settings

ON_THE_WAY = {
    "learning_rate": 1e-3, "learning_rate_end": 2e-4, "lr_schedule": "linear", "schedule_steps": 80,  # 10 epochs of 8
    "entropy_coef": 0.01, "entropy_coef_end": 0.0, "entropy_schedule": "cosine",
}  # fmt: skip


def test_each_has_its_own_way_over_the_steps(train) -> None:
    rates = Rates(read_settings(Settings, train(**ON_THE_WAY)))
    assert [rates.learning_rate(epochs) for epochs in (0, 5, 10, 99)] == pytest.approx(
        [1e-3, 6e-4, 2e-4, 2e-4]
    )
    assert [rates.entropy(epochs) for epochs in (0, 5, 10)] == pytest.approx([0.01, 0.005, 0.0])


def test_an_adaptive_rate_is_left_alone_and_constants_need_no_length(train) -> None:
    rates = Rates(read_settings(Settings, train(entropy_coef=0.02, schedule_steps="auto")))
    assert rates.learning_rate(3) is None and rates.entropy(3) == 0.02


@pytest.mark.parametrize("asymmetric", [False, True])
def test_both_networks_follow_and_a_resume_goes_on_where_it_was(train, asymmetric: bool) -> None:
    def started(seed: int = 1) -> tuple[PPO, PointMass]:
        env = PointMass(16, asymmetric=asymmetric)
        torch.manual_seed(seed)
        env.reset()
        return PPO(train(**ON_THE_WAY), env.spec, seed=seed), env

    straight, env = started()
    told = [straight.iterate(env).metrics["policy/learning_rate"] for _ in range(4)]
    assert told == pytest.approx([1e-3, 9.2e-4, 8.4e-4, 7.6e-4])
    agent = straight._agent
    optimizers = [agent.optimizer, *([agent.central_value_net.optimizer] if asymmetric else [])]
    assert [group["lr"] for one in optimizers for group in one.param_groups] == [told[-1]] * len(optimizers)

    first, env_a = started()
    first.iterate(env_a)
    first.iterate(env_a)
    saved, state, rng = first.state(), env_a.state(), torch.get_rng_state()
    second, env_b = started(seed=7)
    second.load(saved)
    env_b.load_state(state)
    torch.set_rng_state(rng)
    second.iterate(env_b)
    second.iterate(env_b)
    assert_same(second.state(), straight.state())
