"""Latents, encoder and the losses about them by hand."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from rlkit.learners.ppo.normalizer import PartNormalizer
from rlkit.learners.ppo.style.ase import reward as reward_module
from rlkit.learners.ppo.style.ase.reward import SkillReward
from rlkit.learners.ppo.style.ase.settings import Settings
from rlkit.learners.ppo.style.ase.skills import Encoder, diversity_loss, on_sphere, uniformity_loss
from rlkit.learners.settings import read_settings

CPU = torch.device("cpu")


def softplus(x: float) -> float:
    return math.log1p(math.exp(x))


def judge(ase: Any, **changes: Any) -> SkillReward:
    """Of 2 numbers and a latent of 2; without hidden layers D(x) = x_0, and e is the direction of x."""
    given = {"disc_units": (), "enc_units": (), "disc_gradient_penalty": 0.0, "disc_logit_penalty": 0.0}
    settings = read_settings(Settings, ase(**{**given, "disc_weight_decay": 0.0, **changes}))
    judge = SkillReward(settings, 2, 2, CPU)
    with torch.no_grad():
        judge.discriminator.logit.weight.zero_()[0, 0] = 1.0
        judge.encoder.head.weight.copy_(torch.eye(2))
    return judge


def test_latents_are_of_length_1_and_uniform_on_the_whole_sphere() -> None:
    """Of 3 numbers each is uniform in [-1, 1]: mean 0, mean square 1/3, a tenth of them above 0.8."""
    torch.manual_seed(0)
    latents = on_sphere(40_000, 3, CPU)
    torch.testing.assert_close(latents.norm(dim=1), torch.ones(40_000))
    assert latents.mean(dim=0).abs().max() < 0.01
    torch.testing.assert_close(latents.T @ latents / 40_000, torch.eye(3) / 3.0, atol=0.01, rtol=0.0)
    assert (latents > 0.8).float().mean(dim=0).tolist() == pytest.approx([0.1] * 3, abs=0.01)


def test_the_diversity_loss_by_hand() -> None:
    """Opposite latents are 1 apart: moved by 0.5 the loss is 0.25; at right angles 0.5 apart: 0 where moved by that."""
    z = torch.tensor([[1.0, 0.0], [1.0, 0.0]])
    others = torch.tensor([[-1.0, 0.0], [0.0, 1.0]])
    moved = torch.tensor([[1.0, 0.0], [1.0, 0.0]])  # mean squares of 0.5
    loss = diversity_loss(moved, torch.zeros(2, 2), z, others)
    assert loss.item() == pytest.approx(0.5 * (0.25 + 0.0), abs=1e-4)
    assert diversity_loss(moved, moved, z, others).item() == pytest.approx(1.0)


def test_uniformity_is_of_pairs() -> None:
    """Squared distances of 4, 2 and 2."""
    codes = torch.tensor([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0]])
    wanted = math.log((math.exp(-4.0) + 2.0 * math.exp(-2.0)) / 3.0)
    assert uniformity_loss(codes).item() == pytest.approx(wanted)
    assert uniformity_loss(codes[:1].expand(5, 2)).item() == pytest.approx(0.0)


def test_latents_keep_their_direction_in_the_normaliser() -> None:
    norm = PartNormalizer(1)
    norm.running_var.fill_(4.0)
    norm.running_mean.fill_(1.0)
    norm.epsilon = 0.0
    assert norm(torch.tensor([[5.0, 0.6, -0.8]])).tolist() == [
        pytest.approx([2.0, 0.6 * math.sqrt(2.0), -0.8 * math.sqrt(2.0)])
    ]


def test_the_loss_by_hand(ase: Any) -> None:
    """D = 2 (data), -1 (played) and 0.5 (replayed); e of (-1, 0) is itself, and z·e = -0.6. The latents of what was
    replayed do not matter.
    """
    reward = judge(ase, enc_trunk="own", enc_coef=2.0)
    shown = torch.tensor([[2.0, 0.0]])
    played, replayed = torch.tensor([[-1.0, 0.0, 0.6, 0.8]]), torch.tensor([[0.5, 0.0, 0.0, 1.0]])
    loss, metrics = reward.loss(shown, played, replayed)
    entropy = 0.5 * (softplus(-2.0) + 0.5 * (softplus(-1.0) + softplus(0.5)))
    assert metrics["losses/encoder"].item() == pytest.approx(0.6, abs=1e-4)
    assert loss.item() == pytest.approx(entropy + 2.0 * 0.6, rel=1e-4)
    assert "losses/uniformity" not in metrics
    assert reward.match(played).item() == pytest.approx(-0.6, abs=1e-4)


def test_a_conditional_discriminator_sees_latents_and_takes_data_with_others_for_false(
    ase: Any, monkeypatch: Any
) -> None:
    """D is the latent's first number times √2: √2 of the data's own code, −√2 of the strange one that is drawn."""
    reward = judge(ase, enc_trunk="own", disc_conditional=True, enc_coef=1.0, enc_uniformity=0.5)
    with torch.no_grad():
        reward.discriminator.logit.weight.copy_(torch.tensor([[0.0, 0.0, 1.0, 0.0]]))
    monkeypatch.setattr(
        reward_module, "on_sphere", lambda count, size, device: -torch.eye(2)[:1].expand(2, 2)
    )
    shown = torch.tensor([[2.0, 0.0], [3.0, 0.0]])  # codes (1, 0), both
    played = torch.tensor([[0.0, 1.0, 0.0, 1.0]] * 2)
    loss, metrics = reward.loss(shown, played, played)
    root = math.sqrt(2.0)
    entropy = 0.5 * (softplus(-root) + (2.0 * softplus(0.0) + softplus(-root)) / 3.0)
    assert metrics["losses/uniformity"].item() == pytest.approx(0.0, abs=1e-5)
    assert loss.item() == pytest.approx(entropy - 1.0, rel=1e-3)
    assert reward.of(torch.tensor([[9.0, 9.0, -1.0, 0.0]])).item() == pytest.approx(softplus(-root), rel=1e-4)


@pytest.mark.parametrize("trunk", ["shared", "own"])
def test_the_encoder_learns_on_layers_of_its_own_or_the_discriminators(ase: Any, trunk: str) -> None:
    settings = read_settings(Settings, ase(enc_trunk=trunk, disc_units=(8,), enc_units=(4,)))
    torch.manual_seed(0)
    reward = SkillReward(settings, 2, 3, CPU)
    found = reward.codes(torch.randn(6, 2))
    torch.testing.assert_close(found.norm(dim=1), torch.ones(6))
    found.sum().backward()
    of_trunk = reward.discriminator.weights()[0].grad
    assert (of_trunk is not None) == (trunk == "shared")
    assert reward.encoder.head.weight.shape == (3, 8 if trunk == "shared" else 4)
    counted = list(reward.networks.parameters())
    assert len(counted) == len({id(parameter) for parameter in counted}) == (6 if trunk == "shared" else 8)


def test_an_encoder_finds_the_latents_of_motions_that_show_them(ase: Any) -> None:
    """Motions are latents turned by a right angle, with noise."""
    torch.manual_seed(0)
    latents = on_sphere(400, 2, CPU)
    motions = torch.stack((-latents[:, 1], latents[:, 0]), dim=1) + 0.05 * torch.randn(400, 2)
    encoder = Encoder(2, 2, (), None)
    optimizer = torch.optim.SGD(encoder.parameters(), 0.5)
    for _ in range(100):
        optimizer.zero_grad()
        (-(encoder(motions) * latents).sum(dim=1).mean()).backward()
        optimizer.step()
    assert (encoder(motions) * latents).sum(dim=1).mean() > 0.98
