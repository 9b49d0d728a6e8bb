"""FlashSAC's layers and noise by hand, and its updates number by number against the plain version."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from plain_flash_sac import PlainFlashSAC, PlainNet

from benchmarks.point_mass import PointMass
from rlkit.learners.fast_sac.flash.exploration import HeldNoise
from rlkit.learners.fast_sac.flash.learner import FlashSAC
from rlkit.learners.fast_sac.flash.networks import BatchNorm, RmsNorm, Torso
from rlkit.learners.off_policy.replay.buffer import Batch

OBS, ACTIONS, ROWS = 4, 2, 64
CPU = torch.device("cpu")


def learner_of(settings, num_envs=8) -> Any:
    return FlashSAC(settings, PointMass(num_envs).spec, seed=0)


# Layers.


def test_a_batch_is_normalised_by_itself_or_by_what_was_seen_before():
    layer = BatchNorm(1, 1)
    layer.weight.data.fill_(2.0)
    layer.bias.data.fill_(1.0)
    x = torch.tensor([[[1.0], [3.0]]])  # mean 2, variance 1
    torch.testing.assert_close(layer(x, by_batch=True), torch.tensor([[[-1.0], [3.0]]]), atol=1e-4, rtol=0.0)
    # 1 % of the mean 2, and of the unbiased variance 2 beside the 1 of the beginning
    assert layer.mean.item() == pytest.approx(0.02) and layer.variance.item() == pytest.approx(1.01)
    expected = 1.0 + 2.0 * (3.0 - 0.02) / math.sqrt(1.01)
    assert layer(x, by_batch=False)[0, 1].item() == pytest.approx(expected, rel=1e-4)
    assert layer.mean.item() == pytest.approx(0.02)  # only looked at


def test_gains_and_offsets_lie_on_a_sphere():
    layer = BatchNorm(2, 2)
    layer.weight.data.copy_(torch.tensor([[[3.0, 0.0]], [[1.0, 1.0]]]))
    layer.bias.data.copy_(torch.tensor([[[0.0, 4.0]], [[1.0, 1.0]]]))
    layer.project()  # of two features the length is √2: from 5, and from 2
    root = math.sqrt(2.0)
    torch.testing.assert_close(layer.weight.data, torch.tensor([[[0.6 * root, 0.0]], [[root / 2, root / 2]]]))
    torch.testing.assert_close(layer.bias.data, torch.tensor([[[0.0, 0.8 * root]], [[root / 2, root / 2]]]))
    norm = RmsNorm(1, 2)
    norm.weight.data.copy_(torch.tensor([[[3.0, 4.0]]]))
    norm.project()
    torch.testing.assert_close(norm.weight.data, torch.tensor([[[0.6 * root, 0.8 * root]]]))
    # over the root of the mean square, √(25 / 2), times that gain
    torch.testing.assert_close(norm(torch.tensor([[[3.0, 4.0]]])), torch.tensor([[[0.72, 1.28]]]))


def test_a_torso_s_members_see_the_same_and_answer_by_themselves():
    torch.manual_seed(0)
    torso = Torso(2, OBS, [8, 8])
    hidden = torso(torch.randn(5, OBS))
    assert hidden.shape == (2, 5, 8) and not torch.allclose(hidden[0], hidden[1])
    torch.testing.assert_close(hidden.square().sum(-1), torch.full((2, 5), 8.0), atol=1e-3, rtol=0.0)


# Noise that stays.


def test_noise_stays_for_as_long_as_it_was_drawn_for():
    noise = HeldNoise(3, 2, most=16, power=2.0, generator=torch.Generator().manual_seed(0), device=CPU)
    first = noise.draw().clone()
    noise.left.copy_(torch.tensor([2, 0, 1]))
    second = noise.draw().clone()
    third = noise.draw().clone()
    assert torch.equal(first[0], second[0]) and torch.equal(second[0], third[0])
    assert not torch.equal(first[1], second[1])
    assert torch.equal(first[2], second[2]) and not torch.equal(second[2], third[2])


def test_how_long_noise_stays_falls_with_the_square():
    """Of 1, 2 and 3 steps with n ** -2: 36/49, 9/49 and 4/49."""
    rows = 40_000
    noise = HeldNoise(rows, 1, most=3, power=2.0, generator=torch.Generator().manual_seed(0), device=CPU)
    noise.draw()
    shares = torch.bincount(noise.left + 1, minlength=4) / rows
    assert shares.tolist() == pytest.approx([0.0, 36 / 49, 9 / 49, 4 / 49], abs=0.01)
    alone = HeldNoise(rows, 1, most=1, power=2.0, generator=torch.Generator().manual_seed(0), device=CPU)
    alone.draw()
    assert alone.left.eq(0).all()


# Updates.


def sample(seed):
    generator = torch.Generator().manual_seed(seed)
    terminated = (torch.rand(ROWS, generator=generator) < 0.3).float()
    fields = {
        "obs": torch.randn(ROWS, OBS, generator=generator),
        "next_obs": 1.5 * torch.randn(ROWS, OBS, generator=generator),
        "action": torch.rand(ROWS, ACTIONS, generator=generator) * 2 - 1,
        "reward": -torch.rand(ROWS, generator=generator),
        "terminated": terminated,
    }
    batch = Batch(
        fields["obs"], fields["obs"], fields["action"], fields["reward"], 0.99 * (1.0 - terminated),
        fields["next_obs"], fields["next_obs"], torch.ones(ROWS),
    )  # fmt: skip
    return fields, batch, torch.randn(2, ROWS, ACTIONS, generator=generator)


def plain_net(torso, heads, member, blocks) -> PlainNet:
    """The plain version of one member."""
    net: Any = PlainNet(torso.inputs.weight.shape[-1], torso.norm.weight.shape[-1], blocks, [
        head.bias.shape[-1] for head in heads
    ])  # fmt: skip

    def norm(theirs, mine):
        theirs.weight.data.copy_(mine.weight[member, 0])
        theirs.bias.data.copy_(mine.bias[member, 0])

    norm(net.inputs, torso.inputs)
    net.embed.weight.data.copy_(torso.embed.weight[member].T)
    net.norm.weight.data.copy_(torso.norm.weight[member, 0])
    for theirs, mine in zip(net.blocks, torso.blocks):
        for name in ("expand", "contract"):
            getattr(theirs, name).weight.data.copy_(getattr(mine, name).weight[member].T)
        norm(theirs.inner, mine.inner)
        norm(theirs.outer, mine.outer)
    for theirs, mine in zip(net.heads, heads):
        theirs.weight.data.copy_(mine.linear.weight[member].T)
        theirs.bias.data.copy_(mine.bias[member, 0])
    return net


def twin(learner) -> Any:
    """The plain version with the same weights."""
    update = learner.update
    actor = plain_net(update.actor.torso, [update.actor.head, update.actor.log_std], 0, 2)
    groups = [
        [plain_net(critics.torso, [critics.head], member, 2) for member in range(2)]
        for critics in (update.critics, update.target_critics)
    ]
    return PlainFlashSAC(actor, groups[0], groups[1], learner.settings)


def test_ten_updates_equal_the_plain_version(flash_train, monkeypatch):
    learner = learner_of(flash_train(alpha_init=0.2, alpha_learning_rate=0.01))
    plain, update = twin(learner), learner.update
    for seed in range(10):
        fields, batch, noises = sample(seed)
        for which, noise in enumerate(noises):
            with monkeypatch.context() as patch:
                patch.setattr(torch, "randn", lambda *_, drawn=noise, **__: drawn)
                (update.update_actor if which else update.update_critics)(batch)
        critic = plain.update_critics(fields, noises[0])
        actor, alpha = plain.update_actor(fields, noises[1])
        means = update.meter.read()
        assert means["losses/critic"] == pytest.approx(critic.item(), rel=1e-4)
        assert means["losses/actor"] == pytest.approx(actor.item(), rel=1e-3)
        assert means["losses/alpha"] == pytest.approx(alpha.item(), rel=1e-4)
    assert plain.log_alpha.item() == pytest.approx(update.temperature.log_alpha.item(), abs=1e-5)
    now = twin(learner)
    for theirs, mine in zip(
        (plain.actor, *plain.critics, *plain.targets), (now.actor, *now.critics, *now.targets)
    ):
        for (name, one), (_, other) in zip(theirs.named_parameters(), mine.named_parameters()):
            torch.testing.assert_close(other, one, atol=1e-4, rtol=1e-3, msg=name)
    torso, theirs = update.actor.torso.blocks[1].inner, plain.actor.blocks[1].inner
    torch.testing.assert_close(torso.mean[0, 0], theirs.running_mean, atol=1e-5, rtol=1e-3)
    torch.testing.assert_close(torso.variance[0, 0], theirs.running_var, atol=1e-5, rtol=1e-3)
    for member, net in enumerate(plain.critics):
        torch.testing.assert_close(
            update.critics.torso.inputs.mean[member, 0], net.inputs.running_mean, atol=1e-5, rtol=1e-3
        )


def test_acting_and_judging_change_no_statistics(flash_train):
    update = learner_of(flash_train()).update
    _, batch, _ = sample(0)
    before = {name: t.clone() for name, t in update.critics.state_dict().items()}
    update.update_actor(batch)  # the critics judge it by what they have seen
    assert all(torch.equal(t, before[name]) for name, t in update.critics.state_dict().items())
    seen = update.actor.torso.inputs.mean.clone()
    update.actor(batch.policy)
    update.update_critics(batch)  # the actor looks ahead as it acts
    assert torch.equal(update.actor.torso.inputs.mean, seen)


def test_all_weights_stay_on_their_spheres(flash_train):
    learner, env = learner_of(flash_train()), PointMass(8)
    env.reset()
    learner.iterate(env)
    for module in (learner.update.actor, learner.update.critics):
        for layer in module.modules():
            if isinstance(layer, BatchNorm):
                length = (layer.weight.square() + layer.bias.square()).sum(-1)
                torch.testing.assert_close(length, torch.full_like(length, float(layer.weight.shape[-1])))


def test_the_temperature_s_rate_falls_as_the_actor_s(flash_train):
    update = learner_of(flash_train(actor_learning_rate=1e-3, actor_learning_rate_end=5e-4)).update
    update.set_learning_rates(1000)
    assert update.alpha_optimizer.param_groups[0]["lr"] == pytest.approx(
        0.5 * update.settings.alpha_learning_rate
    )
