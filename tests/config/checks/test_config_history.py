"""`task.history`: what cannot be is refused, and memory is reckoned with all frames."""

from __future__ import annotations

import pytest

from rlkit.config import ConfigError, compose
from rlkit.config.facts.machine import Machine
from rlkit.sims.facts import USABLE


def refused(*words: str) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        compose([*words, "device=cpu"])
    return caught.value.messages


def test_a_task_that_says_nothing_of_it_takes_it() -> None:
    assert "history" not in compose(["task=Reach", "device=cpu"]).task
    task = compose(["task=Reach", "task.history=5", "task.history_terms=[goal_pos]", "device=cpu"]).task
    assert (task["history"], [*task["historyTerms"]]) == (5, ["goal_pos"])
    assert compose(["task=Gym", "env.id=Pendulum-v1", "task.history=3", "device=cpu"]).task["history"] == 3


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["task.history=0"], "task.history=0: needs int in [1, 64], got 0"),
        (["task.historyTerms=[goal_pos]"], "task.historyTerms: counts with task.history=5 or so; write both"),
        (
            ["task.history=2", "task.historyTerms=[goal]"],
            "task.historyTerms: the policy does not see 'goal'; did you mean goal_pos?",
        ),
    ],
)
def test_what_says_nothing_is_refused(words: list[str], message: str) -> None:
    assert message in refused("task=Reach", *words)


def test_what_tells_the_policy_what_to_do_now_has_no_past() -> None:
    (message,) = refused("task=Style", "train=ASE", "task.history=2")
    assert message.startswith(
        "task.history=2: latent tells the policy what to do now; write task.historyTerms=["
    )
    terms = message.partition("historyTerms=")[2]
    compose(["task=Style", "train=ASE", "task.history=2", f"task.historyTerms={terms}", "device=cpu"])


def test_the_replay_of_all_frames_must_fit() -> None:
    """31 numbers five times, at most 32 actions, a reward and an ending: 753 bytes a step, of 1000 envs 4.6 GB."""
    machine = Machine(cores=4, simulators=frozenset(USABLE), cpu_bf16=True, memory=2_500_000_000)
    words = ["task=Reach", "train=FastTD3", "numEnvs=1000", "train.buffer_size=6000", "device=cpu"]
    compose(words, machine=machine)
    compose([*words, "task.history=5", "task.historyTerms=[goal_pos]"], machine=machine)
    with pytest.raises(ConfigError, match=r"train\.buffer_size=6000: needs about 4\.6 GB for 1000 envs"):
        compose([*words, "task.history=5"], machine=machine)
