"""Which of a tracker's runs a training goes on in, and what it is told."""

from __future__ import annotations

import pytest

from rlkit.config import compose
from rlkit.runtime.trackers.opening import continued, mode_of, trackers_of

HERE = {"name": "wandb", "project": "rlkit", "server": None}
OURS = {**HERE, "id": "x1"}


@pytest.fixture
def ended(workspace):
    """A run whose checkpoint_last is of iteration 20."""
    run = workspace.start()
    workspace.save(run, "last", iteration=20)
    run.update(tracker=OURS)
    run.set_state("interrupted")
    return run


def test_the_same_folder_goes_on_in_the_same_run(ended):
    assert continued(ended, HERE, 21) == "x1"
    assert continued(ended, {**HERE, "name": "mlflow"}, 21) is None
    assert continued(ended, {**HERE, "project": "another"}, 21) is None
    assert continued(ended, {**HERE, "server": "http://another"}, 21) is None


def test_a_resume_from_its_end_goes_on_in_the_same_run_once(workspace, ended):
    first = workspace.start(parent=ended.name)
    assert continued(first, HERE, 11) is None  # from an earlier checkpoint: a branch of its own
    assert continued(first, HERE, 21) == "x1"
    first.update(tracker=OURS)
    second = workspace.start(parent=ended.name)
    assert continued(second, HERE, 21) is None


def test_a_new_training_has_a_run_of_its_own(workspace, ended):
    assert continued(workspace.start(), HERE, 1) is None


def test_no_tracker_starts_nothing(workspace, monkeypatch):
    assert trackers_of(compose(["device=cpu"]), workspace.start(), first_iteration=1) == []
    monkeypatch.setenv("WANDB_MODE", "disabled")
    assert mode_of("wandb", "auto") == "disabled"
    assert (mode_of("mlflow", "auto"), mode_of("mlflow", "disabled")) == ("online", "disabled")
