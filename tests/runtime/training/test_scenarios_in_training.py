"""What an evaluation finds of each scenario teaches the training's task, which keeps it over resumes."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from puck import Courses, courses_env, task_of
from test_training import train

from rlkit.runtime.playing.evaluation import Evaluation
from rlkit.runtime.process.ranks import Ranks
from rlkit.tasks.api import TaskError

WORDS = ("training.evalInterval=1",)
# Each evaluation doubles the failed one's weight and adds the last positions of 2, 4 and 3 m to all.
AFTER_ONE, AFTER_TWO = [1.0 + 2, 1.0 + 4, 2.0 + 3], [1.0 + 4, 1.0 + 8, 10.0 + 3]


def trained(folder, iterations, num_envs=2, source=None, task=Courses):
    env = courses_env(num_envs, learning=True, task=task)
    evaluation: Any = Evaluation(lambda: courses_env(2))
    _, run = train(folder, f"maxIter={iterations}", *WORDS, evaluation=evaluation, source=source, env=env)
    return task_of(env), run


def test_an_evaluation_teaches_the_training_and_a_resume_keeps_it(tmp_path):
    task, run = trained(tmp_path / "a", 1)
    assert task.weights.tolist() == AFTER_ONE
    last = run.checkpoint_path("last")
    for num_envs in (2, 3):  # with another number of envs episodes begin anew
        again, _ = trained(tmp_path / f"b{num_envs}", 2, num_envs=num_envs, source=last)
        assert again.weights.tolist() == AFTER_TWO
    assert (tmp_path / "b2" / "courses.csv").read_text().splitlines()[1].startswith("2,short,1,1.5,")


def test_a_state_of_other_scenarios_begins_anew_with_a_word(tmp_path, caplog):
    class More(Courses):
        def __init__(self, *args):
            super().__init__(*args)
            self.more = torch.zeros(1)

        def shared_state(self):
            return {**super().shared_state(), "more": self.more}

    _, run = trained(tmp_path / "a", 1)
    caplog.clear()
    caplog.set_level("INFO", "rlkit")
    task, _ = trained(tmp_path / "b", 2, source=run.checkpoint_path("last"), task=More)
    assert "episodes start anew: the saved more of task Courses is absent, here (1,)" in caplog.text
    assert task.weights.tolist() == AFTER_ONE


def test_a_shared_state_of_another_shape_changes_nothing():
    task = task_of(courses_env(2))
    with pytest.raises(TaskError, match=r"the saved weights of task Courses is \(2,\), here \(3,\)"):
        task.load_shared_state({"weights": torch.zeros(2)})
    assert task.weights.tolist() == [1.0] * 3
    task.load_shared_state({"weights": torch.arange(3.0)})
    assert task.weights.tolist() == [0.0, 1.0, 2.0]


def test_alone_a_rank_tells_itself():
    assert Ranks().told("this") == "this"
