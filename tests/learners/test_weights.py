"""Weights from elsewhere in a learner's networks: what is taken, from where, and what never is."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from benchmarks.point_mass import PointMass
from rlkit.learners.api import LearnerError
from rlkit.learners.fast_td3.learner import FastTD3
from rlkit.learners.networks.weights import transfer
from rlkit.learners.ppo.learner import PPO


def numbered(*named_shapes: tuple[str, list[int]], start: float = 1.0) -> dict[str, Tensor]:
    """Tensors by name, each filled with a number of its own: 1, 2, 3 ..."""
    return {name: torch.full(shape, start + i) for i, (name, shape) in enumerate(named_shapes)}


def linear(name: str, inputs: int, outputs: int) -> list[tuple[str, list[int]]]:
    return [(f"{name}.weight", [outputs, inputs]), (f"{name}.bias", [outputs])]


def norm(name: str, width: int) -> list[tuple[str, list[int]]]:
    return [(f"{name}.weight", [width]), (f"{name}.bias", [width])]


def values(tensors: dict[str, Tensor]) -> dict[str, float]:
    """The number that fills each tensor."""
    return {name: tensor.unique().item() for name, tensor in tensors.items()}


def own_actor(inputs: int = 51) -> dict[str, Tensor]:
    shapes = [
        *linear("actor.torso.0", inputs, 8), *norm("actor.torso.2", 8),
        *linear("actor.torso.3", 8, 8), *norm("actor.torso.5", 8),
        *linear("actor.torso.6", 8, 8), *norm("actor.torso.8", 8),
        *linear("actor.head", 8, 4), *linear("critics.torso.0", 55, 8), *linear("critics.torso.3", 8, 8),
    ]  # fmt: skip
    return numbered(*shapes, start=-100.0)


def official() -> dict[str, Tensor]:
    """As the starter repository's model is laid out: linear layers 1-6, norms 7-12, mean 13-14, deviation 15-16."""
    return numbered(
        *linear("actor_net.hidden_layers.0", 51, 8), *linear("actor_net.hidden_layers.1", 8, 8),
        *linear("actor_net.hidden_layers.2", 8, 8), *norm("actor_net.layer_norms.0", 8),
        *norm("actor_net.layer_norms.1", 8), *norm("actor_net.layer_norms.2", 8),
        *linear("mean_net", 8, 4), *linear("log_std_net", 8, 4),
    )  # fmt: skip


def test_an_actor_of_other_names_is_taken_layer_by_layer_in_order():
    own = own_actor()
    fit = transfer(own, official(), actor=("actor.",))
    assert values(own) == {
        "actor.torso.0.weight": 1, "actor.torso.0.bias": 2, "actor.torso.2.weight": 7, "actor.torso.2.bias": 8,
        "actor.torso.3.weight": 3, "actor.torso.3.bias": 4, "actor.torso.5.weight": 9, "actor.torso.5.bias": 10,
        "actor.torso.6.weight": 5, "actor.torso.6.bias": 6, "actor.torso.8.weight": 11, "actor.torso.8.bias": 12,
        "actor.head.weight": 13, "actor.head.bias": 14,
        "critics.torso.0.weight": -86, "critics.torso.0.bias": -85,
        "critics.torso.3.weight": -84, "critics.torso.3.bias": -83,
    }  # fmt: skip
    assert fit.loaded == (
        "actor.torso.0 <- actor_net.hidden_layers.0", "actor.torso.2 <- actor_net.layer_norms.0",
        "actor.torso.3 <- actor_net.hidden_layers.1", "actor.torso.5 <- actor_net.layer_norms.1",
        "actor.torso.6 <- actor_net.hidden_layers.2", "actor.torso.8 <- actor_net.layer_norms.2",
        "actor.head <- mean_net",
    )  # fmt: skip
    assert fit.missing == (
        "critics.torso.0 (weight [8, 55], bias [8])",
        "critics.torso.3 (weight [8, 8], bias [8])",
    )
    assert fit.unused == ("log_std_net (weight [4, 8], bias [4])",)


def test_an_input_layer_of_another_width_begins_anew_whole():
    own = own_actor(inputs=60)
    fit = transfer(own, official(), actor=("actor.",))
    # Its bias would fit; without its weight it is worth nothing.
    assert values(own)["actor.torso.0.bias"] == -99
    assert values(own)["actor.torso.3.weight"] == 3
    assert fit.missing[0] == "actor.torso.0 (weight [8, 60], bias [8])"
    assert fit.unused[0] == "actor_net.hidden_layers.0 (weight [8, 51], bias [8])"


