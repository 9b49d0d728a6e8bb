"""Policies outside training: the exported network is the policy, and the stochastic policy is training's."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch.testing import assert_close

from benchmarks.point_mass import PointMass
from rlkit.learners import registry
from rlkit.learners.api import Learner, LearnerError

PPO_KINDS = [
    {},
    {"normalize_input": False},
    {"separate": False, "fixed_sigma": False, "activation": "tanh"},
]
FAST_TD3_KINDS = [
    {},
    {"obs_normalization": False},
    {"network": "layer_norm"},
    {"network": "layer_norm", "norm_order": "after", "action_squash": "clip", "activation": "silu"},
    {"network": "simba", "weight_decay": 0.0},
    {"num_atoms": 1, "target_actor": True},  # plain TD3
]
KINDS = [("ppo", kind) for kind in PPO_KINDS] + [("fast_td3", kind) for kind in FAST_TD3_KINDS]


def name_of(kind):
    return kind if isinstance(kind, str) else "-".join(kind) or "default"


@pytest.fixture
def trained(train, fast_train):
    """Make a learner that has learnt a little from an env whose critic sees more than its policy."""

    def make(name, **changes):
        torch.manual_seed(5)
        env = PointMass(16, asymmetric=True)
        env.reset()
        settings = train(**changes) if name == "ppo" else fast_train(**changes)
        learner = registry.make(name, settings, env.spec, seed=3)
        for _ in range(3):
            learner.iterate(env)
        return learner, env

    return make


def observations(rows=64):
    """Among them some far outside what normalisers have seen: the clamps are at work."""
    return (
        torch.randn(rows, 4, generator=torch.Generator().manual_seed(1))
        * torch.logspace(-2, 2, rows)[:, None]
    )


@pytest.mark.parametrize(("learner", "changes"), KINDS, ids=name_of)
def test_the_network_is_the_policy(trained, learner, changes):
    learner, _ = trained(learner, **changes)
    obs = observations()
    actions = learner.policy()({"policy": obs})
    network = learner.network()
    assert_close(network(obs), actions, rtol=0.0, atol=0.0)
    assert actions.abs().max() <= 1.0
    assert_close(network(obs[:1]), actions[:1], rtol=0.0, atol=1e-6)
    traced: Any = torch.jit.trace(network, obs[:2])
    assert_close(traced(obs), actions, rtol=0.0, atol=1e-6)


@pytest.mark.parametrize("learner", ["ppo", "fast_td3"])
def test_later_learning_leaves_the_network_alone(trained, learner):
    learner, env = trained(learner)
    network, obs = learner.network(), observations()
    before = network(obs)
    for _ in range(2):
        learner.iterate(env)
    assert torch.equal(network(obs), before)
    assert not torch.equal(learner.network()(obs), before)
    assert not network.training
    tensors = [*network.parameters(), *network.buffers()]
    assert {(tensor.dtype, tensor.device.type) for tensor in tensors} == {(torch.float32, "cpu")}
    assert not any(tensor.requires_grad for tensor in tensors)


@pytest.mark.parametrize("fixed_sigma", [True, False])
def test_stochastic_ppo_draws_from_the_gaussian_of_training(trained, fixed_sigma):
    learner, _ = trained("ppo", fixed_sigma=fixed_sigma, sigma_init=math.log(0.2))
    obs = torch.zeros(20_000, 4)
    mean = learner.policy()({"policy": obs[:1]})
    actions = learner.policy(stochastic=True)({"policy": obs})
    assert mean.abs().max() < 0.3  # so that hardly a draw is clamped
    assert_close(actions.mean(0), mean[0], rtol=0.0, atol=0.01)
    assert_close(actions.std(0), torch.full((2,), 0.2), rtol=0.15, atol=0.0)
    assert learner.policy(stochastic=True)({"policy": observations()}).abs().max() <= 1.0


def test_stochastic_fast_td3_gives_every_row_a_scale_of_its_own_that_stays(trained):
    learner, _ = trained("fast_td3", std_min=0.02, std_max=0.2)
    obs = {"policy": torch.zeros(8, 4)}
    act, mean = learner.policy(stochastic=True), learner.policy()(obs)
    assert mean.abs().max() < 0.5
    deviations = torch.stack([act(obs) - mean for _ in range(2000)]).square().mean(dim=(0, 2)).sqrt()
    assert ((deviations > 0.018) & (deviations < 0.22)).all()
    assert deviations.max() > 1.5 * deviations.min()
    assert act({"policy": observations(500)}).abs().max() <= 1.0  # another number of rows, clamped


@pytest.mark.parametrize("learner", ["ppo", "fast_td3"])
def test_stochastic_acting_draws_nothing_from_training_and_repeats_with_the_seed(trained, learner):
    learner, _ = trained(learner)
    obs = {"policy": observations()}

    def own_random_numbers():
        state = learner.state()
        return (
            torch.get_rng_state(),
            state.get("generator", torch.zeros(1)),
            state.get("exploration", torch.zeros(1)),
        )

    before = own_random_numbers()
    first, again = (learner.policy(stochastic=True)(obs) for _ in range(2))
    assert all(map(torch.equal, before, own_random_numbers()))
    assert torch.equal(first, again)
    torch.manual_seed(6)
    assert not torch.equal(learner.policy(stochastic=True)(obs), first)


def test_a_learner_without_a_network_says_so():
    class Plain(Learner):
        iterate = policy = state = load = None  # type: ignore[assignment]

    with pytest.raises(LearnerError, match="Plain has no network"):
        Plain({}, PointMass(1).spec, seed=0).network()
