"""Updates while the envs step: the same numbers as one after the other, and nobody hangs when one of the two fails."""

# parts of learners and envs are replaced
# pyright: reportAttributeAccessIssue=false, reportOptionalMemberAccess=false

from __future__ import annotations

import time
import traceback
from contextlib import contextmanager

import pytest
import torch
from states import assert_same

from benchmarks.point_mass import PointMass
from rlkit.learners.fast_sac.flash.learner import FlashSAC
from rlkit.learners.fast_sac.learner import FastSAC
from rlkit.learners.fast_td3.learner import FastTD3
from rlkit.learners.off_policy import beside
from rlkit.learners.off_policy.beside import Beside


class OneThread(Beside):
    """The schedule as it is meant: the work, then the block."""

    @contextmanager
    def doing(self, work):
        with torch.enable_grad():
            work()
        yield


class Slow(PointMass):
    """Steps that take some milliseconds."""

    def step(self, actions):
        time.sleep(0.004)
        return super().step(actions)


@pytest.fixture
def make(fast_train, sac_train, flash_train):
    """Makes a learner that overlaps, with its env."""

    def made(cls=FastTD3, env_class=PointMass):
        train = {FastTD3: fast_train, FastSAC: sac_train, FlashSAC: flash_train}[cls]
        env = env_class(16, asymmetric=True)
        env.reset()
        return cls(train(overlap=True, num_steps=2, reward_normalization=True), env.spec, seed=3), env

    return made


@pytest.mark.parametrize(
    ("cls", "slow"), [(FastTD3, "envs"), (FastTD3, "updates"), (FastSAC, "envs"), (FlashSAC, "updates")]
)
def test_numbers_are_those_of_one_thread(make, cls, slow):
    learner, env = make(cls, Slow if slow == "envs" else PointMass)
    plain, its_env = make(cls)
    plain._beside = OneThread()
    if slow == "updates":
        turn = learner.update.turn
        learner.update.turn = lambda *of: (time.sleep(0.004), turn(*of))
    for _ in range(2):
        metrics, expected = learner.iterate(env).metrics, plain.iterate(its_env).metrics
        assert metrics["losses/critic"] == expected["losses/critic"]
    assert learner.turns.updates == 2 * (16 - 4)
    assert_same(learner.state(), plain.state())
    assert_same(env.state(), its_env.state())


def test_a_turn_learns_from_what_was_there_before_the_step_and_the_policy_acts_as_ever(fast_train):
    env = PointMass(16)
    env.reset()
    learner = FastTD3(fast_train(overlap=True, learning_starts=2), env.spec, seed=3)
    order = []
    turn, act, add = learner.update.turn, learner._act, learner.replay.add
    learner.update.turn = lambda *of: (order.append(("turn", learner.replay.steps_stored)), turn(*of))
    learner._act = lambda obs: (order.append(("act", learner.turns.updates)), act(obs))[1]
    learner.replay.add = lambda *of: (order.append(("add", learner.turns.updates)), add(*of))
    learner.iterate(env)
    assert order[:4] == [("act", 0), ("add", 0)] * 2  # nothing is learnt before two steps are there
    assert order[4:10] == [("act", 0), ("turn", 2), ("add", 2), ("act", 2), ("turn", 3), ("add", 4)]
    assert learner.turns.updates == 2 * (8 - 2)


def test_2_and_2_iterations_are_4(make):
    straight, env = make()
    for _ in range(4):
        straight.iterate(env)
    first, env_a = make()
    for _ in range(2):
        first.iterate(env_a)
    second, env_b = make()
    second.load(first.state())
    env_b.load_state(env_a.state())
    for _ in range(2):
        second.iterate(env_b)
    assert_same(second.state(), straight.state())


def test_without_it_a_turn_follows_its_step(fast_train):
    """As ever: the first turn sees the step that made the buffer full enough."""
    env = PointMass(16)
    env.reset()
    learner = FastTD3(fast_train(), env.spec, seed=3)
    stored = []
    turn = learner.update.turn
    learner.update.turn = lambda *of: (stored.append(learner.replay.steps_stored), turn(*of))
    learner.iterate(env)
    assert stored == [4, 5, 6, 7, 8]


def test_the_wait_for_a_turn_is_no_time_of_collecting(fast_train, monkeypatch):
    env = PointMass(16)
    env.reset()
    learner = FastTD3(fast_train(overlap=True), env.spec, seed=3)
    clock = iter([10.0, 13.5, 20.0, 20.5])
    monkeypatch.setattr(beside.time, "perf_counter", lambda: next(clock))
    for _ in range(2):
        with learner._beside.doing(lambda: None):
            pass
    monkeypatch.undo()
    assert learner._beside.waited == 4.0

    class Waits(OneThread):
        def doing(self, work):
            self.waited += 100.0
            return super().doing(work)

    learner._beside = Waits()
    started = time.perf_counter()
    done = learner.iterate(env)
    elapsed = time.perf_counter() - started
    assert -800.0 <= done.collect_time <= elapsed - 800.0  # of eight steps
    assert 0.0 < done.update_time < elapsed


# Trouble.


def broken(*_):
    raise ValueError("the turn broke")


def test_what_a_turn_raises_comes_out_with_its_place(fast_train):
    env = Slow(16)
    env.reset()
    learner = FastTD3(fast_train(overlap=True), env.spec, seed=3)
    learner.update.update_critics = broken
    with pytest.raises(ValueError, match="the turn broke") as caught:
        learner.iterate(env)
    places = [frame.name for frame in traceback.extract_tb(caught.value.__traceback__)]
    assert places[0].startswith("test_") and places[-3:] == ["run", "turn", "broken"]


def test_what_the_envs_raise_comes_out_when_the_turn_has_ended(fast_train):
    env = PointMass(16)
    env.reset()
    learner = FastTD3(fast_train(overlap=True), env.spec, seed=3)
    learner.iterate(env)
    step, turn, before = env.step, learner.update.turn, learner.turns.updates
    learner.update.turn = lambda *of: (time.sleep(0.02), turn(*of))
    env.step = lambda _: 1 / 0
    with pytest.raises(ZeroDivisionError):
        learner.iterate(env)
    assert learner.turns.updates == before + 2
    env.step = step  # the thread is there for whoever goes on
    learner.iterate(env)
    env.step, learner.update.turn = (lambda _: 1 / 0), broken
    with pytest.raises(ValueError, match="the turn broke") as caught:
        learner.iterate(env)
    assert isinstance(caught.value.__context__, ZeroDivisionError)
