"""The discriminator by hand: slope, loss, reward, and that it tells two sets apart."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from rlkit.env.still import Still
from rlkit.learners.ppo.normalizer import RunningNormalizer
from rlkit.learners.ppo.style.discriminator import Discriminator, gradient_penalty, loss_of
from rlkit.learners.ppo.style.reward import StyleReward
from rlkit.learners.ppo.style.settings import Settings
from rlkit.learners.settings import read_settings


def softplus(x: float) -> float:
    return math.log1p(math.exp(x))


def settings(amp: Any, **changes: Any) -> Settings:
    return read_settings(Settings, amp(**changes))


def by_hand(*units: int) -> Discriminator:
    """D(x) = 3 relu(x) - relu(2 y) with a hidden layer of two; without one D(x) = x."""
    discriminator = Discriminator(2, units)
    matrices = [[[1.0, 0.0], [0.0, 2.0]], [[3.0, -1.0]]] if units else [[[1.0, 0.0]]]
    with torch.no_grad():
        for weight, values in zip(discriminator.weights(), matrices):
            weight.copy_(torch.tensor(values))
    return discriminator


def test_the_penalty_is_the_squared_slope_and_its_gradient_is_right() -> None:
    """At (1, 1) the slope is (3, -2), at (1, -1) it is (3, 0): (13 + 9) / 2. Its derivative by the last weights w:
    slope_x = w_0 and slope_y = 2 w_1, so (6 + 6) / 2 and (8 w_1 + 0) / 2.
    """
    discriminator = by_hand(2)
    penalty = gradient_penalty(discriminator, torch.tensor([[1.0, 1.0], [1.0, -1.0]]))
    assert penalty.item() == pytest.approx(11.0)
    penalty.backward()
    assert discriminator.logit.weight.grad is not None
    assert discriminator.logit.weight.grad.tolist() == [[6.0, -4.0]]


def test_the_penalty_is_on_normalised_inputs(amp: Any) -> None:
    """In units of a spread of 10 a slope of 1 stays a slope of 1; of raw inputs it would be 0.1."""
    discriminator = by_hand()
    assert isinstance(discriminator.norm, RunningNormalizer)
    discriminator.norm.running_var.fill_(100.0)
    rows = torch.tensor([[10.0, 0.0]])
    _, metrics = loss_of(discriminator, rows, rows, rows, settings(amp))
    assert metrics["losses/gradient_penalty"].item() == pytest.approx(1.0)


def test_the_loss_by_hand(amp: Any) -> None:
    """D(x) = x at 2 (data), -1 (played) and 0.5 (replayed); slope 1, squares of its weights 1."""
    given = settings(amp, disc_gradient_penalty=5.0, disc_logit_penalty=0.01, disc_weight_decay=1e-4)
    shown, played, replayed = (torch.tensor([[x, 0.0]]) for x in (2.0, -1.0, 0.5))
    loss, metrics = loss_of(by_hand(), shown, played, replayed, given)
    entropy = 0.5 * (softplus(-2.0) + 0.5 * (softplus(-1.0) + softplus(0.5)))
    assert loss.item() == pytest.approx(entropy + 5.0 + 0.01 + 1e-4, rel=1e-4)
    assert (metrics["style/accuracy_data"], metrics["style/accuracy_policy"]) == (1.0, 1.0)


def test_the_reward_is_minus_the_logarithm_of_being_found_out(amp: Any) -> None:
    """-log(1 - σ(D)): log 2 where it cannot tell, 9.2 at most."""
    discriminator = by_hand()
    discriminator.norm.clip = 200.0
    inputs = torch.tensor([[[0.0, 1.0], [2.0, 0.0]], [[-3.0, 0.0], [100.0, 0.0]]])
    wanted = [math.log(2.0), -math.log(1.0 - 1.0 / (1.0 + math.exp(-2.0))), softplus(-3.0), -math.log(1e-4)]
    assert discriminator.reward(inputs).flatten().tolist() == pytest.approx(wanted, rel=1e-4)


def test_it_tells_two_sets_apart_and_the_data_is_worth_more(
    amp: Any, two_sets: tuple[Tensor, Tensor]
) -> None:
    torch.manual_seed(0)
    shown, played = two_sets
    quick = settings(
        amp, disc_learning_rate=1e-2, disc_updates=30, disc_batch_size=200, disc_gradient_penalty=0.1
    )
    style = StyleReward(quick, 2, torch.device("cpu"))
    style.shown = lambda env: shown  # type: ignore[method-assign]
    env = Still.__new__(Still)
    series = [style.learn(played, env) for _ in range(3)][-1]
    assert series["style/accuracy_data"][-1] > 0.95 and series["style/accuracy_policy"][-1] > 0.95
    assert style.of(shown).mean() > 1.5 > 0.4 > style.of(played).mean()


def test_the_spread_is_a_share_of_the_data_s(amp: Any) -> None:
    style = StyleReward(settings(amp), 3, torch.device("cpu"))
    shown = torch.tensor([[-1.0, -1.0, 5.0], [1.0, 1.0, 5.0]])
    factor = torch.tensor([0.5, 0.25, 1.0])
    measured = style._spread(shown * factor, shown).item()
    root = math.sqrt(2.0)  # the sample's deviation of -1 and 1
    assert measured == pytest.approx((0.5 * root + 0.02) / (root + 0.02), rel=1e-4)  # of 0.5, 0.25 and 1
