"""SAC's density, target and losses by hand, and its updates number by number against the plain version."""

from __future__ import annotations

import copy
import math
from typing import Any

import pytest
import torch
from plain_sac import PlainActor, PlainSAC
from torch import nn
from torch.distributions import Normal

from benchmarks.plain_fast_td3 import mlp
from benchmarks.point_mass import PointMass
from rlkit.learners.fast_sac.actor import Actor, log_density
from rlkit.learners.fast_sac.learner import FastSAC
from rlkit.learners.fast_sac.losses import actor_loss, alpha_loss, with_entropy
from rlkit.learners.off_policy.losses import critic_loss
from rlkit.learners.off_policy.replay.buffer import Batch

OBS, ACTIONS, ROWS = 4, 2, 64


def learner_of(settings, num_envs=8):
    return FastSAC(settings, PointMass(num_envs).spec, seed=0)


# The policy's distribution.


def test_the_density_of_a_squashed_gaussian_by_hand():
    # at the mean 0 of a Gaussian of deviation 1/2: N = 1/(0.5 √2π) = 0.7979, and tanh has slope 1 there
    zero = torch.zeros(1, 1)
    found = log_density(zero, torch.full((1, 1), math.log(0.5)), zero)
    assert found.exp().item() == pytest.approx(0.797885, rel=1e-5)
    # at x = 1 of N(0, 1): 0.241971, divided by the slope 1 - tanh²(1) = 0.419974; of two actions the product
    found = log_density(torch.ones(1, 2), torch.zeros(1, 2), torch.ones(1, 2))
    assert found.exp().item() == pytest.approx((0.241971 / 0.419974) ** 2, rel=1e-5)
    far = log_density(torch.full((1, 1), 40.0), torch.zeros(1, 1), zero)  # 1 - tanh² is 0 in float32
    assert far.item() == pytest.approx(-0.918939 + 2 * (40.0 - math.log(2.0)), rel=1e-6)


def test_the_density_is_one_over_all_actions():
    action = torch.linspace(-1.0, 1.0, 20001, dtype=torch.float64)[1:-1, None]
    before, std = action.atanh(), 0.6
    density = log_density(before, torch.full_like(before, math.log(std)), (before - 0.3) / std).exp()
    assert (density.sum() * 1e-4).item() == pytest.approx(1.0, abs=1e-3)


def test_samples_are_as_wide_as_said_and_acting_gives_the_mean(sac_train):
    actor = learner_of(sac_train(init_scale=0.3, log_std_min=-3.0, log_std_max=-1.0)).update.actor
    obs = torch.randn(1, OBS).expand(20000, OBS)
    action, _ = actor.sample(obs, torch.randn(20000, ACTIONS))
    before = action.atanh()
    torch.testing.assert_close(before.mean(0).tanh(), actor(obs[:1])[0], atol=0.01, rtol=0)
    raw = actor.log_std(actor.torso(obs[:1]))[0]
    torch.testing.assert_close(before.std(0).log(), -2.0 + raw.tanh(), atol=0.03, rtol=0)


def test_the_deviation_starts_in_the_middle_of_its_bounds(sac_train):
    actor = learner_of(sac_train(init_scale=0.0)).update.actor  # log_std from -5 to 0
    action, log_prob = actor.sample(torch.randn(3, OBS), torch.ones(3, ACTIONS))
    torch.testing.assert_close(action, torch.full((3, ACTIONS), math.tanh(math.exp(-2.5))))
    normal = Normal(torch.tensor(0.0), math.exp(-2.5))
    one = normal.log_prob(torch.tensor(math.exp(-2.5))) - math.log(1 - math.tanh(math.exp(-2.5)) ** 2)
    torch.testing.assert_close(log_prob, (2 * one).expand(3))


# The losses on small numbers.


class Fixed(nn.Module):
    """Gives the same values whatever it sees; remembers what it saw."""

    def __init__(self, values):
        super().__init__()
        self.values = nn.Parameter(values)

    def forward(self, *inputs):
        self.seen = inputs
        return self.values

    def sample(self, *inputs):
        self.seen = inputs
        return torch.zeros(len(self.values), 1), self.values


def batch_of(reward, discount, weight=(1.0, 1.0)):
    rows = torch.zeros(2, 1)
    return Batch(rows + 1, rows + 2, rows, torch.tensor(reward), torch.tensor(discount), rows + 3, rows + 4,
                 torch.tensor(weight))  # fmt: skip


