"""Discounted returns and the factors on rewards, of all tasks together and of each, by hand."""

from __future__ import annotations

import math

import pytest
import torch

from rlkit.learners.returns import ReturnScale

CPU = torch.device("cpu")
NEVER = torch.tensor([False, False])
A, B = [1.0, 0.0], [0.0, 1.0]  # the one-hots of two tasks


def blank(rows):
    """Observations that name no task."""
    return torch.zeros(rows, 3)


def of(*one_hots):
    """Observations of these tasks: another number, and the one-hot at the end."""
    return torch.tensor([[7.0, *one_hot] for one_hot in one_hots])


def test_the_return_scale_by_hand():
    scale = ReturnScale(2, 0.5, CPU, limit=10.0)
    assert scale.scale().item() == 1.0
    scale.update(blank(2), torch.tensor([4.0, 0.0]), NEVER)  # returns 4, 0
    scale.update(blank(2), torch.tensor([2.0, 8.0]), torch.tensor([True, False]))  # 4, 8; env 0 then ends
    scale.update(blank(2), torch.tensor([1.0, 0.0]), NEVER)  # returns 1, 4
    values = torch.tensor([4.0, 0.0, 4.0, 8.0, 1.0, 4.0])
    assert scale.variance.item() == pytest.approx(values.var(unbiased=False).item())
    summary = {name: value.item() for name, value in scale.summary().items()}
    spread = values.std(unbiased=False).item()
    assert summary == pytest.approx({"returns/low": 0.0, "returns/high": 8.0, "returns/spread": spread})
    # the largest return over the limit, 0.8, is less than the spread
    assert scale.scale().item() == pytest.approx(1.0 / spread)
    scale.update(blank(2), torch.tensor([-400.0, 0.0]), NEVER)  # return 0.5 - 400
    assert scale.scale().item() == pytest.approx(1.0 / max(399.5 / 10.0, scale.variance.sqrt().item()))


def test_without_a_limit_the_spread_alone_counts():
    scale = ReturnScale(2, 0.5, CPU)
    scale.update(blank(2), torch.tensor([99.0, 101.0]), NEVER)
    assert scale.scale().item() == 1.0  # 100 ± 1
    assert list(scale.scale_by_name()) == ["returns/reward_scale"]


def test_each_task_is_brought_to_one_scale():
    scale = ReturnScale(4, 0.5, CPU, tasks=("a", "b"))
    obs = of(A, B, A, B)
    none = torch.zeros(4, dtype=torch.bool)
    scale.update(obs, torch.tensor([1.0, 1000.0, 3.0, 3000.0]), none)  # returns of a: 1, 3; of b: 1000, 3000
    assert scale.scale().tolist() == pytest.approx([1.0, 0.001])
    scale.update(obs, torch.tensor([0.5, 500.0, 2.5, 2500.0]), none)  # of a: 1, 4; of b: 1000, 4000
    variance = torch.tensor([1.0, 3.0, 1.0, 4.0]).var(unbiased=False).item()
    assert scale.count.tolist() == [4.0, 4.0] and scale.mean.tolist() == pytest.approx([2.25, 2250.0])
    assert scale.variance.tolist() == pytest.approx([variance, 1e6 * variance])
    assert (scale.low.tolist(), scale.high.tolist()) == ([0.0, 0.0], [4.0, 4000.0])
    rewards = torch.tensor([2000.0, 2.0, 5.0])
    scaled = rewards * scale.scale_of(of(B, A, A))
    assert scaled.tolist() == pytest.approx([2.0 / variance**0.5, 2.0 / variance**0.5, 5.0 / variance**0.5])


def test_metrics_of_several_tasks():
    scale = ReturnScale(4, 0.5, CPU, tasks=("a", "b"))
    scale.update(of(A, B, A, B), torch.tensor([-1.0, 1000.0, 3.0, 3000.0]), torch.zeros(4, dtype=torch.bool))
    values = torch.tensor([-1.0, 1000.0, 3.0, 3000.0])
    assert {name: value.item() for name, value in scale.summary().items()} == pytest.approx(
        {"returns/low": -1.0, "returns/high": 3000.0, "returns/spread": values.std(unbiased=False).item()}
    )
    assert {name: value.item() for name, value in scale.scale_by_name().items()} == pytest.approx(
        {"returns/reward_scale/a": 0.5, "returns/reward_scale/b": 0.001}
    )


def test_a_task_that_nobody_plays_keeps_its_statistics():
    scale = ReturnScale(2, 0.5, CPU, tasks=("a", "b"))
    scale.update(of(A, A), torch.tensor([1.0, 3.0]), NEVER)
    statistics = (scale.mean, scale.variance, scale.low, scale.high)
    before = [tensor[0].item() for tensor in statistics]
    assert scale.scale().tolist() == [1.0, 1.0] and scale.variance.tolist() == [1.0, 0.0]
    scale.update(of(B, B), torch.tensor([-50.0, 90.0]), NEVER)  # returns -49.5 and 91.5
    assert [tensor[0].item() for tensor in statistics] == before == [2.0, 1.0, 0.0, 3.0]
    assert scale.count.tolist() == [2.0, 2.0]
    assert scale.scale().tolist() == pytest.approx([1.0, 1.0 / 70.5])


def test_an_episode_of_another_task_begins_a_return_of_its_own():
    scale = ReturnScale(1, 0.5, CPU, tasks=("a", "b"))
    ends = torch.tensor([True])
    scale.update(of(A), torch.tensor([4.0]), ~ends)
    scale.update(of(A), torch.tensor([6.0]), ends)  # return 8, the last of a's
    scale.update(of(B), torch.tensor([10.0]), ~ends)  # return 10: nothing of a's 8
    assert scale.mean.tolist() == [6.0, 10.0] and scale.high.tolist() == [8.0, 10.0]


