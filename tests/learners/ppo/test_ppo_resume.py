from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from states import assert_same
from two_tasks import TwoTasks

from benchmarks.point_mass import PointMass
from rlkit.learners.api import LearnerError
from rlkit.learners.ppo.learner import PPO


def start(settings, asymmetric=False, seed=3, env=None):
    env = env or PointMass(16, asymmetric=asymmetric)
    torch.manual_seed(seed)
    env.reset()
    return PPO(settings, env.spec, seed=seed), env


def test_returns_of_episodes_that_do_not_go_on_are_forgotten(train):
    learner, env = start(train(reward_normalization=True))
    learner.iterate(env)
    assert learner.state()["returns"]["returns"].any()
    learner.forget()
    assert not learner.state()["returns"]["returns"].any()


def test_16_bit_arithmetic_may_begin_with_a_resume(train):
    first, second = start(train())[0], start(train())[0]
    second._agent.scaler = torch.amp.GradScaler("cpu", init_scale=8.0)  # as mixed_precision on CUDA has it
    second.load(first.state())
    assert second.state()["scaler"]["scale"] == 8.0


@pytest.mark.slow
@pytest.mark.parametrize("asymmetric", [False, True])
@pytest.mark.parametrize("schedule_type", ["legacy", "standard"])
def test_8_and_8_iterations_are_16(train, tmp_path, asymmetric, schedule_type):
    settings = train(schedule_type=schedule_type)
    straight, env = start(settings, asymmetric)
    metrics = [straight.iterate(env).metrics for _ in range(16)]

    first, env_a = start(settings, asymmetric)
    for _ in range(8):
        first.iterate(env_a)
    torch.save(
        {"ppo": first.state(), "env": env_a.state(), "rng": torch.get_rng_state()},
        tmp_path / "checkpoint.pth",
    )
    saved = torch.load(tmp_path / "checkpoint.pth", weights_only=True)

    second, env_b = start(settings, asymmetric, seed=99)
    second.load(saved["ppo"])
    env_b.load_state(saved["env"])
    torch.set_rng_state(saved["rng"])
    resumed = [second.iterate(env_b).metrics for _ in range(8)]

    assert resumed == metrics[8:]
    assert_same(second.state(), straight.state())
    # the adapted rate is what was carried over
    assert metrics[7]["policy/learning_rate"] != settings["learning_rate"]
    assert saved["ppo"]["learning_rate"] == metrics[7]["policy/learning_rate"]


def test_3_and_3_iterations_are_6_with_rewards_scaled_by_task(train, tmp_path):
    settings = train(reward_normalization=True)
    straight, env = start(settings, env=TwoTasks(16))
    metrics = [straight.iterate(env).metrics for _ in range(6)]

    first, env_a = start(settings, env=TwoTasks(16))
    for _ in range(3):
        first.iterate(env_a)
    torch.save(
        {"ppo": first.state(), "env": env_a.state(), "rng": torch.get_rng_state()},
        tmp_path / "checkpoint.pth",
    )
    saved = torch.load(tmp_path / "checkpoint.pth", weights_only=True)
    assert saved["ppo"]["returns"]["count"].sum() == 3 * 8 * 16

    second, env_b = start(settings, seed=99, env=TwoTasks(16))
    second.load(saved["ppo"])
    env_b.load_state(saved["env"])
    torch.set_rng_state(saved["rng"])
    assert [second.iterate(env_b).metrics for _ in range(3)] == metrics[3:]
    assert_same(second.state(), straight.state())


def test_statistics_of_returns_go_along_only_where_they_are_used(train, caplog):
    plain, _ = start(train(), env=TwoTasks(16))
    scaled, env = start(train(reward_normalization=True), env=TwoTasks(16))
    scaled.iterate(env)
    before = scaled.state()
    with caplog.at_level("WARNING", logger="rlkit"):
        plain.load(before)
        scaled.load(plain.state())
    assert [record.getMessage() for record in caplog.records] == [
        "the saved critic was trained with train.reward_normalization=true: it has to learn another scale",
        "the saved critic was trained with train.reward_normalization=false: it has to learn another scale",
    ]
    assert "returns" not in plain.state()
    assert_same(scaled.state(), before)
    one_task = TwoTasks(16)
    one_task.spec = replace(one_task.spec, tasks=())
    other, _ = start(train(reward_normalization=True), env=one_task)
    with pytest.raises(LearnerError, match="returns of 2 tasks in it, 0 here"):
        other.load(before)


def test_a_state_is_a_snapshot(train):
    learner, env = start(train(), False)
    learner.iterate(env)
    state, again = learner.state(), learner.state()
    learner.iterate(env)
    assert_same(state, again)
    learner.load(state)
    learner.iterate(env)
    assert_same(state, again)


def test_policy_only_takes_what_acting_needs(train):
    trained, env = start(train(), True)
    for _ in range(3):
        trained.iterate(env)
    fresh, _ = start(train(), True, seed=5)
    act, obs = fresh.policy(), {"policy": torch.randn(7, 4)}
    assert not torch.equal(act(obs), trained.policy()(obs))
    fresh.load(trained.state(), policy_only=True)
    assert torch.equal(act(obs), trained.policy()(obs))
    assert fresh.state()["iteration"] == 0
    alone, _ = start(train(), True, seed=6)
    alone.load(trained.policy_state(), policy_only=True)
    assert torch.equal(alone.policy()(obs), trained.policy()(obs))
    assert trained.policy_state().keys() == {"sizes", "model"}


def test_a_state_of_other_sizes_is_refused_and_changes_nothing(train):
    learner, _ = start(train(), False)
    before = learner.state()
    other, _ = start(train(), True)
    with pytest.raises(LearnerError, match="critic: 5 in it, 4 here"):
        learner.load(other.state())
    wide, _ = start(train(units=(64, 64)), False)
    with pytest.raises(LearnerError, match=r"actor_mlp.0.bias: \(64,\) in it, \(32,\) here"):
        learner.load(wide.state())
    with pytest.raises(LearnerError, match="not a state of PPO"):
        learner.load({"actor": {}})
    assert_same(learner.state(), before)