def test_another_number_of_equal_layers_leaves_a_doubt_and_is_not_taken():
    own = numbered(*linear("actor.0", 5, 8), *linear("actor.1", 8, 8), *linear("actor.2", 8, 2), start=-9.0)
    theirs = numbered(*linear("a", 5, 8), *linear("b", 8, 8), *linear("c", 8, 8), *linear("d", 8, 2))
    transfer(own, theirs, actor=("actor.",))
    assert values(own) == {
        "actor.0.weight": 1, "actor.0.bias": 2, "actor.1.weight": -7, "actor.1.bias": -6,
        "actor.2.weight": 7, "actor.2.bias": 8,
    }  # fmt: skip


def test_names_decide_before_order_and_may_differ_in_front():
    own = numbered(*linear("actor.in", 3, 3), *linear("actor.out", 3, 3), *norm("scale", 3), start=-9.0)
    theirs = numbered(
        *linear("update.actor.out", 3, 3), *linear("update.actor.in", 3, 3), *norm("x.scale", 3)
    )
    fit = transfer(own, theirs, actor=("actor.",))
    assert values(own) == {
        "actor.in.weight": 3, "actor.in.bias": 4, "actor.out.weight": 1, "actor.out.bias": 2,
        "scale.weight": 5, "scale.bias": 6,
    }  # fmt: skip
    assert (fit.missing, fit.unused) == ((), ())


def test_an_equal_name_of_another_kind_of_layer_is_not_taken():
    """nn.Sequential numbers its layers: 2 is a norm in one network and a linear layer in the other."""
    own = numbered(*linear("actor.0", 5, 8), *norm("actor.2", 8), *linear("actor.3", 8, 2), start=-9.0)
    theirs = numbered(*linear("0", 5, 8), *linear("2", 8, 8), *linear("4", 8, 2))
    transfer(own, theirs, actor=("actor.",))
    assert values(own) == {
        "actor.0.weight": 1, "actor.0.bias": 2, "actor.2.weight": -7, "actor.2.bias": -6,
        "actor.3.weight": 5, "actor.3.bias": 6,
    }  # fmt: skip


@pytest.mark.parametrize(
    "other",
    [
        "actor_target.mu.0",
        "critic.qf0.0",
        "critic_mlp.0",
        "value_net",
        "vf.0",
        "log_std",
        "a2c_network.sigma",
        "qf1.0",
    ],
)
def test_critics_targets_and_deviations_never_become_an_actor(other):
    own = numbered(*linear("actor.0", 5, 2), start=-9.0)
    with pytest.raises(
        LearnerError, match=r"None of the pretrained weights fits.*\n.*actor.0 \(weight \[2, 5\]"
    ):
        transfer(own, numbered(*linear(other, 5, 2)), actor=("actor.",))
    assert values(own) == {"actor.0.weight": -9, "actor.0.bias": -8}
    # Beside an actor of these sizes they raise no doubt.
    transfer(own, numbered(*linear(other, 5, 2), *linear("policy.mu", 5, 2)), actor=("actor.",))
    assert values(own) == {"actor.0.weight": 3, "actor.0.bias": 4}


def test_types_are_converted():
    own = numbered(*linear("actor.0", 1, 1))
    theirs = {name: tensor.double() * 0.5 for name, tensor in numbered(*linear("actor.0", 1, 1)).items()}
    transfer(own, theirs, actor=("actor.",))
    assert own["actor.0.bias"].dtype == torch.float32
    assert own["actor.0.bias"].item() == 1.0


def saved(learner: PPO) -> dict[str, Tensor]:
    return {f"model.{name}": tensor for name, tensor in learner.state()["model"].items()}


def test_ppo_begins_as_the_policy_of_a_checkpoint(train):
    env = PointMass(16)
    teacher, pupil = (PPO(train(), env.spec, seed=seed) for seed in (1, 2))
    env.reset()
    teacher.iterate(env)
    fit = pupil.initialize(saved(teacher))
    assert (fit.missing, fit.unused) == ((), ())
    obs = {"policy": torch.randn(9, env.spec.obs_sizes["policy"])}
    assert torch.equal(pupil.policy()(obs), teacher.policy()(obs))
    state = pupil.state()
    assert (state["iteration"], state["env_steps"], state["optimizer"]["state"]) == (0, 0, {})


def test_ppo_takes_an_actor_from_elsewhere_and_keeps_its_critic(train):
    env = PointMass(16)
    size, actions = env.spec.obs_sizes["policy"], env.spec.num_actions
    learner = PPO(train(), env.spec, seed=0)
    before = learner.state()["model"]
    theirs = numbered(
        *linear("pi.0", size, 32),
        *linear("pi.2", 32, 32),
        *linear("mu", 32, actions),
        *linear("qf0.0", size, 32),
    )
    fit = learner.initialize(theirs)
    after = learner.state()["model"]
    assert after["a2c_network.actor_mlp.0.weight"].unique().item() == 1
    assert after["a2c_network.actor_mlp.2.bias"].unique().item() == 4
    assert after["a2c_network.mu.weight"].unique().item() == 5
    changed = {name for name in after if not torch.equal(before[name], after[name])}
    assert len(changed) == 6
    assert len(fit.loaded) == 3
    assert any("critic_mlp" in name for name in fit.missing)
    assert fit.unused == (f"qf0.0 (weight [32, {size}], bias [32])",)
    learner.iterate(_reset(env))  # and goes on from there


