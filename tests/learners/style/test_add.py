"""ADD: differences against none at all, by a normaliser that shifts nothing; and an exact resume."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from states import assert_same
from styled_points import DATA, FollowingPoints, StyledPoints

from rlkit.env.still import Still
from rlkit.learners.api import LearnerError
from rlkit.learners.ppo.normalizer import ScaleNormalizer
from rlkit.learners.ppo.style.add.learner import ADD
from rlkit.learners.ppo.style.add.reward import DifferenceReward
from rlkit.learners.ppo.style.add.settings import Settings
from rlkit.learners.settings import read_settings


def start(settings: dict[str, Any], seed: int = 3) -> tuple[ADD, FollowingPoints]:
    env = FollowingPoints(16)
    torch.manual_seed(seed)
    env.reset()
    return ADD(settings, env.spec, seed=seed), env


def judge(add: Any, **changes: Any) -> DifferenceReward:
    """Without a hidden layer, D(x) = x."""
    judge = DifferenceReward(read_settings(Settings, add(disc_units=(), **changes)), 2, torch.device("cpu"))
    with torch.no_grad():
        judge.discriminator.logit.weight.copy_(torch.tensor([[1.0, 0.0]]))
    return judge


def test_the_normaliser_divides_by_the_mean_size_and_shifts_nothing() -> None:
    """Sizes of 1, 3 and 4, 4: means of 2 and 4 at first, with 8 and 0 twice as often 6 and 4/3."""
    norm = ScaleNormalizer(2)
    norm.update(torch.tensor([[1.0, -4.0], [-3.0, 4.0]]))
    rows = torch.tensor([[0.0, 0.0], [2.0, -2.0]])
    assert norm(rows).tolist() == [[0.0, 0.0], [1.0, -0.5]]
    norm.update(torch.tensor([[8.0, 0.0]] * 4))
    torch.testing.assert_close(norm.running_size, torch.tensor([6.0, 4.0 / 3.0], dtype=torch.float64))
    assert not norm(torch.zeros(1, 2)).any()  # with all of them on one side 0 is still 0
    assert norm(torch.tensor([[1e6, -1e6]])).tolist() == [[5.0, -5.0]]


def test_what_never_differs_is_divided_by_a_least_size() -> None:
    norm = ScaleNormalizer(1)
    norm.update(torch.zeros(10, 1))
    assert norm(torch.tensor([[2e-4]])).item() == pytest.approx(2.0)


def test_the_data_is_zero_and_only_the_rollout_is_normalised_by(add: Any) -> None:
    reward = judge(add, disc_batch_size=8)
    shown = reward.shown(Still.__new__(Still))
    assert shown.shape == (16, 2) and not shown.any()
    told = reward.measured(torch.tensor([[2.0, 1.0], [2.0, 3.0]]), shown)
    assert reward.discriminator.norm.state_dict()["running_size"].tolist() == [2.0, 2.0]
    assert told["style/difference"].item() == pytest.approx(1.0)  # sizes of 1, 0.5, 1 and 1.5 of the mean


def test_the_slope_is_penalised_at_zero_and_at_the_rollout(add: Any) -> None:
    """D = relu(x): no slope at 0, 1 at 2: the mean of both is 0.5; at the data alone it would be 0."""
    reward = DifferenceReward(read_settings(Settings, add(disc_units=(1,))), 2, torch.device("cpu"))
    with torch.no_grad():
        first, last = reward.discriminator.weights()
        first.copy_(torch.tensor([[1.0, 0.0]]))
        last.fill_(1.0)
    rows = torch.tensor([[2.0, 0.0]])
    _, metrics = reward.loss(torch.zeros(1, 2), rows, rows)
    assert metrics["losses/gradient_penalty"].item() == pytest.approx(0.5)


@pytest.mark.slow
def test_points_come_to_move_as_the_reference(add: Any) -> None:
    quick = {"disc_units": (64,), "disc_updates": 8, "disc_learning_rate": 1e-3, "disc_batch_size": 128}
    learner, env = start(add(task_weight=0.0, disc_gradient_penalty=0.2, **quick))
    for _ in range(60):
        metrics = learner.iterate(env).metrics
    assert metrics["style/difference"] < 0.5  # pyright: ignore[reportPossiblyUnboundVariable]
    policy, obs, speeds = learner.policy(), env.reset(), []
    for _ in range(15):
        obs = env.step(policy(obs)).obs
        speeds.append(obs["style"])
    assert (torch.stack(speeds[8:]) - torch.tensor(DATA)).norm(dim=-1).mean() < 0.25


def test_2_and_2_iterations_are_4(add: Any) -> None:
    settings = add(save_buffer=True)
    straight, env = start(settings)
    metrics = [straight.iterate(env).metrics for _ in range(4)]
    first, env_a = start(settings)
    for _ in range(2):
        first.iterate(env_a)
    saved, of_env, rng = first.state(), env_a.state(), torch.get_rng_state()
    second, env_b = start(settings, seed=99)
    second.load(saved)
    env_b.load_state(of_env)
    torch.set_rng_state(rng)
    assert second.complete
    assert [second.iterate(env_b).metrics for _ in range(2)] == metrics[2:]
    assert_same(second.state(), straight.state())


def test_without_differences_it_says_what_lists_them(add: Any) -> None:
    with pytest.raises(
        LearnerError, match=r"no observation group 'difference'.*ADD.*task\.groups\.difference"
    ):
        ADD(add(), StyledPoints(16).spec, seed=0)
