"""What is counted while a task is tried, against numbers worked out by hand, and how it is told."""

from __future__ import annotations

import math
import re

import pytest
import torch
from puck import puck_env
from torch import Tensor

from rlkit.tryout.tables import lines
from rlkit.tryout.tally import Spread, Tally


def test_a_spread_is_of_each_column_and_leaves_out_what_is_no_number():
    spread = Spread(2)
    spread.add(torch.tensor([[1.0, 5.0], [3.0, 5.0]]))
    spread.add(torch.tensor([[5.0, math.nan], [7.0, math.inf]]))
    assert spread.low.tolist() == [1.0, 5.0] and spread.high.tolist() == [7.0, 5.0]
    assert spread.mean.tolist() == [4.0, 5.0]
    assert spread.std.tolist() == [pytest.approx(math.sqrt(5.0)), 0.0]  # of 1, 3, 5, 7
    assert spread.bad.tolist() == [0, 2]


def tried(steps: int, action: float = 1.0, **task) -> Tally:
    """Two carts of 1 kg, at rest at first, under so many N; a step is 0.02 s and an episode 4 steps."""
    settings = {"episodeLength": 4, "rewardWeights": {"speed": 2.0}, **task}
    env = puck_env(2, task=settings)
    tally = Tally(env, 1)
    obs = env.reset()
    env.watch([0, 1])
    for _ in range(steps):
        obs = tally.step(obs, torch.full((2, 1), action)).obs
    return tally


def test_terms_are_weighted_by_step_and_by_episode():
    tally = tried(4, terminationRewards={"success": 0.0, "failure": 0.0, "timeout": 3.0})
    # The carts reach 0.02, 0.04, 0.06, 0.08 m/s, which earn twice that; the end adds 3.
    assert tally.term_names == ("speed", "(endings)")
    assert tally.terms.mean.tolist() == pytest.approx([0.1, 0.75], abs=1e-4)
    assert tally.terms.high.tolist() == pytest.approx([0.16, 3.0], abs=1e-4)
    assert tally.returns.mean.tolist() == pytest.approx([0.4, 3.0], abs=1e-4)
    assert tally.shares == pytest.approx({"speed": 0.1 / 0.85, "(endings)": 0.75 / 0.85}, abs=1e-4)
    assert tally.episodes.complete
    assert float(tally.reward.high) == pytest.approx(3.16, abs=1e-4)


def test_actions_at_their_ends_are_counted():
    assert tried(3).saturated.tolist() == [6.0]
    assert tried(3, action=0.5).saturated.tolist() == [0.0]
    assert tried(3, action=1.0).at_limit.tolist() == [0.0]  # this motor has no limits


def cells(tally: Tally) -> dict[str, list[str]]:
    rows = [re.split("  +", line.strip()) for line in lines(tally, {"speed": 2.0})]
    return {row[0]: row[1:] for row in rows}


def test_the_tables_say_what_was_counted():
    told = cells(tried(4))
    assert told["speed"] == ["2", "0.05", "0.1", "0.04", "0.16", "0.4", "100 %"]
    assert told["(endings)"][-1] == "always 0"
    assert told["time-out"] == told["all"] == ["2", "100 %", "4", "0.08", "0.4"]
    assert told["success"] == told["failure/unstable"] == ["0"]
    assert told["puck"][-1] == "constant" and told["cart"][-1] != "constant"
    assert any(line.startswith("actions: 1, from 1 to 1, 100 % of them at -1 or 1") for line in told)
    assert any("env-steps/s with 2 envs, each at" in line for line in told)


def test_a_try_that_ends_before_its_episodes_says_so():
    told = cells(tried(3))
    assert "no episode has ended yet" in told
    assert told["speed"][:5] == ["2", "0.04", "0.08", "0.04", "0.12"]
    assert told["speed"][5] == "–"  # no whole episode


def test_a_first_step_that_fails_is_told_with_what_was_seen_before_it(monkeypatch):
    tally = tried(0)
    obs = tally.env.reset()
    bad = {"policy": obs["policy"].clone()}
    bad["policy"][0, 0] = math.nan
    monkeypatch.setattr(tally.env, "step", lambda _: pytest.fail("it is broken"))
    with pytest.raises(pytest.fail.Exception):
        tally.step(bad, torch.full((2, 1), 0.5))
    told = cells(tally)
    assert told["speed"] == ["2", "–", "–", "–", "–", "–", "0 %"] and told["reward"][:2] == ["–", "–"]
    assert "no episode has ended yet" in told
    first = tally.spec.observation_terms["policy"][0][0]
    assert "NaN or Inf: 1 times" in told[first][-1]
    assert any(line.startswith("actions: 1, from 0.5 to 0.5, 0 % of them") for line in told)
    assert not any("env-steps/s" in line for line in told)


def test_a_term_that_never_moves_is_said(monkeypatch):
    told = cells(tried(2, action=0.0))
    assert told["speed"][-1] == "always 0"


def test_rates_are_of_the_time_in_steps():
    tally = tried(2)
    tally.wall, tally.env.physics_time = 0.5, 0.25
    rates = {"env_steps_per_s": 8.0, "real_time": 0.08, "physics": 0.5}
    assert tally.rates() == pytest.approx(rates)


def test_what_is_not_finite_is_counted_where_the_env_does_not_mind():
    spread = Spread(3)
    spread.add(torch.tensor([[0.0, math.nan, 1.0]]))
    low: Tensor = spread.low
    assert low.tolist() == [0.0, math.inf, 1.0] and spread.bad.tolist() == [0, 1, 0]