def _reset(env: PointMass) -> PointMass:
    env.reset()
    return env


def test_fast_td3_acts_exactly_as_the_official_architecture_does(fast_train):
    """Linear, ReLU, LayerNorm(eps 1e-6) after it, the mean clamped to [-1, 1]: written out once more."""
    torch.manual_seed(0)
    spec = PointMass(4).spec
    size, actions = spec.obs_sizes["policy"], spec.num_actions
    linears = [nn.Linear(size, 32), nn.Linear(32, 32), nn.Linear(32, 32)]
    norms = [nn.LayerNorm(32, eps=1e-6) for _ in linears]
    mean, deviation = nn.Linear(32, actions), nn.Linear(32, actions)
    for norm_ in norms:
        nn.init.normal_(norm_.weight)
        nn.init.normal_(norm_.bias)
    for tensor in linears[1].parameters():
        tensor.data *= 0.01  # its small outputs tell eps 1e-6 from 1e-5, the default of torch
    mean.weight.data *= 5  # and some of its actions are clamped
    parts = nn.ModuleDict(
        {"hidden_layers": nn.ModuleList(linears), "layer_norms": nn.ModuleList(norms), "mean_net": mean,
         "log_std_net": deviation}
    )  # fmt: skip
    settings = fast_train(
        network="layer_norm",
        norm_order="after",
        action_squash="clip",
        obs_normalization=False,
        actor_units=(32,) * 3,
    )
    learner = FastTD3(settings, spec, seed=0)
    fit = learner.initialize({f"actor_net.{name}": tensor for name, tensor in parts.state_dict().items()})
    assert len(fit.loaded) == 7
    assert all(name.startswith("update.critics.") for name in fit.missing)
    obs = 2 * torch.randn(64, size)
    with torch.no_grad():
        x = obs
        for layer, norm_ in zip(linears, norms):
            x = norm_(torch.relu(layer(x)))
        expected = mean(x).clamp(-1, 1)
    assert (expected.abs() == 1).any()
    assert (expected.abs() < 1).any()
    torch.testing.assert_close(learner.policy()({"policy": obs}), expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("target_actor", [False, True])
def test_fast_td3_begins_as_the_policy_of_a_checkpoint_with_targets_to_match(fast_train, target_actor):
    env = PointMass(16)
    settings = fast_train(target_actor=target_actor)
    teacher, pupil = (FastTD3(settings, env.spec, seed=seed) for seed in (1, 2))
    env.reset()
    teacher.iterate(env)
    state = teacher.state()
    weights = {
        f"{part}.{name}": tensor
        for part, tensors in (
            ("update.actor", state["update"]["actor"]),
            ("update.critics", state["update"]["critics"]),
            ("update.target_critics", state["update"]["target_critics"]),
            ("policy_norm", state["policy_norm"]),
        )
        for name, tensor in tensors.items()
    }
    pupil.initialize(weights)
    obs = {"policy": torch.randn(9, env.spec.obs_sizes["policy"])}
    assert torch.equal(pupil.policy()(obs), teacher.policy()(obs))
    begun = pupil.state()
    for network in ("critics", *(["actor"] if target_actor else [])):
        for name, tensor in begun["update"][network].items():
            assert torch.equal(tensor, state["update"][network][name])
            assert torch.equal(tensor, begun["update"][f"target_{network}"][name])
    assert (begun["step"], begun["updates"]) == (0, 0)


@pytest.mark.parametrize("learner", ["ppo", "fast_td3"])
@pytest.mark.parametrize("how", ["resume", "test", "initialize"])
def test_weights_that_are_not_finite_are_refused_by_name_and_change_nothing(
    learner: str, how: str, train, fast_train
) -> None:
    env = PointMass(16)
    make = PPO if learner == "ppo" else FastTD3
    settings = train() if learner == "ppo" else fast_train()
    source, target = (make(settings, env.spec, seed=seed) for seed in (1, 2))
    state = source.state()
    actor = state["model"] if learner == "ppo" else state["update"]["actor"]
    name = next(name for name in actor if name.endswith("weight"))
    actor[name][0, 0] = torch.nan
    before = target.policy()(env.reset())
    with pytest.raises(LearnerError, match=f"holds NaN or Inf in .*{name}: .*take an earlier checkpoint"):
        if how == "initialize":
            part = "model" if learner == "ppo" else "update.actor"
            target.initialize({f"{part}.{entry}": tensor for entry, tensor in actor.items()})
        else:
            target.load(state, policy_only=how == "test")
    assert torch.equal(target.policy()(env.observe()), before)
