"""A network of somebody else's under both learners: it is what acts, what learns, what is saved and exported."""

from __future__ import annotations

import pytest
import torch
from states import assert_same
from torch import nn
from torch.testing import assert_close

from benchmarks.point_mass import PointMass
from rlkit.config.experiment import freeze
from rlkit.learners import registry
from rlkit.learners.api import LearnerError
from rlkit.learners.fast_td3.learner import FastTD3
from rlkit.learners.networks.own import inputs_of, make_trunk
from rlkit.learners.ppo.learner import PPO
from rlkit.plugins.modules import CodeError

RESIDUAL = {"network": "own_networks:Residual", "network_settings": {"width": 12, "blocks": 1, "tail": [7]}}
LEARNERS = ("ppo", "fast_td3", "fast_sac")
TRUSTED = ("own_networks",)


@pytest.fixture
def start(train, fast_train, sac_train):
    """Make a learner with a network of somebody else's, and an env; the critic sees more where it is asymmetric."""

    def make(name, *, asymmetric=True, seed=3, **changes):
        torch.manual_seed(5)
        env = PointMass(16, asymmetric=asymmetric)
        env.reset()
        settings = {"ppo": train, "fast_td3": fast_train, "fast_sac": sac_train}[name](
            **{**RESIDUAL, **changes}
        )
        return registry.make(
            name, freeze(settings), env.spec, seed=seed, trusted=TRUSTED
        ), env  # as a run has it

    return make


def trunks(learner):
    """The networks of somebody else's in a learner, by the name that they have in its state."""
    roots = (
        {"actor": learner.update.actor, "critics": learner.update.critics}
        if hasattr(learner, "update")
        else {"model": learner._agent.model, "critic": getattr(learner._agent, "central_value_net", None)}
    )
    return {
        f"{root}.{name}": module
        for root, whole in roots.items()
        if whole is not None
        for name, module in whole.named_modules()
        if type(module).__module__ == "own_networks"
    }


@pytest.mark.parametrize(
    ("name", "asymmetric", "changes", "sizes"),
    [
        # the critic of its own, that of a symmetric task, and one trunk for both
        ("ppo", True, {}, [4, 5]),
        ("ppo", False, {}, [4, 4]),
        ("ppo", False, {"separate": False}, [4]),
        ("ppo", False, {"fixed_sigma": False}, [4, 4]),
        # two critics, which see the actions too
        ("fast_td3", True, {}, [4, 7, 7]),
        ("fast_td3", False, {}, [4, 6, 6]),
    ],
)
def test_it_is_built_for_the_actor_and_for_each_critic(start, name, asymmetric, changes, sizes):
    learner, env = start(name, asymmetric=asymmetric, **changes)
    found = trunks(learner)
    assert [trunk.first.in_features for trunk in found.values()] == sizes, env.spec.obs_sizes
    for trunk in found.values():
        assert trunk.first.out_features == 12 and len(trunk.blocks) == 1 and trunk.tail[0].out_features == 7
        assert (trunk.first.bias == 0.25).all()  # as its own constructor left it
    weights = [trunk.first.weight for trunk in found.values()]
    assert all(not torch.equal(a, b) for a in weights for b in weights if a is not b and a.shape == b.shape)


@pytest.mark.parametrize("name", LEARNERS)
def test_all_of_it_learns_and_acts(start, name):
    learner, env = start(name)
    before = {k: v.clone() for t, m in trunks(learner).items() for k, v in m.state_dict(prefix=t).items()}
    learner.iterate(env)
    for trunk, module in trunks(learner).items():
        for key, value in module.state_dict(prefix=trunk).items():
            assert not torch.equal(before[key], value), key
    rows = torch.randn(9, 4, generator=torch.Generator().manual_seed(1))
    actor = next(iter(trunks(learner).values()))
    if name == "ppo":
        net = learner._agent.model.a2c_network
        by_hand = net.mu(actor(learner._agent.model.running_mean_std(rows))).clamp(-1.0, 1.0)
    else:
        by_hand = torch.tanh(learner.update.actor.head(actor(learner.policy_norm(rows))))
    assert_close(learner.policy()({"policy": rows}), by_hand)
    assert_close(learner.network()(rows), by_hand)


