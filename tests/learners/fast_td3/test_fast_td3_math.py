"""Distributions, statistics, noise and schedules against numbers worked out by hand."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rlkit.learners.fast_td3.exploration import Exploration
from rlkit.learners.normalizer import RunningNorm
from rlkit.learners.off_policy.distribution import expectation, project, shifted, support, target_distribution
from rlkit.learners.off_policy.meter import Meter
from rlkit.learners.schedules import scheduled

CPU = torch.device("cpu")
ATOMS = support(-1.0, 1.0, 5, CPU)  # -1, -0.5, 0, 0.5, 1


def one_hot(*indices):
    return torch.nn.functional.one_hot(torch.tensor(indices), 5).float()


def logits(*rows):
    return torch.tensor(rows).clamp_min(1e-12).log()


def test_mass_between_two_atoms_is_split_by_nearness():
    position = torch.full((1, 5), 0.125)  # a quarter of the way from atom 2 (0.0) to atom 3 (0.5)
    out = project(one_hot(4), position, ATOMS)
    torch.testing.assert_close(out, torch.tensor([[0.0, 0.0, 0.75, 0.25, 0.0]]))


def test_mass_on_an_atom_stays_whole_also_at_both_ends():
    for value, index in ((-1.0, 0), (0.0, 2), (1.0, 4)):
        out = project(one_hot(1), torch.full((1, 5), value), ATOMS)
        torch.testing.assert_close(out, one_hot(index))


def test_a_bellman_step_is_clamped_to_the_support():
    position = shifted(torch.tensor([0.25]), torch.tensor([0.5]), ATOMS)
    torch.testing.assert_close(position, torch.tensor([[-0.25, 0.0, 0.25, 0.5, 0.75]]))
    assert shifted(torch.tensor([3.0]), torch.tensor([0.9]), ATOMS).eq(1.0).all()


def test_a_termination_puts_all_mass_at_the_reward():
    uniform = torch.full((1, 5), 0.2)
    out = project(uniform, shifted(torch.tensor([0.5]), torch.tensor([0.0]), ATOMS), ATOMS)
    torch.testing.assert_close(out, one_hot(3))


@given(
    st.lists(st.floats(0.001, 1.0), min_size=5, max_size=5),
    st.floats(-3.0, 3.0),
    st.floats(0.0, 1.0),
)
@settings(deadline=None, max_examples=200)
def test_projection_keeps_mass_and_mean(weights, reward, discount):
    probabilities = torch.tensor([weights]) / sum(weights)
    position = shifted(torch.tensor([reward]), torch.tensor([discount]), ATOMS)
    out = project(probabilities, position, ATOMS)
    assert out.sum().item() == pytest.approx(1.0, abs=1e-5)
    assert (out * ATOMS).sum().item() == pytest.approx((probabilities * position).sum().item(), abs=1e-5)
    assert (out >= 0).all()


def test_clipped_double_q_takes_each_samples_lower_distribution_for_both_critics():
    # critic 0 is certain of 1.0 and -0.5, critic 1 of 0.5 and 0.0: the lower ones are critic 1's and critic 0's
    values = torch.stack([logits(*one_hot(4, 1).tolist()), logits(*one_hot(3, 2).tolist())])
    target, means = target_distribution(values, torch.zeros(2), torch.ones(2), ATOMS, True)
    torch.testing.assert_close(target, one_hot(3, 1), atol=1e-5, rtol=0)
    torch.testing.assert_close(means, torch.tensor([0.5, -0.5]), atol=1e-5, rtol=0)


def test_without_clipped_double_q_each_critic_has_its_own_target():
    values = torch.stack([logits(*one_hot(4, 1).tolist()), logits(*one_hot(3, 2).tolist())])
    target, means = target_distribution(values, torch.zeros(2), torch.ones(2), ATOMS, False)
    torch.testing.assert_close(target, torch.stack([one_hot(4, 1), one_hot(3, 2)]), atol=1e-5, rtol=0)
    torch.testing.assert_close(means, torch.tensor([[1.0, -0.5], [0.5, 0.0]]), atol=1e-5, rtol=0)


def test_the_comparison_is_of_projected_values_where_clamping_turns_the_order():
    # Before the step critic 1 is lower, -0.5 against 0. After +1.5 it is certain of 1.0, while critic 0, half at -1
    # and half at 1, lands half at 0.5 and half, clamped, at 1.0.
    values = torch.stack([logits([0.5, 0.0, 0.0, 0.0, 0.5]), logits([0.0, 1.0, 0.0, 0.0, 0.0])])
    target, means = target_distribution(values, torch.tensor([1.5]), torch.tensor([1.0]), ATOMS, True)
    torch.testing.assert_close(means, torch.tensor([0.75]), atol=1e-5, rtol=0)
    torch.testing.assert_close(target, torch.tensor([[0.0, 0.0, 0.0, 0.5, 0.5]]), atol=1e-5, rtol=0)


def test_expected_returns():
    torch.testing.assert_close(expectation(logits([0.5, 0.0, 0.0, 0.0, 0.5]), ATOMS), torch.zeros(1))
    assert expectation(torch.tensor([[7.0]]), torch.zeros(1)).item() == 7.0  # one atom: the value itself


def test_running_statistics_equal_those_of_all_rows_together():
    rows = (
        torch.randn(700, 3, generator=torch.Generator().manual_seed(1)) * torch.tensor([1.0, 5.0, 0.1]) + 2.0
    )
    norm = RunningNorm(3, CPU)
    for part in rows.split([1, 99, 300, 300]):
        norm.update(part)
    torch.testing.assert_close(norm.mean, rows.mean(0))
    torch.testing.assert_close(norm.variance, rows.var(0, unbiased=False))
    expected = (rows - rows.mean(0)) / (rows.std(0, unbiased=False) + 0.01)
    torch.testing.assert_close(norm(rows), expected, atol=1e-5, rtol=1e-5)


def test_normalising_changes_no_statistics():
    norm = RunningNorm(2, CPU)
    norm.update(torch.tensor([[1.0, 2.0], [3.0, 4.0]]))
    before = {name: value.clone() for name, value in norm.state_dict().items()}
    norm(torch.full((5, 2), 100.0))
    assert all(torch.equal(value, before[name]) for name, value in norm.state_dict().items())


def test_noise_has_one_scale_an_env_and_a_new_one_only_after_its_episode():
    generator = torch.Generator().manual_seed(0)
    exploration = Exploration(1000, 0.2, 0.8, generator, CPU)
    assert 0.2 <= exploration.std.min() < 0.21 and 0.79 < exploration.std.max() <= 0.8
    before = exploration.std.clone()
    ended = torch.arange(1000) < 10
    exploration.redraw(ended)
    assert torch.equal(exploration.std[10:], before[10:])
    assert (exploration.std[:10] != before[:10]).all()


def test_noise_is_as_wide_as_said_and_actions_are_clipped():
    exploration = Exploration(2, 0.1, 0.1, torch.Generator().manual_seed(0), CPU)
    exploration.std.copy_(torch.tensor([[0.0], [0.1]]))
    noisy = torch.stack([exploration.act(torch.zeros(2, 50)) for _ in range(100)])
    assert noisy[:, 0].eq(0.0).all()
    assert noisy[:, 1].std().item() == pytest.approx(0.1, rel=0.05)
    exploration.std.fill_(5.0)
    assert exploration.act(torch.zeros(2, 50)).abs().max().item() == 1.0


def test_schedules():
    assert scheduled("constant", 3.0, 1.0, 0.7) == 3.0
    assert scheduled("linear", 3.0, 1.0, 0.25) == 2.5
    assert scheduled("cosine", 3.0, 1.0, 0.5) == pytest.approx(2.0)
    assert scheduled("cosine", 3.0, 1.0, 0.25) == pytest.approx(2.0 + math.sqrt(0.5))
    assert scheduled("cosine", 3.0, 1.0, 7.0) == pytest.approx(1.0)  # held beyond the end


def test_the_meter_gives_means_since_it_was_read():
    meter = Meter(CPU)
    assert meter.read() == {}
    meter.add("critic", {"loss": torch.tensor(1.0), "q": torch.tensor(-1.0)})
    meter.add("critic", {"loss": torch.tensor(4.0), "q": torch.tensor(3.0)})
    meter.add("actor", {"actor_loss": torch.tensor(5.0)})
    assert meter.read() == {"loss": 2.5, "q": 1.0, "actor_loss": 5.0}
    meter.add("critic", {"loss": torch.tensor(7.0), "q": torch.tensor(0.0)})
    assert meter.read() == {"loss": 7.0, "q": 0.0}
