"""MaskedMimic: its divergence, its latent, and that what is hidden changes no action."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from taught_points import MaskedPoints, TaughtPoints, assert_3_and_3_iterations_are_6, teacher

from rlkit.learners.api import LearnerError
from rlkit.learners.distill.masked.learner import MaskedMimic
from rlkit.learners.distill.masked.student import Gaussian, divergence


def start(settings: dict[str, Any], *, seed: int = 3) -> tuple[MaskedMimic, MaskedPoints]:
    env = MaskedPoints()
    env.reset()
    learner = MaskedMimic(settings, env.spec, seed=seed)
    learner.imitate(teacher, "one")
    return learner, env


def test_the_divergence_by_hand() -> None:
    """From N(0, 1) to N(1, 4): ½ (−ln 4 + 4 + 1 − 1) = 1.3069; summed over a latent of two alike."""
    zero, one = torch.zeros(1, 2), torch.ones(1, 2)
    prior, encoded = Gaussian(zero, zero), Gaussian(one, 1.3862944 * one)
    assert divergence(encoded, prior).tolist() == pytest.approx([2 * 1.3068528])
    assert divergence(prior, prior).tolist() == [0.0]
    # the other way round: ½ (ln 4 + ¼ + ¼ − 1)
    assert divergence(prior, encoded).tolist() == pytest.approx([2 * 0.4431472])


def test_the_loss_is_the_error_and_the_weighted_divergence(masked_mimic: Any) -> None:
    learner, env = start(masked_mimic(kl_start=0.1, kl_end=0.5, kl_iterations=4))
    student = learner.student
    assert [student.kl_weight(k) for k in (0, 1, 4, 9)] == pytest.approx([0.1, 0.2, 0.5, 0.5])
    obs = env.observe()
    rows = {"policy": obs["policy"], "targets": obs["targets"], "label": teacher({"policy": obs["teacher"]})}
    losses = student.losses(rows, torch.Generator().manual_seed(0), 1)
    assert losses["loss"].item() == pytest.approx(
        losses["losses/imitation"].item() + 0.2 * losses["losses/kl"].item()
    )
    seen, targets = student.norms["policy"](obs["policy"]), student.norms["targets"](obs["targets"])
    prior = student.guessed(seen)
    noise = torch.randn(16, 4, generator=torch.Generator().manual_seed(0))
    latent = student.encoded(seen, targets, prior).at(noise)
    by_hand = (student.decoded(seen, latent) - rows["label"]).square().mean()
    assert losses["losses/imitation"].item() == pytest.approx(by_hand.item())


def test_a_target_that_is_hidden_changes_no_action_of_the_trained_policy(masked_mimic: Any) -> None:
    learner, env = start(masked_mimic())
    learner.iterate(env)
    obs = env.observe()
    other = {**obs, "targets": obs["targets"] + 1.0}
    assert torch.equal(learner.policy()(other), learner.policy()(obs))
    shown = {**obs, "policy": obs["policy"] + torch.tensor([0.0, 0.0, 1.0, 0.0, 0.0])}
    assert not torch.equal(learner.policy()(shown), learner.policy()(obs))
    # all that the decoder has of the targets is the latent
    latent = torch.zeros(16, 4)
    student = learner.student
    assert torch.equal(student.decoded(shown["policy"], latent), student.decoded(obs["policy"], latent))


def test_the_trained_policy_acts_by_the_prior_s_mean(masked_mimic: Any) -> None:
    learner, env = start(masked_mimic())
    obs, student = env.observe(), learner.student
    seen = student.norms["policy"](obs["policy"])
    mean = student.decoded(seen, student.guessed(seen).mean).clamp(-1.0, 1.0)
    torch.testing.assert_close(learner.policy()(obs), mean)
    torch.testing.assert_close(learner.network()(obs["policy"]), mean)
    assert (learner.policy(stochastic=True)(obs) - mean).abs().max() > 0.01


def test_training_acts_by_both_latents(masked_mimic: Any) -> None:
    """The first quarter of the envs by the prior's, in which the whole targets change nothing."""
    learner, env = start(masked_mimic(prior_share=0.25))
    obs = env.observe()
    acted = [
        learner.student.acting({**obs, "targets": obs["targets"] + off}, torch.Generator().manual_seed(0))
        for off in (0.0, 3.0)
    ]
    same = (acted[0] == acted[1]).all(dim=-1)
    assert same.tolist() == [True] * 4 + [False] * 12


def test_3_and_3_iterations_are_6(masked_mimic: Any, tmp_path: Any) -> None:
    settings = masked_mimic(replay_size=300, save_buffer=True)
    assert_3_and_3_iterations_are_6(start, settings, tmp_path)


@pytest.mark.slow
def test_the_prior_comes_near_where_it_sees_the_targets(masked_mimic: Any) -> None:
    learner, env = start(masked_mimic(learning_rate=3e-3, replay_size=2000))
    errors = [learner.iterate(env).metrics["losses/imitation"] for _ in range(40)]
    obs = env.observe()
    off = (learner.policy()(obs) - teacher({"policy": obs["teacher"]})).square().mean(dim=-1).sqrt()
    assert off[::2].mean() < 0.1 and off[::2].mean() < 0.5 * off[1::2].mean()
    assert errors[-1] < 0.02


def test_without_hidden_targets_there_is_nothing_to_learn(masked_mimic: Any) -> None:
    spec = TaughtPoints().spec
    spec = replace(spec, obs_sizes={**spec.obs_sizes, "targets": 2})
    with pytest.raises(LearnerError, match="shows its policy no masked_targets"):
        MaskedMimic(masked_mimic(), spec, seed=0)