def test_each_task_alone_gives_what_a_run_of_it_gives():
    generator = torch.Generator().manual_seed(0)
    mixed = ReturnScale(6, 0.9, CPU, limit=5.0, tasks=("a", "b"))
    alone = [ReturnScale(3, 0.9, CPU, limit=5.0) for _ in range(2)]
    obs = of(A, A, A, B, B, B)
    for _ in range(50):
        reward = torch.randn(6, generator=generator) * torch.tensor([1.0, 1.0, 1.0, 40.0, 40.0, 40.0]) + 0.3
        ended = torch.rand(6, generator=generator) < 0.1
        mixed.update(obs, reward, ended)
        for task, rows in enumerate((slice(0, 3), slice(3, 6))):
            alone[task].update(blank(3), reward[rows], ended[rows])
    torch.testing.assert_close(mixed.variance, torch.stack([scale.variance for scale in alone]))
    torch.testing.assert_close(mixed.scale(), torch.stack([scale.scale() for scale in alone]))
    assert torch.equal(mixed.high, torch.stack([scale.high for scale in alone]))


def test_one_task_is_reckoned_to_the_bit_as_ever():
    """The plain formulas of a run without tasks, step by step."""
    generator = torch.Generator().manual_seed(1)
    scale = ReturnScale(5, 0.97, CPU, limit=3.0)
    returns, low, high = torch.zeros(5), torch.zeros(()), torch.zeros(())
    mean, variance, count = (torch.zeros((), dtype=torch.float64) for _ in range(3))
    for _ in range(200):
        reward = torch.randn(5, generator=generator) * 3.0 - 1.0
        ended = torch.rand(5, generator=generator) < 0.05
        scale.update(blank(5), reward, ended)
        returns = returns * 0.97 + reward
        low, high = torch.minimum(low, returns.min()), torch.maximum(high, returns.max())
        total = count + 5
        share, difference = 5 / total, returns.double().mean() - mean
        between = difference.square() * share * (1.0 - share)
        variance = variance.lerp(returns.double().var(unbiased=False), share) + between
        mean, count = mean + difference * share, total
        returns = returns.masked_fill(ended, 0.0)
        divisor = torch.maximum(variance.sqrt().float(), torch.maximum(low.abs(), high.abs()) / 3.0)
        assert torch.equal(scale.scale(), 1.0 / divisor)
        assert torch.equal(scale.scale_of(blank(9)), scale.scale())
    for name, value in (("mean", mean), ("variance", variance), ("returns", returns), ("low", low)):
        assert torch.equal(getattr(scale, name), value), name
    assert torch.equal(scale.summary()["returns/spread"], variance.sqrt().float())


def test_it_goes_on_where_it_stood():
    def steps(scale, count, seed):
        generator = torch.Generator().manual_seed(seed)
        for _ in range(count):
            reward = torch.randn(3, generator=generator)
            scale.update(of(A, B, B), reward, torch.tensor([False, False, True]))

    straight, first = (ReturnScale(3, 0.9, CPU, tasks=("a", "b")) for _ in range(2))
    for scale in (straight, first):
        steps(scale, 7, seed=0)
    second = ReturnScale(3, 0.9, CPU, tasks=("a", "b"))
    place = second.mean.data_ptr()
    second.restore({name: value.clone() for name, value in first.state_dict().items()})
    for scale in (straight, second):
        steps(scale, 7, seed=1)
    for name, value in straight.state_dict().items():
        assert torch.equal(second.state_dict()[name], value), name
    assert second.mean.data_ptr() == place  # a captured graph reads there


def test_another_number_of_envs_begins_new_returns_with_the_old_statistics():
    first, second = (ReturnScale(envs, 0.9, CPU, tasks=("a", "b")) for envs in (2, 4))
    first.update(of(A, B), torch.tensor([5.0, 9.0]), NEVER)
    second.restore(first.state_dict())
    assert second.returns.tolist() == [0.0] * 4 and second.mean.tolist() == [5.0, 9.0]
    assert second.misfit(first.state_dict()) == []


def test_new_episodes_begin_new_returns():
    scale = ReturnScale(2, 0.5, CPU)
    scale.update(blank(2), torch.tensor([4.0, -8.0]), NEVER)
    scale.forget()
    assert scale.follow(torch.tensor([1.0, 1.0]), NEVER).tolist() == [1.0, 1.0]  # not 3 and -3
    assert (scale.high.item(), scale.low.item()) == (4.0, -8.0)


def test_statistics_of_other_tasks_do_not_fit():
    one, two = ReturnScale(2, 0.9, CPU), ReturnScale(2, 0.9, CPU, tasks=("a", "b"))
    assert two.misfit(one.state_dict()) == ["returns of 0 tasks in it, 2 here"]
    assert one.misfit(two.state_dict()) == ["returns of 2 tasks in it, 0 here"]


@pytest.mark.parametrize("tasks", [(), ("a", "b")])
def test_no_value_is_read_on_the_host(tasks):
    """On the meta device there are no values: a branch on one, an item() or a boolean mask raises there."""
    meta = torch.device("meta")
    scale = ReturnScale(3, 0.9, meta, limit=math.inf, tasks=tasks)
    obs, reward = torch.empty(3, 5, device=meta), torch.empty(3, device=meta)
    scale.update(obs, reward, torch.empty(3, dtype=torch.bool, device=meta))
    assert (torch.empty(8, device=meta) * scale.scale_of(torch.empty(8, 5, device=meta))).shape == (8,)
    assert all(value.is_meta for value in (scale.summary() | scale.scale_by_name()).values())
