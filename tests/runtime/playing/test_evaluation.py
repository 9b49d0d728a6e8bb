"""An evaluation plays whole episodes from the same first states each time, and nobody else notices."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch
from scripted_env import ScriptedEnv

from benchmarks.point_mass import PointMass
from rlkit.learners.api import Policy
from rlkit.runtime.playing.evaluation import Evaluation


@Policy
def zero_policy(obs):
    return torch.zeros(len(obs["policy"]), 1)


class Watching(Policy):
    """A policy of steady push that keeps what it saw."""

    def __init__(self):
        self.seen = []

    def __call__(self, obs):
        self.seen.append(obs["policy"].clone())
        return torch.full((len(obs["policy"]), 2), 0.1)


class Anew(PointMass):
    """Cannot return to a state, so it is built anew; `alive` counts those that are not closed."""

    alive = 0
    built = 0

    def __init__(self):
        super().__init__(8, 10, seed=4)
        self.resumable = False
        Anew.alive += 1
        Anew.built += 1

    def state(self):
        raise AssertionError("this env has no state")

    def close(self):
        Anew.alive -= 1


def test_every_number_is_a_mean_over_one_episode_of_each_env():
    # Env 0 plays three episodes while env 1 plays its first; one of each counts.
    env = ScriptedEnv([1, 3], [10.0, 1.0], succeed=[0])
    metrics = Evaluation(lambda: env).metrics(zero_policy)
    assert metrics.pop("time/evaluation") > 0.0
    assert metrics == {
        "eval/return": (10.0 + 3.0) / 2,
        "eval/length": (1 + 3) / 2,
        "eval/success": 0.5,
        "eval/timeout": 0.5,
    }


@pytest.mark.parametrize("make", [lambda: PointMass(8, 10, seed=4), Anew], ids=["resumable", "anew"])
def test_every_evaluation_begins_in_the_same_states(make):
    evaluation = Evaluation(make)
    policies = [Watching() for _ in range(3)]
    scores = [evaluation.metrics(policy)["eval/return"] for policy in policies]
    assert scores[0] == scores[1] == scores[2]
    for policy in policies[1:]:
        for before, after in zip(policies[0].seen, policy.seen):
            assert torch.equal(before, after)
    evaluation.close()


def test_envs_that_were_built_anew_are_closed():
    Anew.alive = Anew.built = 0
    evaluation = Evaluation(Anew)
    for built in (1, 2, 3):
        evaluation.metrics(Watching())
        assert (Anew.alive, Anew.built) == (1, built)
    evaluation.close()
    assert Anew.alive == 0


def test_the_random_numbers_of_training_are_left_alone():
    def draw():
        return torch.rand(1).item(), random.random(), float(np.random.rand())

    class Drawing(ScriptedEnv):
        """Draws from every global generator, when it is built and in each step."""

        def __init__(self):
            draw()
            super().__init__([3], [1.0])

        def step(self, actions):
            draw()
            return super().step(actions)

    def numbers(*, evaluated):
        torch.manual_seed(1)
        random.seed(2)
        np.random.seed(3)
        evaluation = Evaluation(Drawing) if evaluated else None
        before = draw()
        if evaluation is not None:
            evaluation.metrics(zero_policy)
        return before, draw()

    assert numbers(evaluated=True) == numbers(evaluated=False)


def test_a_long_evaluation_tells_how_far_it_is_and_a_short_one_nothing(caplog, monkeypatch):
    caplog.set_level("INFO", "rlkit")
    evaluation = Evaluation(lambda: ScriptedEnv([1, 3], [10.0, 1.0]))
    evaluation.metrics(zero_policy)
    assert not caplog.records
    monkeypatch.setattr("rlkit.runtime.playing.rollout._TELL_SECONDS", 0.0)
    evaluation.metrics(zero_policy)
    assert [record.getMessage() for record in caplog.records] == [
        "evaluation: 1 of 2 episodes, 0s simulated",
        "evaluation: 1 of 2 episodes, 1s simulated",
        "evaluation: 2 of 2 episodes, 2s simulated",
    ]
