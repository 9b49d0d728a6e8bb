"""The test loop counts exactly k episodes of every env and says what they were like."""

from __future__ import annotations

import json

import pytest
import torch
from rich.console import Console
from scripted_env import ScriptedEnv

from rlkit.learners.api import Policy
from rlkit.runtime.playing import episodes as counting
from rlkit.runtime.playing import rollout


@Policy
def zero_policy(obs):
    return torch.zeros(len(obs["policy"]), 1)


def test_every_env_gives_the_same_number_of_episodes():
    # Env 0 plays nine episodes while env 1 plays its three; only the first three of each count.
    env = ScriptedEnv(lengths=[1, 3], rewards=[10.0, 1.0])
    results = rollout.play(env, zero_policy, per_env=3)
    assert results["episodes"] == 6
    assert results["return"]["mean"] == pytest.approx((3 * 10.0 + 3 * 3.0) / 6)  # 6.5
    assert results["length"] == pytest.approx({"mean": 2.0, "std": 1.2**0.5, "min": 1.0, "max": 3.0})
    assert env.steps == 9


def test_seconds_are_control_periods():
    results = rollout.play(ScriptedEnv([4, 2], [0.0, 0.0]), zero_policy, per_env=1)
    assert results["seconds"]["max"] == 2.0
    assert results["seconds"]["mean"] == 1.5


def test_rates_count_episodes_by_how_they_ended():
    env = ScriptedEnv([1, 2, 3, 4], [1.0] * 4, succeed=[0], fail=[2, 3])
    results = rollout.play(env, zero_policy, per_env=2)
    assert results["success_rate"] == 0.25
    assert results["timeout_rate"] == 0.25
    assert results["criteria"] == {"success/held": 0.25, "failure/fell": 0.5}


def test_the_policy_sees_the_current_observation():
    seen = []

    @Policy
    def policy(obs):
        seen.append(obs["policy"].squeeze(1).tolist())
        return torch.zeros(2, 1)

    rollout.play(ScriptedEnv([2, 3], [0.0, 0.0]), policy, per_env=1)
    assert seen == [[0.0, 0.0], [1.0, 1.0], [0.0, 2.0]]


def test_a_single_episode_has_no_spread():
    results = rollout.play(ScriptedEnv([2], [1.5]), zero_policy, per_env=1)
    assert results["return"] == {"mean": 3.0, "std": 0.0, "min": 3.0, "max": 3.0}


def test_returns_are_summed_in_double_precision():
    # In float32 1e8 + 1 is 1e8.
    episodes = counting.Episodes(ScriptedEnv([2], [0.0]), per_env=1)
    for reward, ended in ((1e8, False), (1.0, True)):
        flag = torch.tensor([ended])
        episodes.add(torch.tensor([reward]), flag, {"success": flag, "timeout": ~flag})
    assert episodes.results(1.0)["return"]["mean"] == 1e8 + 1


def test_progress_is_logged(caplog):
    with caplog.at_level("INFO", "rlkit"):
        rollout.play(ScriptedEnv([2] * 8, [0.0] * 8), zero_policy, per_env=1)
    assert "8 of 8 episodes, 1s simulated" in caplog.messages


def test_quiet_means_quiet(caplog):
    with caplog.at_level("INFO", "rlkit"):
        rollout.play(ScriptedEnv([2] * 8, [0.0] * 8), zero_policy, per_env=1, quiet=True)
    assert caplog.messages == []


@pytest.mark.parametrize(
    ("games", "per_env", "num_envs", "expected"),
    [(None, 3, 8, 3), (10, 1, 4, 3), (8, 5, 4, 2), (1, 5, 4, 1)],
)
def test_games_are_shared_out_evenly(games, per_env, num_envs, expected):
    assert rollout.episodes_per_env(games, per_env, num_envs) == expected


def test_the_table_and_the_file_say_the_same():
    results = rollout.play(ScriptedEnv([1, 3], [1.0, 1.0], succeed=[0]), zero_policy, per_env=2)
    assert json.loads(counting.as_json(results)) == results
    console = Console(width=100)
    with console.capture() as capture:
        console.print(counting.results_table(results, "Scripted"))
    lines = {line.strip("│ ").split("│")[0].strip(): line for line in capture.get().splitlines()}
    assert "50 %" in lines["success rate"]
    assert "50 %" in lines["success/held"]
    assert "50 %" in lines["time-out"]
    spread = {"mean": 0.1, "std": 0.0, "min": 0.1, "max": 0.1}
    table = counting.results_table({**results, "facts": {"gap": spread}, "units": {"gap": "m"}}, "Scripted")
    assert "gap, m" in list(table.columns[0].cells)
    assert lines["return"].split("│")[2:6] == ["    2 ", "  1.15 ", "   1 ", "   3 "]


def step(episodes, *lengths_over):
    """One step of three envs in which those of `lengths_over` end."""
    ended = torch.tensor([env in lengths_over for env in range(3)])
    episodes.add(torch.ones(3), ended, {"success": ended, "timeout": ~ended, "failure/fell": ~ended})


def test_a_restart_counts_no_episode_that_was_under_way():
    episodes = counting.Episodes(ScriptedEnv([2] * 3, [0.0] * 3), per_env=1)
    step(episodes, 1)
    episodes.restart()  # env 1 is between two episodes, 0 and 2 are in the middle of one
    step(episodes, 0)
    assert episodes.done == 0
    step(episodes, 0, 1)
    assert [(row["env"], row["episode"], row["length"]) for row in episodes.table(0.5)] == [
        (0, 0, 1),
        (1, 0, 2),
    ]
    step(episodes, 2)
    assert not episodes.complete
    step(episodes, 2)
    assert episodes.complete
    assert episodes.results(0.5)["length"]["mean"] == pytest.approx(4 / 3)


def test_the_rows_of_episodes_csv():
    episodes = counting.Episodes(ScriptedEnv([2] * 3, [0.0] * 3), per_env=2)
    step(episodes, 2)
    step(episodes, 0, 1, 2)
    assert counting.as_csv(episodes.table(0.5)).splitlines() == [
        "env,episode,return,length,success,timeout,failure/fell,seconds",
        "2,0,1.0,1,1,0,0,0.5",
        "0,0,2.0,2,1,0,0,1.0",
        "1,0,2.0,2,1,0,0,1.0",
        "2,1,1.0,1,1,0,0,0.5",
    ]
    assert counting.as_csv([]) == ""
