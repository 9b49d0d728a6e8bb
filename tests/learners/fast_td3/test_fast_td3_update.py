"""One turn of learning, number by number, against the plain version of the same algorithm."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from benchmarks.plain_fast_td3 import PlainFastTD3, mlp
from benchmarks.point_mass import PointMass
from rlkit.learners.fast_td3.learner import FastTD3
from rlkit.learners.fast_td3.losses import actor_loss, target_actions
from rlkit.learners.off_policy.distribution import support
from rlkit.learners.off_policy.losses import critic_loss
from rlkit.learners.off_policy.replay.buffer import Batch

OBS, ACTIONS, ROWS = 4, 2, 64


class PlainActor(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = mlp([OBS, 32, 32, ACTIONS])

    def forward(self, obs):
        return self.layers(obs).tanh()


def twin(learner):
    """The plain version with the same weights, as separate networks."""
    settings, update = learner.settings, learner.update
    actor = PlainActor()
    ours = [*update.actor.torso.parameters(), *update.actor.head.parameters()]
    for theirs, mine in zip(actor.layers.parameters(), ours):
        theirs.data.copy_(mine)
    members = []
    for critics in (update.critics, update.target_critics):
        for member in range(2):
            net = mlp([OBS + ACTIONS, 32, 32, settings.num_atoms])
            for theirs, mine in zip(net.parameters(), critics.parameters()):
                theirs.data.copy_(mine[member].squeeze(0) if theirs.dim() == 1 else mine[member].T)
            members.append(net)
    return PlainFastTD3(
        actor,
        members[:2],
        members[2:],
        v_min=settings.v_min,
        v_max=settings.v_max,
        num_atoms=settings.num_atoms,
        gamma=settings.gamma,
        tau=settings.tau,
        learning_rate=settings.critic_learning_rate,
        weight_decay=settings.weight_decay,
        clipped_double=settings.use_cdq,
    )


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
    noise = 0.2 * torch.randn(ROWS, ACTIONS, generator=generator)
    discount = 0.97 * (1.0 - terminated)
    batch = Batch(
        fields["obs"], fields["obs"], fields["action"], fields["reward"], discount,
        fields["next_obs"], fields["next_obs"], torch.ones(ROWS),
    )  # fmt: skip
    return fields, batch, noise


@pytest.mark.parametrize("use_cdq", [True, False])
def test_ten_updates_equal_the_plain_version(fast_train, use_cdq, monkeypatch):
    env = PointMass(8)
    settings = fast_train(use_cdq=use_cdq, adam_beta2=0.999, policy_noise=1.0, noise_clip=0.5)
    learner = FastTD3(settings, env.spec, seed=0)
    plain, update = twin(learner), learner.update
    for seed in range(10):
        fields, batch, noise = sample(seed)
        with monkeypatch.context() as patch:
            patch.setattr(torch, "randn", lambda *_, drawn=noise, **__: drawn)
            update.update_critics(batch)
        critic = plain.update_critics(fields, noise)
        update.update_actor(batch)
        actor = plain.update_actor(fields)
        means = update.meter.read()
        assert means["losses/critic"] == pytest.approx(critic.item(), rel=1e-4)
        assert means["losses/actor"] == pytest.approx(actor.item(), rel=1e-4)
    for member, (net, slow) in enumerate(zip(plain.critics, plain.targets)):
        for group, theirs in ((update.critics, net), (update.target_critics, slow)):
            for mine, other in zip(group.parameters(), theirs.parameters()):
                other = other.data[None] if other.dim() == 1 else other.data.T
                torch.testing.assert_close(mine[member].data, other, atol=2e-5, rtol=1e-3)
    ours = [*update.actor.torso.parameters(), *update.actor.head.parameters()]
    for mine, other in zip(ours, plain.actor.parameters()):
        torch.testing.assert_close(mine, other, atol=2e-5, rtol=1e-3)


class Fixed(nn.Module):
    """Gives the same values whatever it sees; remembers what it saw."""

    def __init__(self, values):
        super().__init__()
        self.values = nn.Parameter(values)

    def forward(self, *inputs):
        self.seen = inputs
        return self.values


def batch_of(reward, discount, weight=None):
    rows = len(reward)
    zeros = torch.zeros(rows, 1)
    weight = torch.ones(rows) if weight is None else torch.tensor(weight)
    policy, critic = torch.full((rows, 1), 1.0), torch.full((rows, 1), 2.0)
    following = (torch.full((rows, 1), 3.0), torch.full((rows, 1), 4.0))
    return Batch(policy, critic, zeros, torch.tensor(reward), torch.tensor(discount), *following, weight)


def test_the_squared_error_of_a_plain_critic_by_hand():
    critics = Fixed(torch.tensor([[[1.0], [5.0]], [[2.0], [0.0]]]))  # two critics, two rows
    targets = Fixed(torch.tensor([[[10.0], [3.0]], [[20.0], [1.0]]]))
    batch = batch_of([1.0, 2.0], [0.5, 0.0])
    loss, info = critic_loss(batch, torch.zeros(2, 1), critics, targets, torch.zeros(1), True)
    # targets 1 + 0.5·10 = 6 and 2; errors 25, 9 | 16, 4; the mean over rows, summed over critics
    assert loss.item() == pytest.approx((25 + 9) / 2 + (16 + 4) / 2)
    assert info["q/target"].item() == pytest.approx(4.0)
    loss, _ = critic_loss(batch, torch.zeros(2, 1), critics, targets, torch.zeros(1), False)
    # without clipping the second critic's first target is 1 + 0.5·20 = 11
    assert loss.item() == pytest.approx((25 + 9) / 2 + (81 + 4) / 2)


def test_rows_without_weight_do_not_count():
    critics = Fixed(torch.tensor([[[1.0], [5.0]], [[2.0], [0.0]]]))
    targets = Fixed(torch.zeros(2, 2, 1))
    batch = batch_of([3.0, 1000.0], [0.0, 0.0], weight=[1.0, 0.0])
    loss, _ = critic_loss(batch, torch.zeros(2, 1), critics, targets, torch.zeros(1), True)
    assert loss.item() == pytest.approx(4.0 + 1.0)


def test_a_batch_of_which_no_row_counts_teaches_nothing():
    critics = Fixed(torch.tensor([[[1.0]], [[2.0]]]))
    batch = batch_of([1.0], [0.5], weight=[0.0])
    loss, _ = critic_loss(
        batch, torch.zeros(1, 1), critics, Fixed(torch.zeros(2, 1, 1)), torch.zeros(1), True
    )
    loss.backward()
    assert loss.item() == 0.0 and critics.values.grad is not None and not critics.values.grad.any()


def test_the_cross_entropy_by_hand():
    atoms = support(0.0, 2.0, 3, torch.device("cpu"))
    logits = torch.tensor([[[0.0, 1.0, 2.0]], [[0.0, 0.0, 0.0]]])
    certain = torch.tensor([[[-50.0, 50.0, -50.0]]]).expand(2, 1, 3)  # the next return is 1
    loss, info = critic_loss(
        batch_of([0.5], [0.5]), torch.zeros(1, 1), Fixed(logits), Fixed(certain.clone()), atoms, True
    )
    # target 0.5 + 0.5·1 = 1, an atom of its own: minus its log-probability under both critics
    expected = -logits.log_softmax(-1)[0, 0, 1] - logits.log_softmax(-1)[1, 0, 1]
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5)
    assert info["q/target"].item() == pytest.approx(1.0)
    assert info["q/mass_at_v_max"].item() == pytest.approx(0.0)


def test_actor_and_critic_see_their_own_observations():
    critics, actor = Fixed(torch.tensor([[[1.0]], [[4.0]]])), Fixed(torch.zeros(1, 1))
    loss, _ = actor_loss(batch_of([0.0], [0.0]), actor, critics, torch.zeros(1), True)
    assert loss.item() == -1.0
    assert actor.seen[0].item() == 1.0  # policy observation
    assert critics.seen[0].item() == 2.0  # critic observation
    assert actor_loss(batch_of([0.0], [0.0]), actor, critics, torch.zeros(1), False)[0].item() == -2.5
    targets = Fixed(torch.zeros(2, 1, 1))
    critic_loss(batch_of([0.0], [0.0]), torch.zeros(1, 1), critics, targets, torch.zeros(1), True)
    assert targets.seen[0].item() == 4.0  # the critic's next observation


def test_smoothing_noise_is_clipped_and_so_is_the_action():
    actor = Fixed(torch.tensor([[0.9, 0.0, -0.9]]))
    noise = torch.tensor([[0.4, 0.1, -0.4]])
    action = target_actions(actor, torch.zeros(1, 1), noise, 0.3)
    torch.testing.assert_close(action, torch.tensor([[1.0, 0.1, -1.0]]))


def test_the_actor_step_leaves_the_critics_alone(fast_train):
    env = PointMass(8)
    learner = FastTD3(fast_train(), env.spec, seed=0)
    _, batch, _ = sample(0)
    before = [p.clone() for p in learner.update.critics.parameters()]
    learner.update.update_actor(batch)
    assert all(torch.equal(p, q) for p, q in zip(learner.update.critics.parameters(), before))
    assert all(p.grad is None for p in learner.update.critics.parameters())


@pytest.mark.parametrize(("frequency", "num_updates"), [(1, 1), (1, 3), (2, 2), (2, 1), (2, 3), (3, 4)])
def test_the_actor_learns_at_every_nth_critic_update(fast_train, frequency, num_updates):
    env = PointMass(8)
    learner = FastTD3(fast_train(policy_frequency=frequency, num_updates=num_updates), env.spec, seed=0)
    env.reset()
    learner.iterate(env)
    order, update = [], learner.update
    update.update_critics = lambda batch: order.append("critic")  # type: ignore[method-assign]
    update.update_actor = lambda batch: order.append("actor")  # type: ignore[method-assign]
    done = learner.turns.updates
    for _ in range(6):
        learner.turns.run(actor_learns=True)
    expected = []
    for count in range(done + 1, done + 6 * num_updates + 1):
        expected += ["critic", "actor"] if count % frequency == 0 else ["critic"]
    assert order == expected
    order.clear()
    learner.turns.run(actor_learns=False)
    assert "actor" not in order


def test_targets_follow_by_tau(fast_train):
    env = PointMass(8)
    learner = FastTD3(fast_train(tau=0.25), env.spec, seed=0)
    update = learner.update
    before = [p.clone() for p in update.target_critics.parameters()]
    update.update_critics(sample(0)[1])
    for old, slow, online in zip(before, update.target_critics.parameters(), update.critics.parameters()):
        torch.testing.assert_close(slow, 0.75 * old + 0.25 * online)


def test_plain_td3_moves_all_targets_with_the_actor(fast_train):
    env = PointMass(8)
    learner = FastTD3(fast_train(target_actor=True, num_atoms=1, tau=0.5), env.spec, seed=0)
    update = learner.update
    slow = [*update.target_critics.parameters(), *update.target_actor.parameters()]
    before = [p.clone() for p in slow]
    update.update_critics(sample(0)[1])
    assert all(torch.equal(p, old) for p, old in zip(slow, before))
    update.update_actor(sample(0)[1])
    online = [*update.critics.parameters(), *update.actor.parameters()]
    for old, target, new in zip(before, slow, online):
        torch.testing.assert_close(target, 0.5 * old + 0.5 * new)


def gradient_of_critics(learner: FastTD3) -> torch.Tensor:
    """Of all parameters, each of which has one, in a row."""
    found = []
    for parameter in learner.update.critics.parameters():
        assert parameter.grad is not None
        found.append(parameter.grad.flatten())
    return torch.cat(found)


def test_gradients_are_clipped_to_the_norm(fast_train):
    env = PointMass(8)
    learner = FastTD3(fast_train(max_grad_norm=0.01), env.spec, seed=0)
    learner.update.update_critics(sample(0)[1])
    assert gradient_of_critics(learner).norm().item() == pytest.approx(0.01, rel=1e-3)
    assert learner.update.meter.read()["grad_norm/critic"] > 0.01  # the norm that it had


def test_bf16_gradients_agree_with_fp32(fast_train):
    """Within 16-bit rounding: the direction of the whole gradient differs by less than three degrees."""
    gradients = {}
    for amp in (False, True):
        learner = FastTD3(fast_train(amp=amp), PointMass(8).spec, seed=0)
        _, batch, _ = sample(0)
        learner.update.update_critics(batch)
        gradients[amp] = gradient_of_critics(learner)
        assert all(p.dtype == torch.float32 for p in learner.update.critics.parameters())
    cosine = torch.nn.functional.cosine_similarity(gradients[False], gradients[True], dim=0)
    assert cosine.item() > 0.9986
    assert not torch.equal(gradients[False], gradients[True])
