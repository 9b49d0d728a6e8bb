"""`rlkit.runs`: what `rlkit runs` lists, as data."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
from workspace_helper import Workspace

import rlkit


def test_runs_come_from_new_to_old_and_are_filtered(workspace: Workspace) -> None:
    box = workspace.trained("Box", "best", 5)
    reach = workspace.trained("Reach", state="failed")
    test = workspace.tested(box)
    names = [run.name for run in rlkit.runs(workspace.root)]
    assert names == [test.name, reach.name, box.name]
    assert [run.name for run in rlkit.runs(str(workspace.root), task="Box", kind="train")] == [box.name]
    assert [run.name for run in rlkit.runs(workspace.root, state="failed")] == [reach.name]
    assert rlkit.runs(Path(workspace.root), task="Nothing") == []
    with pytest.raises(rlkit.RlkitError, match="task='Reech': there are no runs of it; did you mean Reach"):
        rlkit.runs(workspace.root, task="Reech")
    assert rlkit.runs(workspace.root, task="Reach", state="running") == []


def test_a_run_tells_what_its_files_hold(workspace: Workspace) -> None:
    made = workspace.start("Box")
    workspace.save(made, "best", 20, 3)
    lines = [
        {"iteration": 1, "env_steps": 64, "wall_time": 0.5},
        {"iteration": 2, "env_steps": 128, "wall_time": 1.0},
    ]
    lines[1]["episode/return"] = 3.5
    made.metrics.write_text("".join(json.dumps(line) + "\n" for line in lines))
    made.update(iterations=2, best_return=3.5, best_success=0.25)
    made.set_state("done")
    (run,) = rlkit.runs(workspace.root)
    assert (run.task, run.learner, run.state, run.iterations) == ("Box", "ppo", "done", 2)
    assert (run.best_return, run.best_success, run.reason) == (3.5, 0.25, None)
    assert run.checkpoints == {
        key: made.checkpoint_path(which) for key, which in (("best", "best"), ("3", 3), ("20", 20))
    }
    assert run.metrics == lines[1]
    assert run.history["env_steps"].tolist() == [64, 128]
    assert run.history["episode/return"].tolist() == [pytest.approx(float("nan"), nan_ok=True), 3.5]
    with pytest.raises(dataclasses.FrozenInstanceError):
        run.name = "other"  # type: ignore[misc]


def test_what_is_asked_for_must_be_possible(tmp_path: Path) -> None:
    assert rlkit.runs(tmp_path) == []
    with pytest.raises(rlkit.RlkitError, match="there is no such folder"):
        rlkit.runs(tmp_path / "nothing")
    with pytest.raises(rlkit.RlkitError, match=r"kind='training'.*allowed are train, test"):
        rlkit.runs(tmp_path, kind="training")
    with pytest.raises(rlkit.RlkitError, match=r"state='over'.*running, done"):
        rlkit.runs(tmp_path, state="over")


def test_a_folder_that_is_no_run_is_unreadable(workspace: Workspace) -> None:
    workspace.trained("Box")
    (workspace.archive / "odd").mkdir()
    (workspace.archive / "odd/run.json").write_text("{")
    states = {run.name: run.state for run in rlkit.runs(workspace.root)}
    assert states["odd"] == "unreadable" and sorted(states.values()) == ["done", "unreadable"]
