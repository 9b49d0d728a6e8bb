"""When a training ends, is evaluated and saved."""

from __future__ import annotations

import itertools

import pytest

from rlkit.config import compose
from rlkit.runtime.progress import schedule as schedule_module
from rlkit.runtime.progress.schedule import SaveClock, Schedule
from rlkit.runtime.progress.train_state import TrainState


class Clock:
    """Stands still unless a test says otherwise."""

    def __init__(self, monkeypatch):
        self.now = 50.0
        monkeypatch.setattr(schedule_module.time, "perf_counter", lambda: self.now)


@pytest.fixture
def clock(monkeypatch):
    return Clock(monkeypatch)


def schedule(*words, at=None):
    return Schedule(compose(["device=cpu", "numEnvs=8", *words]).training, at or TrainState())


def told(made, steps, start=(0, 0)):
    """The iterations after which each thing was due, to the end."""
    at = TrainState(iteration=start[0], env_steps=start[1])
    each = Schedule(made, at)
    found = {"evaluated": [], "saved": []}
    for size in steps:
        if each.over:
            break
        at.iteration += 1
        at.env_steps += size
        each.advanced(size)
        for name, due in (("evaluated", each.evaluation_due), ("saved", each.checkpoint_due)):
            if due:
                found[name].append(at.iteration)
    assert each.over
    return found


def test_in_iterations():
    made = compose(
        ["device=cpu", "maxIter=7", "training.evalInterval=3", "training.checkpointInterval=2"]
    ).training
    assert told(made, itertools.repeat(100)) == {"evaluated": [3, 6, 7], "saved": [2, 4, 6]}


def test_in_env_steps_whatever_an_iteration_is():
    words = ("training.maxSteps=1000", "training.evalSteps=250", "training.checkpointSteps=400")
    made = compose(["device=cpu", "numEnvs=8", *words]).training
    assert told(made, itertools.repeat(100)) == {"evaluated": [3, 5, 8, 10], "saved": [4, 8]}
    assert told(made, itertools.repeat(600)) == {"evaluated": [1, 2], "saved": [1, 2]}
    # A resume with envs of another number goes on counting where it stood.
    assert told(made, itertools.repeat(300), start=(7, 300)) == {"evaluated": [8, 9, 10], "saved": [8, 9, 10]}


def test_what_is_left(clock):
    at = TrainState(iteration=4, env_steps=400)
    each = schedule("training.maxSteps=1000", at=at)
    for _ in range(2):
        at.iteration, at.env_steps, clock.now = at.iteration + 1, at.env_steps + 100, clock.now + 3.0
        each.advanced(100)
    assert (each.done, each.total, each.elapsed, each.left) == (2, 10, 6.0, 12.0)


def saves(clock, total, seconds, cost=0.0):
    """The seconds after which the clock asked for a checkpoint, in a training of so many iterations."""
    at = TrainState()
    each = schedule(f"maxIter={total}", "training.checkpointInterval=1000000", at=at)
    save, start, found = SaveClock(), clock.now, []
    while not each.over:
        at.iteration, clock.now = at.iteration + 1, clock.now + seconds
        each.advanced(256)
        if save.due(each):
            found.append(clock.now - start)
            clock.now += cost
            save.tried(cost)
    return found


def test_a_tenth_of_a_short_training(clock):
    assert saves(clock, total=100, seconds=1.0) == [10.0 * n for n in range(1, 11)]


def test_five_minutes_of_a_long_one(clock):
    assert saves(clock, total=1000, seconds=10.0)[:3] == [300.0, 600.0, 900.0]


def test_checkpoints_that_take_long_are_made_more_seldom(clock):
    first, second, *_ = saves(clock, total=100, seconds=1.0, cost=2.0)
    assert first == 10.0  # whatever it costs: one is there after a tenth
    assert second - first >= 2.0 / 0.05


def test_one_iteration_that_takes_all_the_time_needs_no_other(clock):
    assert saves(clock, total=1, seconds=100.0) == [100.0]