def test_the_soft_target_by_hand():
    soft = with_entropy(batch_of([1.0, 2.0], [0.5, 0.0]), torch.tensor([-3.0, -3.0]), torch.tensor(0.1))
    # 1 + 0.5 · 0.1 · 3; nothing is worth anything behind a termination
    torch.testing.assert_close(soft.reward, torch.tensor([1.15, 2.0]))
    critics = Fixed(torch.zeros(2, 2, 1))
    targets = Fixed(torch.tensor([[[10.0], [3.0]], [[20.0], [1.0]]]))
    _, info = critic_loss(soft, torch.zeros(2, 1), critics, targets, torch.zeros(1), True)
    # 1 + 0.5 (10 + 0.1 · 3) = 6.15 by the lower critic, and 2
    assert info["q/target"].item() == pytest.approx((6.15 + 2.0) / 2)
    _, info = critic_loss(soft, torch.zeros(2, 1), critics, targets, torch.zeros(1), False)
    assert info["q/target"].item() == pytest.approx((6.15 + 2.0 + 11.15 + 2.0) / 4)


def test_the_actors_loss_by_hand():
    critics: Any = Fixed(torch.tensor([[[1.0], [5.0]], [[4.0], [3.0]]]))
    actor: Any = Fixed(torch.tensor([-2.0, 1.0]))
    batch, noise, alpha = batch_of([0.0] * 2, [0.0] * 2), torch.full((2, 1), 7.0), torch.tensor(0.5)
    # 0.5 (-2) - 1 and 0.5 (1) - 3 by the lower critic; -2.5 and -4 by the mean
    loss, _ = actor_loss(batch, noise, alpha, actor, critics, torch.zeros(1), True)
    assert loss.item() == pytest.approx((-2.0 - 2.5) / 2)
    loss, info = actor_loss(batch, noise, alpha, actor, critics, torch.zeros(1), False)
    assert loss.item() == pytest.approx((-1.0 - 2.5 + 0.5 - 4.0) / 2)
    assert info["policy/entropy"].item() == pytest.approx(0.5)
    assert actor.seen[0].eq(1.0).all() and actor.seen[1] is noise and critics.seen[0].eq(2.0).all()


def test_the_temperatures_loss_by_hand():
    log_alpha = torch.tensor(math.log(0.2), requires_grad=True)
    loss = alpha_loss(log_alpha, torch.tensor(1.0), -2.0)  # 3 too many
    assert loss.item() == pytest.approx(0.2 * 3.0)
    (slope,) = torch.autograd.grad(loss, log_alpha)
    assert slope.item() == pytest.approx(0.2 * 3.0)


def test_rows_that_do_not_count_are_left_out_of_the_entropy(sac_train):
    """Entropies 1 and 3: a mean of 2, and 1 where the second row does not count."""
    update, seen = learner_of(sac_train()).update, []
    update._update_temperature = seen.append
    for weight in ((1.0, 1.0), (1.0, 0.0)):
        update._looked_ahead(batch_of([0.0] * 2, [0.0] * 2, weight), torch.tensor([-1.0, -3.0]))
    assert [entropy.item() for entropy in seen] == [2.0, 1.0]


# Updates.


def sample(seed):
    generator = torch.Generator().manual_seed(seed)
    terminated = (torch.rand(ROWS, generator=generator) < 0.3).float()
    fields = {
        "obs": torch.randn(ROWS, OBS, generator=generator),
        "next_obs": torch.randn(ROWS, OBS, generator=generator),
        "action": torch.rand(ROWS, ACTIONS, generator=generator) * 2 - 1,
        "reward": -5.0 * torch.rand(ROWS, generator=generator),
        "terminated": terminated,
    }
    batch = Batch(
        fields["obs"], fields["obs"], fields["action"], fields["reward"], 0.97 * (1.0 - terminated),
        fields["next_obs"], fields["next_obs"], torch.ones(ROWS),
    )  # fmt: skip
    return fields, batch, torch.randn(2, ROWS, ACTIONS, generator=generator)


def twin(learner):
    """The plain version with the same weights, as separate networks."""
    settings, update = learner.settings, learner.update
    ours = copy.deepcopy(update.actor)
    actor = PlainActor(ours.torso, ours.head, ours.log_std, settings.log_std_min, settings.log_std_max)
    members = []
    for critics in (update.critics, update.target_critics):
        for member in range(2):
            net = mlp([OBS + ACTIONS, 32, 32, settings.num_atoms])
            for theirs, mine in zip(net.parameters(), critics.parameters()):
                theirs.data.copy_(mine[member].squeeze(0) if theirs.dim() == 1 else mine[member].T)
            members.append(net)
    return PlainSAC(actor, members[:2], members[2:], settings)


