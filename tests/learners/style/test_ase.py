"""ASE on points with a latent: three rewards, the latent that was acted on, and an exact resume."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from states import assert_same
from styled_points import SkilledPoints, StyledPoints

from rlkit.learners.api import LearnerError
from rlkit.learners.ppo.style.ase.learner import ASE
from rlkit.learners.ppo.style.ase.reward import SkillReward


def start(settings: dict[str, Any], seed: int = 3) -> tuple[ASE, SkilledPoints]:
    env = SkilledPoints(16)
    torch.manual_seed(seed)
    env.reset()
    return ASE(settings, env.spec, seed=seed), env


def test_each_reward_has_its_column_and_the_latent_is_the_one_acted_on(ase: Any) -> None:
    settings = ase(style_weight=2.0, skill_weight=0.5, value_bootstrap=False)
    learner, env = start(settings)
    judged = start(settings)[0]._agent.style
    assert isinstance(judged, SkillReward)
    metrics = learner.iterate(env).metrics
    agent = learner._agent
    tensors = agent.experience_buffer.tensor_dict
    rewards, rows = tensors["rewards"], agent._reached
    assert rewards.shape == (8, 16, 3) and rows.shape == (8, 16, 5)
    assert torch.equal(rows[..., 2:], tensors["obses"][..., 4:])
    assert not torch.equal(
        rows[2, :, 2:], tensors["obses"][3][:, 4:]
    )  # a new one came with what step 2 led to
    torch.testing.assert_close(rewards[..., 1], 2.0 * judged.of(rows))
    torch.testing.assert_close(rewards[..., 2], 0.25 * (judged.match(rows) + 1.0))
    assert metrics["style/match"] == pytest.approx(judged.match(rows).mean().item(), abs=1e-6)
    assert agent.values_of(agent.obs).shape == (16, 3)


@pytest.mark.slow
def test_actions_come_to_differ_by_the_latent_where_only_that_counts(ase: Any) -> None:
    """The loss falls towards 0; without it the policy hardly looks at the latent."""
    only = {"task_weight": 0.0, "style_weight": 0.0, "skill_weight": 0.0, "mini_epochs": 6}
    learner, env = start(ase(**only, diversity_coef=1.0, lr_schedule="constant", learning_rate=3e-3))
    losses = [learner.iterate(env).metrics["losses/diversity"] for _ in range(12)]
    assert losses[0] > 0.6 and losses[-1] < 0.5 * losses[0]
    without, env = start(ase(**only, diversity_coef=0.0))
    assert "losses/diversity" not in without.iterate(env).metrics


@pytest.mark.slow
@pytest.mark.parametrize(
    "changes", [{}, {"disc_conditional": True, "enc_trunk": "own"}], ids=["ase", "conditional"]
)
def test_3_and_3_iterations_are_6(ase: Any, tmp_path: Any, changes: dict[str, Any]) -> None:
    settings = ase(save_buffer=True, replay_size=300, **changes)  # full after three rollouts of 128
    straight, env = start(settings)
    metrics = [straight.iterate(env).metrics for _ in range(6)]
    first, env_a = start(settings)
    for _ in range(3):
        first.iterate(env_a)
    saved = {"ase": first.state(), "env": env_a.state(), "rng": torch.get_rng_state()}
    torch.save(saved, tmp_path / "checkpoint.pth")
    saved = torch.load(tmp_path / "checkpoint.pth", weights_only=True)
    assert saved["ase"]["style"]["replay"]["rows"].shape == (300, 5)
    second, env_b = start(settings, seed=99)
    second.load(saved["ase"])
    env_b.load_state(saved["env"])
    torch.set_rng_state(saved["rng"])
    assert second.complete
    assert [second.iterate(env_b).metrics for _ in range(3)] == metrics[3:]
    assert_same(second.state(), straight.state())


def test_what_cannot_work_is_refused(ase: Any, amp: Any) -> None:
    with pytest.raises(
        LearnerError, match=r"its critic observation has no term 'latent'.*task\.groups\.critic"
    ):
        ASE(ase(), SkilledPoints(16, blind=True).spec, seed=0)
    with pytest.raises(
        LearnerError, match=r"its policy observation has no term 'latent'.*task\.observations"
    ):
        ASE(ase(), StyledPoints(16).spec, seed=0)
    with pytest.raises(LearnerError, match=r"train\.enc_trunk=own"):
        ASE(ase(disc_conditional=True), SkilledPoints(16).spec, seed=0)
    learner, _ = start(ase())
    wider = ASE(ase(enc_trunk="own"), SkilledPoints(16).spec, seed=0)
    with pytest.raises(LearnerError, match=r"encoder\.own\.0\.bias: \(16,\) in it, absent here"):
        learner.load(wider.state())


def test_the_exported_network_takes_the_latent_with_the_observation(ase: Any) -> None:
    learner, env = start(ase(diversity_coef=1.0))
    learner.iterate(env)
    obs = torch.randn(5, 7)
    other = torch.cat((obs[:, :4], -obs[:, 4:]), dim=1)
    network = learner.network()
    assert torch.equal(network(obs), learner.policy()({"policy": obs}))
    assert not torch.equal(network(obs), network(other))
