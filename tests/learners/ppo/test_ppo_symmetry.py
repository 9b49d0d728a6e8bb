"""PPO on samples and their mirror images, and with a loss on what the policy does otherwise in the mirror."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from scripted_env import ScriptedEnv
from torch import nn

from benchmarks.point_mass import PointMass
from rlkit.learners.api import LearnerError
from rlkit.learners.ppo.learner import PPO


def started(settings: dict[str, Any], *, asymmetric: bool = False) -> tuple[PPO, PointMass]:
    """A policy that is its own mirror image: odd functions without offsets, of observations as they are."""
    settings = {**settings, "activation": "tanh", "normalize_input": False, "lr_schedule": "constant"}
    env = PointMass(16, asymmetric=asymmetric)
    torch.manual_seed(0)
    env.reset()
    learner = PPO(settings, env.spec, seed=3)
    network = learner._agent.model.a2c_network
    for layer in [*network.actor_mlp, network.mu]:
        if isinstance(layer, nn.Linear):
            nn.init.zeros_(layer.bias)
    with (
        torch.no_grad()
    ):  # each hidden unit sees the left and right (x) alone, or the rest alone; so does its action
        first, second = (layer for layer in network.actor_mlp if isinstance(layer, nn.Linear))
        half = len(first.weight) // 2
        first.weight[:half, [1, 3]] = first.weight[half:, [0, 2]] = 0.0
        second.weight[:half, half:] = second.weight[half:, :half] = 0.0
        network.mu.weight[0, half:] = network.mu.weight[1, :half] = 0.0
    return learner, env


def unlikeness(learner: PPO) -> float:
    """How far what the policy does in the mirror is from the mirror image of what it does, at most."""
    x = torch.linspace(-2.0, 2.0, 80).view(20, 4)
    act, flipped = learner.policy(), x * torch.tensor([-1.0, 1.0, -1.0, 1.0])
    there, here = act({"policy": flipped, "critic": flipped}), act({"policy": x, "critic": x})
    return float((there - here * torch.tensor([-1.0, 1.0])).abs().max())


def lean(learner: PPO, env: PointMass) -> float:
    """The largest slope, in an iteration's gradients, towards a policy that is not its own mirror image."""
    found: list[float] = []
    network = learner._agent.model.a2c_network
    layers: Any = [layer for layer in network.actor_mlp if isinstance(layer, nn.Linear)]
    first, second = layers

    def note() -> None:  # in place of a step
        half = len(first.weight) // 2
        leaning = [
            first.weight.grad[:half, [1, 3]], first.weight.grad[half:, [0, 2]], first.bias.grad[:half],
            second.weight.grad[:half, half:], second.weight.grad[half:, :half], second.bias.grad[:half],
            network.mu.weight.grad[0, half:], network.mu.weight.grad[1, :half], network.mu.bias.grad[:1],
        ]  # fmt: skip
        found.append(max(float(each.abs().max()) for each in leaning))

    learner._agent.trancate_gradients_and_step = note
    learner.iterate(env)
    assert len(found) == 6
    return max(found)


def test_samples_with_their_images_ask_for_nothing_but_what_is_alike_in_the_mirror(train) -> None:
    assert lean(*started(train())) > 1e-3
    assert lean(*started(train(symmetry=True))) < 1e-7


def test_a_critic_of_its_own_learns_from_the_images_too(train) -> None:
    """It is even where its weights from left and right are zero, and is asked for nothing else."""
    slopes = []
    for symmetry in (False, True):
        learner, env = started(train(symmetry=symmetry), asymmetric=True)
        critic = learner._agent.central_value_net
        layer = critic.model.a2c_network.actor_mlp[0]
        with torch.no_grad():
            layer.weight[:, [0, 2]] = 0.0
        critic.optimizer.step = lambda closure=None: None
        learner.iterate(env)
        slopes.append(float(layer.weight.grad[:, [0, 2]].abs().max()))
    assert slopes[0] > 1e-3 and slopes[1] < 1e-6


def test_kl_and_what_is_kept_for_the_next_epoch_are_of_the_samples_alone(train) -> None:
    learner, env = started(train(symmetry=True))
    metrics = learner.iterate(env).metrics
    agent = learner._agent
    assert agent.train_result[6].shape == (agent.minibatch_size, 2)
    assert 0.0 < metrics["policy/kl"] < 1.0
    assert metrics.keys() == started(train())[0].iterate(env).metrics.keys()


def test_the_loss_is_the_mean_squared_difference_by_hand(train) -> None:
    learner, _ = started(train(mirror_loss_coef=0.5))
    agent: Any = learner._agent
    agent.model.a2c_network.mu.bias.data = torch.tensor([0.3, 0.7])  # x leans to one side, y may
    agent._minibatch = torch.randn(6, 4)
    (loss,) = agent._loss_of_mirror().values()
    assert loss.item() == pytest.approx(0.5 * (0.6**2 + 0.0) / 2)


def test_a_policy_comes_to_do_alike_where_only_that_counts(train) -> None:
    learner, env = started(train(mirror_loss_coef=1000.0, learning_rate=3e-3))
    learner._agent.model.a2c_network.mu.bias.data[0] = 0.5
    before = unlikeness(learner)
    told = [learner.iterate(env).metrics["losses/mirror"] for _ in range(11)]
    assert before > 0.9 and told[-1] < 0.05 * told[0] and unlikeness(learner) < 0.3 * before


@pytest.mark.parametrize(
    ("setting", "off"),
    [({"symmetry": True}, "symmetry=false"), ({"mirror_loss_coef": 1.0}, "mirror_loss_coef=0")],
)
def test_a_task_without_a_mirror_is_refused(train, setting: dict[str, Any], off: str) -> None:
    env = ScriptedEnv([5, 5], [1.0, 1.0])
    with pytest.raises(LearnerError, match=rf"Scripted declares no mirror .*write train\.{off}"):
        PPO(train(**setting), env.spec, seed=0)