@pytest.mark.slow
@pytest.mark.parametrize("name", LEARNERS)
def test_2_and_2_iterations_are_4(start, tmp_path, name):
    straight, env = start(name)
    rows = [straight.iterate(env).metrics for _ in range(4)]
    first, env_a = start(name)
    for _ in range(2):
        first.iterate(env_a)
    saved = {"learner": first.state(), "env": env_a.state(), "rng": torch.get_rng_state()}
    torch.save(saved, tmp_path / "checkpoint.pth")
    saved = torch.load(tmp_path / "checkpoint.pth", weights_only=True)
    second, env_b = start(name, seed=99)
    second.load(saved["learner"])
    env_b.load_state(saved["env"])
    torch.set_rng_state(saved["rng"])
    resumed = [second.iterate(env_b).metrics for _ in range(2)]
    assert_same(second.state(), straight.state())
    timed = "rate/updates_per_s"
    assert [{**row, timed: 0.0} for row in resumed] == [{**row, timed: 0.0} for row in rows[2:]]
    with pytest.raises(LearnerError, match="does not fit"):
        start(name, network_settings={"width": 13})[0].load(saved["learner"])


@pytest.mark.parametrize("name", LEARNERS)
def test_it_begins_with_the_weights_of_another(start, name):
    learner, env = start(name)
    learner.iterate(env)
    weights = {".".join(k): v for k, v in _leaves(learner.state()) if isinstance(v, torch.Tensor)}
    again = start(name, seed=8)[0]
    again.initialize(weights)
    for one, other in zip(trunks(learner).values(), trunks(again).values()):
        assert_same(dict(one.state_dict()), dict(other.state_dict()))


def _leaves(value, path=()):
    items = value.items() if isinstance(value, dict) else ()
    return [leaf for k, v in items for leaf in _leaves(v, (*path, str(k)))] or [(path, value)]


def test_terms_are_where_their_columns_say(start):
    _, env = start("ppo")
    spec = env.spec
    actor, critic = inputs_of(spec, "actor"), inputs_of(spec, "critic", actions=True)
    assert (actor.part, actor.size, critic.part, critic.size) == ("actor", 4, "critic", 7)
    names = [name for name, _ in spec.observation_terms.get("critic", (("critic", 5),))]
    assert list(critic.columns) == [*names, "actions"] and critic.columns["actions"] == slice(5, 7)


@pytest.mark.slow
@pytest.mark.parametrize("name", LEARNERS)
@pytest.mark.parametrize("network", ["Columns", "Frozen"])
def test_attention_between_terms_and_frozen_layers_train(start, name, network):
    learner, env = start(name, network=f"own_networks:{network}", network_settings={})
    eyes = [trunk.eyes.weight.clone() for trunk in trunks(learner).values() if network == "Frozen"]
    for _ in range(2):
        learner.iterate(env)
    assert all(torch.equal(a, b.eyes.weight) for a, b in zip(eyes, trunks(learner).values()))


BROKEN = {
    "shape": r" makes \[4\] torch.float32 of rows \[4, 4\], and must make features \[4, k\]",
    "dtype": r"makes \[4, 4\] torch.float64",
    "tuple": " makes tuple of rows",
    "dropout": "as dropout does; the network that acts must be the one that learns",
    "batch statistics": "a call changes its norm.running_mean, as batch statistics do",
    "rows": "the features of a row depend on the other rows of the batch",
    "idle": "does not use its parameter other.weight",
}


@pytest.mark.parametrize("how", BROKEN)
def test_what_breaks_the_contract_is_refused_by_name(start, how):
    with pytest.raises(LearnerError, match=f"^train.network=own_networks:Broken: its actor.*{BROKEN[how]}"):
        start("fast_td3", network="own_networks:Broken", network_settings={"how": how})
    assert start("ppo", network="own_networks:Broken", network_settings={})[0] is not None


def test_what_is_no_network_is_refused(start):
    with pytest.raises(LearnerError, match="has no parameter that could be learnt"):
        start("ppo", network="own_networks:Constant", network_settings={})
    with pytest.raises(CodeError, match=r"is no subclass of torch\.nn\.modules\.module\.Module"):
        start("ppo", network="own_networks:NoModule", network_settings={})


def test_what_nobody_trusts_is_not_imported(train):
    spec = PointMass(4).spec
    with pytest.raises(CodeError, match="own_networks:Residual would import own_networks, which"):
        registry.make("ppo", train(**RESIDUAL), spec, seed=0)
    trunk, features = make_trunk("own_networks:Residual", {"tail": [3, 2]}, inputs_of(spec, "actor"))
    assert isinstance(trunk, nn.Module) and features == 2


@pytest.mark.parametrize(("name", "kind"), [("ppo", PPO), ("fast_td3", FastTD3)])
def test_what_is_timed_depends_on_it(train, fast_train, sac_train, name, kind):
    """Another network, or other settings of it, are another question to the clock."""
    spec, settings = PointMass(16).spec, {"ppo": train, "fast_td3": fast_train, "fast_sac": sac_train}[name]
    filled = {"minibatch_size": 64} if name == "ppo" else {}
    shape = kind.trial(settings(**RESIDUAL, **filled), spec).shape
    assert {key: shape[key] for key in RESIDUAL} == RESIDUAL
