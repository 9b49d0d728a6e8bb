"""A search with Optuna: what it asks for, what it is told, what it gives up, and how it goes on."""

from __future__ import annotations

import json
from typing import Any

import pytest
from workspace_helper import workspace as workspace

from rlkit.config.schema.ranking import Measure
from rlkit.config.sweep import Spread
from rlkit.sweeps.book import Book
from rlkit.sweeps.processes import Ended
from rlkit.sweeps.search import Search, Settings
from rlkit.workspace.sweeps import JOB_VARIABLE, Sweep, new_record

pytestmark = pytest.mark.slow

RATE = Spread("train.learning_rate", ("1e-05", "0.01"), interval=True, log=True)
SETTINGS = (RATE, Spread("training.seed", ("1",)))


class Jobs:
    """Stands for the processes: which run, and which were told to end."""

    def __init__(self) -> None:
        self.running: list[Any] = []
        self.ended: list[int] = []

    def end(self, number: int) -> None:
        self.ended.append(number)


@pytest.fixture
def search(workspace, monkeypatch):
    """A function that begins a search in a workspace, or goes on with it."""
    workspace.start().close()
    monkeypatch.chdir(workspace.root)
    path = workspace.archive / "Box_sweep_1"

    def begin(**settings: Any) -> tuple[Search, Sweep]:
        record = new_record(
            "Box", command="train", words=(), common=(), jobs=(), sweeper="optuna", measure="return"
        )
        sweep = Sweep.take_up(path) if path.exists() else Sweep.begin(path, record)
        book = Book(sweep, several=True)
        return Search(sweep, book, SETTINGS, (RATE,), Settings(**settings), Measure("return")), sweep

    return begin


def trained(workspace, monkeypatch, job, returns: list[float], state: str) -> None:
    """What the process of a job leaves behind."""
    monkeypatch.setenv(JOB_VARIABLE, f"Box_sweep_1/{job.number}")
    run = workspace.start()
    rows = [{"iteration": n, "episode/return": value} for n, value in enumerate(returns, start=1)]
    run.metrics.write_text("".join(json.dumps(row) + "\n" for row in rows))
    run.update(best_return=max(returns), iterations=len(returns))
    run.set_state(state)


def test_trials_are_told_and_a_continuation_asks_for_others(search, workspace, monkeypatch):
    searching, sweep = search(n_trials=2, sampler="random")
    jobs = [searching.next_job(), searching.next_job()]
    assert searching.next_job() is None
    for job, value in zip(jobs, (1.0, 3.0)):
        trained(workspace, monkeypatch, job, [value], "done")
        searching.ended(Ended(job, 0, 1.0, None))
    sweep.close()
    searching, sweep = search(n_trials=3, sampler="random")
    jobs.append(searching.next_job())
    assert searching.next_job() is None
    assert [job.number for job in jobs] == [0, 1, 2]
    assert len({job.words[0] for job in jobs}) == 3  # the seed alone would have drawn the first one again
    assert [trial.value for trial in searching._study.trials] == [1.0, 3.0, None]


def test_a_job_that_was_cut_off_is_the_next_one_and_one_that_failed_is_replaced(
    search, workspace, monkeypatch
):
    searching, sweep = search(n_trials=2)
    jobs = [searching.next_job(), searching.next_job()]
    trained(workspace, monkeypatch, jobs[0], [1.0], "interrupted")
    searching.ended(Ended(jobs[0], 143, 1.0, None))
    trained(workspace, monkeypatch, jobs[1], [1.0], "failed")
    searching.ended(Ended(jobs[1], 1, 1.0, None))
    assert searching.next_job() is None  # not again and again in one go
    sweep.close()
    searching, sweep = search(n_trials=2)
    again = [searching.next_job(), searching.next_job(), searching.next_job()]
    assert again[0] == jobs[0] and again[1].number == 2 and again[2] is None


def test_a_trial_below_the_median_is_told_to_end(search, workspace, monkeypatch):
    searching, sweep = search(n_trials=3, pruner="median", prune_after=2, prune_every=1, startup_trials=1)
    first, second, third = (searching.next_job() for _ in range(3))
    trained(workspace, monkeypatch, first, [1.0, 2.0, 3.0, 4.0], "done")
    searching.ended(Ended(first, 0, 1.0, None))
    jobs = Jobs()
    for job, returns in ((second, [0.0]), (third, [0.0, 1.0, 2.0])):
        trained(workspace, monkeypatch, job, returns, "interrupted")  # it would run on, if nobody ended it
        jobs.running = [job]
        searching.look(jobs)
    assert jobs.ended == [third.number]  # the second one has not had its iterations yet
    searching.ended(Ended(third, 143, 1.0, None))
    job = sweep.record.jobs[third.number]
    assert job.state == "pruned" and "at iteration 3 its return 2 is below the median" in (job.reason or "")
    assert [trial.state.name for trial in searching._study.trials] == ["COMPLETE", "RUNNING", "PRUNED"]
