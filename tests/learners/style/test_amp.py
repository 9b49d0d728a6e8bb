"""AMP on points that are to move like others: both rewards, each with its value; warnings; and an exact resume."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from states import assert_same
from styled_points import DATA, StyledPoints

from benchmarks.point_mass import PointMass
from rlkit.learners.api import LearnerError
from rlkit.learners.ppo.learner import PPO
from rlkit.learners.ppo.style.learner import AMP
from rlkit.learners.ppo.style.watch import EARLY, warnings


def start(settings: dict[str, Any], *, seed: int = 3, asymmetric: bool = False) -> tuple[AMP, StyledPoints]:
    env = StyledPoints(16, asymmetric=asymmetric)
    torch.manual_seed(seed)
    env.reset()
    return AMP(settings, env.spec, seed=seed), env


@pytest.mark.parametrize("asymmetric", [False, True])
def test_each_reward_has_its_column_and_its_value(amp: Any, asymmetric: bool) -> None:
    """The style's reward is that of the discriminator as it was before; the task's is the env's, weighted."""
    settings = amp(style_weight=3.0, task_weight=0.5, value_bootstrap=False)
    learner, env = start(settings, asymmetric=asymmetric)
    before = learner._agent.style.discriminator
    judged = AMP(settings, env.spec, seed=3)._agent.style.discriminator
    assert_same(dict(judged.state_dict()), dict(before.state_dict()))
    metrics = learner.iterate(env).metrics
    agent = learner._agent
    rewards = agent.experience_buffer.tensor_dict["rewards"]
    assert rewards.shape == (8, 16, 2)
    torch.testing.assert_close(rewards[..., 1], 3.0 * judged.reward(agent._reached))
    assert rewards[..., 0].mean().item() == pytest.approx(0.5 * metrics["style/task_reward"])
    assert (rewards[..., 0] < 0.0).all()  # minus the squared distance
    assert agent.values_of(agent.obs).shape == (16, 2)
    assert metrics["style/reward"] == pytest.approx(rewards[..., 1].mean().item() / 3.0)
    assert not torch.equal(judged.logit.weight, agent.style.discriminator.logit.weight)


def test_the_state_that_a_step_led_to_is_judged_not_the_next_episode_s(amp: Any) -> None:
    """Episodes begin at rest; none of the ends is."""
    learner, env = start(amp(horizon_length=32, num_minibatches=4))
    learner.iterate(env)
    ended = learner._agent.experience_buffer.tensor_dict["dones"][1:].bool()
    assert ended.any()
    assert (learner._agent._reached[:-1][ended].abs().sum(dim=-1) > 0.0).all()


@pytest.mark.slow
def test_points_come_to_move_as_the_data_does(amp: Any) -> None:
    learner, env = start(
        amp(
            task_weight=0.0,
            disc_updates=4,
            disc_learning_rate=1e-3,
            disc_batch_size=128,
            disc_gradient_penalty=1.0,
        )
    )
    for _ in range(60):
        learner.iterate(env)
    policy = learner.policy()
    obs = env.reset()
    speeds = []
    for _ in range(15):
        obs = env.step(policy(obs)).obs
        speeds.append(obs["style"])
    off = (torch.stack(speeds[8:]) - torch.tensor(DATA)).norm(dim=-1).mean()
    assert off < 0.25


@pytest.mark.slow
@pytest.mark.parametrize("asymmetric", [False, True])
def test_3_and_3_iterations_are_6(amp: Any, tmp_path: Any, asymmetric: bool) -> None:
    """Discriminator, its normaliser, optimiser and replay go along."""
    settings = amp(save_buffer=True, replay_size=300)  # full after three rollouts of 128
    straight, env = start(settings, asymmetric=asymmetric)
    metrics = [straight.iterate(env).metrics for _ in range(6)]

    first, env_a = start(settings, asymmetric=asymmetric)
    for _ in range(3):
        first.iterate(env_a)
    torch.save(
        {"amp": first.state(), "env": env_a.state(), "rng": torch.get_rng_state()},
        tmp_path / "checkpoint.pth",
    )
    saved = torch.load(tmp_path / "checkpoint.pth", weights_only=True)
    assert len(saved["amp"]["style"]["replay"]["rows"]) == 300

    second, env_b = start(settings, asymmetric=asymmetric, seed=99)
    second.load(saved["amp"])
    env_b.load_state(saved["env"])
    torch.set_rng_state(saved["rng"])
    assert second.complete
    assert [second.iterate(env_b).metrics for _ in range(3)] == metrics[3:]
    assert_same(second.state(), straight.state())


def test_without_its_replay_a_state_is_not_complete_and_policies_need_none_of_it(
    amp: Any, caplog: Any
) -> None:
    trained, env = start(amp())
    trained.iterate(env)
    state = trained.state()
    assert "replay" not in state["style"]
    assert "replay" not in start(amp(save_buffer=True))[0].state(experience=False)["style"]
    fresh, _ = start(amp(), seed=5)
    with caplog.at_level("INFO", logger="rlkit"):
        fresh.load(state)
    assert not fresh.complete and "train.save_buffer=true" in caplog.text
    acting, _ = start(amp(), seed=6)
    acting.load(trained.policy_state(), policy_only=True)
    assert trained.policy_state().keys() == {"sizes", "model"}
    obs = {"policy": torch.randn(5, 4)}
    assert torch.equal(acting.policy()(obs), trained.policy()(obs))


def test_what_does_not_fit_is_refused_and_changes_nothing(amp: Any, train: Any) -> None:
    learner, _ = start(amp())
    before = learner.state()
    other, _ = start(amp(disc_units=(8,)))
    with pytest.raises(LearnerError, match=r"discriminator.trunk.0.bias: \(8,\) in it, \(16,\) here"):
        learner.load(other.state())
    plain = PPO(train(), PointMass(16).spec, seed=0)
    with pytest.raises(LearnerError, match=r"model.value_mean_std.running_mean: \(1,\) in it, \(2,\) here"):
        learner.load(plain.state())
    assert_same(learner.state(), before)
    with pytest.raises(LearnerError, match="task PointMass has no observation group 'style'"):
        AMP(amp(), PointMass(16).spec, seed=0)


def test_warnings_say_what_to_change(amp: Any) -> None:
    settings = start(amp())[0].settings
    good = {
        "style/accuracy_data": 0.8,
        "style/accuracy_policy": 0.9,
        "style/reward": 0.5,
        "style/spread": 0.9,
    }
    sure = {**good, "style/accuracy_data": 1.0, "style/accuracy_policy": 0.995, "style/reward": 0.01}
    assert warnings(settings, EARLY, good) == {} == warnings(settings, EARLY - 1, sure)
    told = warnings(settings, EARLY, sure)["saturated"]
    assert "accuracy 0.99" in told or "accuracy 1.00" in told
    assert "train.disc_gradient_penalty=10 or train.disc_learning_rate=3.3e-05" in told
    stands = warnings(settings, EARLY, {**good, "style/spread": 0.1})["stands"]
    assert "varies by 10% of what the data does" in stands and "train.sigma_init=0" in stands


def test_a_resume_learns_at_the_rate_that_is_asked_for_now(amp: Any) -> None:
    """As the warning of a discriminator that tells everything apart advises."""
    trained, env = start(amp())
    trained.iterate(env)
    slower, _ = start(amp(disc_learning_rate=1e-6))
    slower.load(trained.state())
    assert [group["lr"] for group in slower.state()["style"]["optimizer"]["param_groups"]] == [1e-6]
    assert slower.state()["style"]["optimizer"]["state"]  # its moments go on