@pytest.mark.parametrize("changes", [{}, {"use_cdq": True}, {"num_atoms": 1, "use_cdq": True}], ids=str)
def test_ten_updates_equal_the_plain_version(sac_train, changes, monkeypatch):
    learner = learner_of(sac_train(init_scale=0.3, alpha_init=0.2, alpha_learning_rate=0.01, **changes))
    plain, update = twin(learner), learner.update
    for seed in range(10):
        fields, batch, noises = sample(seed)
        for which, noise in enumerate(noises):
            with monkeypatch.context() as patch:
                patch.setattr(torch, "randn", lambda *_, drawn=noise, **__: drawn)
                (update.update_actor if which else update.update_critics)(batch)
        critic, alpha = plain.update_critics(fields, noises[0])
        actor = plain.update_actor(fields, noises[1])
        means = update.meter.read()
        assert means["losses/critic"] == pytest.approx(critic.item(), rel=1e-4)
        assert means["losses/alpha"] == pytest.approx(alpha.item(), rel=1e-4)
        assert means["losses/actor"] == pytest.approx(actor.item(), rel=1e-4)
    assert plain.log_alpha.item() == pytest.approx(update.temperature.log_alpha.item(), abs=1e-5)
    assert abs(plain.log_alpha.item() - math.log(0.2)) > 0.05
    for member, (net, slow) in enumerate(zip(plain.critics, plain.targets)):
        for group, theirs in ((update.critics, net), (update.target_critics, slow)):
            for mine, other in zip(group.parameters(), theirs.parameters()):
                other = other.data[None] if other.dim() == 1 else other.data.T
                torch.testing.assert_close(mine[member].data, other, atol=2e-5, rtol=1e-3)
    for mine, other in zip(update.actor.parameters(), plain.actor.parameters()):
        torch.testing.assert_close(mine, other, atol=2e-5, rtol=1e-3)


@pytest.mark.parametrize(("ratio", "grows"), [(-0.5, True), (5.0, False)])
def test_the_temperature_rises_where_entropy_is_missing_and_falls_where_there_is_too_much(
    sac_train, ratio, grows
):
    # of the first policy the entropy is about -1.1 an action: a target of 0.5 is above that, one of -5 below
    update = learner_of(sac_train(target_entropy_ratio=ratio, init_scale=0.0)).update
    before = update.temperature().item()
    for seed in range(3):
        update.update_critics(sample(seed)[1])
    assert (update.temperature().item() > before) == grows
    assert update.temperature().item() != before


def test_a_temperature_of_rate_0_stays_and_one_whose_actor_waits_too(sac_train):
    update = learner_of(sac_train(alpha_learning_rate=0.0)).update
    update.update_critics(sample(0)[1])
    assert update.temperature().item() == pytest.approx(0.001)
    assert update.meter.read()["policy/alpha"] == pytest.approx(0.001)
    waiting, env = (
        FastSAC(sac_train(actor_starts=4, learning_starts=4), PointMass(8).spec, seed=0),
        PointMass(8),
    )
    env.reset()
    waiting.iterate(env)  # learns in steps 4 to 8, the actor and the temperature in the last of them alone
    assert waiting.turns.updates == 10
    assert waiting.update.alpha_optimizer.state[waiting.update.temperature.log_alpha]["step"].item() == 2


def test_the_actor_step_leaves_critics_and_temperature_alone(sac_train):
    update = learner_of(sac_train(init_scale=0.1)).update
    others = [*update.critics.parameters(), *update.temperature.parameters()]
    before = [p.clone() for p in others]
    update.update_actor(sample(0)[1])
    assert all(torch.equal(p, q) for p, q in zip(others, before))
    assert all(p.grad is None for p in others)


def test_an_actor_takes_the_layers_that_fast_td3_has_too(sac_train, fast_train):
    from rlkit.learners.fast_td3.learner import FastTD3

    other = FastTD3(fast_train(), PointMass(8).spec, seed=1)
    weights = {f"update.actor.{name}": t for name, t in other.update.actor.state_dict().items()}
    learner = learner_of(sac_train())
    fit = learner.initialize(weights)
    assert any("log_std" in layer for layer in fit.missing) and any("head" in layer for layer in fit.loaded)
    obs = torch.randn(5, OBS)
    assert torch.equal(learner.update.actor(obs), other.update.actor(obs))
    assert isinstance(learner.update.actor, Actor)
