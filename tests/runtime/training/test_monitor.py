"""Episode means, the window over the latest of them, and how an iteration's time is shared out."""

from __future__ import annotations

from contextlib import closing
from typing import Sequence

import pytest
import torch
from scripted_env import ScriptedEnv

from rlkit.config import compose
from rlkit.env.api import EnvError
from rlkit.learners.api import Iteration
from rlkit.media.viewers import Frame, UserInput, Viewer
from rlkit.runtime.build import build_env
from rlkit.runtime.process.ranks import Ranks
from rlkit.runtime.training.monitor import Monitor, episode_means
from rlkit.runtime.training.train import time_split

ZERO = torch.zeros(2, 1)


def play(monitor, steps):
    for _ in range(steps):
        monitor.step(ZERO)
    return monitor.collect()[0]


def test_means_weigh_every_episode_the_same():
    # In 4 steps env 0 ends four episodes of return 10, env 1 one of return 4.
    means = play(Monitor(ScriptedEnv([1, 4], [10.0, 1.0])), 4)
    assert means == {
        "episode/count": 5.0,
        "episode/return": pytest.approx((4 * 10.0 + 4.0) / 5),
        "episode/length": pytest.approx((4 * 1 + 4) / 5),
        "episode/success": 0.0,
        "reward/still": 2.0,
    }


def test_without_an_ended_episode_there_are_no_means():
    monitor = Monitor(ScriptedEnv([5, 5], [1.0, 1.0]))
    assert play(monitor, 2) == {}
    assert monitor.window() == {}


def test_collect_starts_anew():
    monitor = Monitor(ScriptedEnv([2, 2], [1.0, 1.0]))
    assert play(monitor, 2)["episode/count"] == 2.0
    assert monitor.collect() == ({}, 0.0, 0.0)


def test_the_window_waits_for_one_episode_per_env():
    monitor = Monitor(ScriptedEnv([1, 9], [1.0, 1.0]))
    play(monitor, 1)
    assert monitor.window() == {}
    play(monitor, 1)
    assert monitor.window()["episode/count"] == 2.0


def test_the_window_holds_the_latest_iterations_with_an_episode_per_env():
    env = ScriptedEnv([1, 1], [1.0, 1.0])
    monitor = Monitor(env)
    play(monitor, 1)
    env.rewards = torch.tensor([3.0, 5.0])
    play(monitor, 1)  # these two episodes alone are enough: the older ones leave
    assert monitor.window() == {
        "episode/count": 2.0,
        "episode/return": 4.0,
        "episode/length": 1.0,
        "episode/success": 0.0,
        "reward/still": 2.0,
    }


def test_the_window_weighs_by_episodes_not_by_iterations():
    monitor = Monitor(ScriptedEnv([1] * 4, [0.0] * 4))
    # One iteration with 1 episode of return 9 and a later one with 3 of return 1: 12 / 4, not (9 + 1) / 2.
    monitor.load_monitor_state({"window": [{"count": 1.0, "return": 9.0}, {"count": 3.0, "return": 3.0}]})
    assert monitor.window() == {"episode/count": 4.0, "episode/return": 3.0}


def test_the_window_survives_a_checkpoint():
    first, second = (Monitor(ScriptedEnv([1, 2], [1.0, 2.0])) for _ in range(2))
    play(first, 3)
    second.load_monitor_state(first.monitor_state())
    assert second.window() == first.window() != {}


def test_the_time_in_physics_is_read_and_cleared():
    env = ScriptedEnv([1, 1], [0.0, 0.0])
    env.physics_time = 0.25
    monitor = Monitor(env)
    monitor.step(ZERO)
    _, step_time, physics_time = monitor.collect()
    assert physics_time == 0.25
    assert step_time > 0.0
    assert monitor.collect()[1:] == (0.0, 0.0)


class ThreeFrames(Viewer):
    """Shows env 1 and is closed after three frames."""

    env = 1

    def __init__(self) -> None:
        self.shown: list[tuple[int, int, str]] = []

    def show(self, frame: Frame) -> None:
        self.shown.append((frame.env, frame.step, frame.caption))

    def poll_input(self) -> UserInput:
        return UserInput(self.env)

    def offer_checkpoints(self, names: Sequence[str], playing: str) -> None: ...

    @property
    def closed(self) -> bool:
        return len(self.shown) == 3

    def close(self) -> None: ...


def test_a_viewer_is_shown_its_env_until_it_is_closed():
    env = build_env(compose(["task=BaseTask", "numEnvs=2", "device=cpu"]), Ranks())
    with closing(env):
        viewer = ThreeFrames()
        monitor = Monitor(env, viewer)
        monitor.reset()
        actions = torch.zeros(2, env.spec.num_actions)
        watched = [monitor.step(actions).info.watched is not None for _ in range(5)]
    assert viewer.shown == [(1, 1, "training"), (1, 2, "training"), (1, 3, "training")]
    assert watched == [True, True, True, False, False]
    assert monitor.live is None


def test_the_shares_of_an_iteration_add_up_to_it():
    result = Iteration(env_steps=10, metrics={}, collect_time=5.0, update_time=2.0)
    split = time_split(result, step_time=4.0, physics_time=3.0)
    assert split == {"time/physics": 3.0, "time/env": 1.0, "time/policy": 1.0, "time/update": 2.0}
    assert sum(split.values()) == result.collect_time + result.update_time


def test_no_episode_has_no_mean():
    assert episode_means({}) == {}
    assert episode_means({"count": 0.0, "return": 0.0}) == {}


class Unstable(ScriptedEnv):
    """The first `bad` of its envs end for want of finite numbers, always."""

    unstable_hint = "mend it"
    bad = 0

    def step(self, actions):
        step = super().step(actions)
        if step.info.episodes:
            step.info.episodes["failure/unstable"] = step.ended[: self.bad].sum().float()
        return step


@pytest.mark.parametrize(("bad", "stops"), [(0, False), (2, False), (3, True)])
def test_a_training_most_of_whose_episodes_are_unstable_stops(bad, stops):
    env = Unstable([1] * 4, [1.0] * 4)
    env.bad = bad
    monitor = Monitor(env)
    for _ in range(4):  # 16 episodes are too few to tell
        monitor.step(torch.zeros(4, 1))
        monitor.collect()
    monitor.step(torch.zeros(4, 1))
    if not stops:
        assert monitor.collect()[0]["episode/count"] == 4.0
        return
    with pytest.raises(
        EnvError, match="15 of the latest 20 episodes ended because of a number that is not finite"
    ):
        monitor.collect()


def test_what_was_judged_once_is_forgotten():
    env = Unstable([1] * 20, [1.0] * 20)
    monitor = Monitor(env)
    monitor.step(torch.zeros(20, 1))
    monitor.collect()
    env.bad = 11  # of 20, after 20 good ones
    monitor.step(torch.zeros(20, 1))
    with pytest.raises(EnvError, match=r"11 of the latest 20 episodes .*: mend it"):
        monitor.collect()
