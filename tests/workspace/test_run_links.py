"""runs/ is a window on runs_all/: limits, latest_*, pins, and repair."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from workspace_helper import Workspace

from rlkit.workspace import WorkspaceLimits


def names(runs) -> set[str]:
    return {run.name for run in runs}


def test_the_newest_of_each_kind_are_shown_and_all_are_kept(workspace):
    workspace.limits = WorkspaceLimits(max_train_runs=3, max_test_runs=2)
    trained = [workspace.trained() for _ in range(5)]
    tests = [workspace.tested(trained[0]) for _ in range(4)]
    assert workspace.shown() == names(trained[-3:] + tests[-2:])
    assert len([path for path in workspace.archive.iterdir() if path.is_dir()]) == 9


def test_eleven_runs_leave_ten_links(workspace):
    runs = [workspace.trained() for _ in range(11)]
    assert workspace.shown() == names(runs[1:])


def test_max_recent_runs_bounds_both_kinds_together(workspace):
    workspace.limits = WorkspaceLimits(max_recent_runs=3, max_train_runs=2)
    trained = [workspace.trained() for _ in range(4)]
    tests = [workspace.tested(trained[0]) for _ in range(2)]
    assert workspace.shown() == names([trained[-1], *tests])


def test_a_live_run_keeps_its_link_whatever_the_limits(workspace):
    workspace.limits = WorkspaceLimits(max_train_runs=2)
    live = workspace.start()
    done = [workspace.trained() for _ in range(4)]
    assert workspace.shown() == names([live, done[-1]])
    live.set_state("done")
    last = workspace.trained()
    assert workspace.shown() == names([done[-1], last])


def test_age_comes_from_the_record_not_from_file_times(workspace):
    workspace.limits = WorkspaceLimits(max_train_runs=1)
    old, new = workspace.trained(), workspace.trained()
    os.utime(old.path)
    later = workspace.start()
    later.set_state("failed")
    assert workspace.shown() == {later.name}
    assert workspace.latest("train") == new.name


def test_latest_train_needs_a_checkpoint(workspace):
    first = workspace.start()
    assert workspace.latest("train") is None
    workspace.save(first, 100)
    assert workspace.latest("train") == first.name
    second = workspace.start()
    assert workspace.latest("train") == first.name
    workspace.save(second)
    assert workspace.latest("train") == second.name
    second.set_state("failed", reason="NaN")
    assert workspace.latest("train") == first.name, "a failed run is never the latest"


def test_latest_test_is_the_newest_finished_test(workspace):
    trained = workspace.trained()
    done = workspace.tested(trained)
    workspace.tested(trained, state="interrupted")
    running = workspace.start(kind="test")
    assert workspace.latest("test") == done.name
    running.set_state("done")
    assert workspace.latest("test") == running.name
    assert workspace.latest("train") == trained.name


def test_a_deleted_run_is_no_longer_latest_nor_linked(workspace):
    old, new = workspace.trained(), workspace.trained()
    shutil.rmtree(new.path)
    workspace.start()
    assert workspace.latest("train") == old.name
    assert new.name not in workspace.shown()


@pytest.mark.parametrize("new_name", [None, "best grasp"])
def test_pinning_by_mv_keeps_the_link_out_of_the_window(workspace, new_name):
    workspace.limits = WorkspaceLimits(max_train_runs=2)
    run = workspace.trained()
    pin = workspace.pins / (new_name or run.name)
    (workspace.window / run.name).rename(pin)
    others = [workspace.trained() for _ in range(3)]
    assert os.readlink(pin) == str(run.path)
    assert (pin / "nn" / "checkpoint_last.pth").read_bytes() == b"weights"
    assert workspace.shown() == names(others[-2:])


def test_a_run_pinned_while_it_trains_goes_on_and_is_still_latest(workspace):
    run = workspace.start()
    (workspace.window / run.name).rename(workspace.pins / "good")
    workspace.save(run)
    run.update(iterations=5)
    assert workspace.latest("train") == run.name
    assert workspace.shown() == set()
    run.set_state("done")
    workspace.start()
    assert run.name not in workspace.shown()


@pytest.mark.parametrize("live", [False, True])
def test_a_link_made_again_beside_its_pin_goes(workspace, live):
    run = workspace.start() if live else workspace.trained()
    shutil.copy(workspace.window / run.name, workspace.pins / "good", follow_symlinks=False)
    workspace.start()
    assert run.name not in workspace.shown()


def test_a_moved_tree_is_repaired_at_the_next_start_pins_included(workspace, tmp_path):
    kept, pinned, renamed = (workspace.trained() for _ in range(3))
    (workspace.window / pinned.name).rename(workspace.pins / pinned.name)
    (workspace.window / renamed.name).rename(workspace.pins / "best")
    moved = Workspace(tmp_path / "elsewhere")
    moved.starts = workspace.starts
    workspace.root.rename(moved.root)
    new = moved.start()
    assert moved.shown() == {kept.name, new.name}
    for link, run in [
        (moved.window / kept.name, kept),
        (moved.pins / pinned.name, pinned),
        (moved.pins / "best", renamed),
    ]:
        assert os.readlink(link) == str(moved.archive / run.name)
    assert moved.latest("train") == renamed.name
    assert (moved.window / "latest_train").exists()
    moved.close()


def test_a_pin_whose_archive_is_away_stays(workspace):
    run = workspace.trained()
    (workspace.window / run.name).rename(workspace.pins / "good")
    run.path.rename(workspace.root / "away")
    workspace.start()
    assert os.readlink(workspace.pins / "good") == str(run.path)


def test_what_is_not_ours_stays(workspace, tmp_path):
    workspace.limits = WorkspaceLimits(max_train_runs=0)
    workspace.trained().close()
    (workspace.window / "notes").mkdir()
    (workspace.window / "todo.txt").write_text("")
    (workspace.window / "data").symlink_to(tmp_path)
    (workspace.window / "usb").symlink_to("/mnt/not/there")
    workspace.trained()
    workspace.limits = WorkspaceLimits(max_train_runs=0)
    workspace.trained()
    left = {entry.name for entry in workspace.window.iterdir()}
    assert {"notes", "todo.txt", "data", "usb", "pinned", "latest_train"} <= left


def test_the_leftover_of_a_killed_link_is_removed(workspace):
    workspace.trained()
    (workspace.window / ".latest_train.123.abcd.tmp").symlink_to("/x")
    workspace.start()
    assert not os.path.lexists(workspace.window / ".latest_train.123.abcd.tmp")


def test_a_folder_called_latest_train_is_reported_and_kept(workspace):
    workspace.start().set_state("done")
    (workspace.window / "latest_train").mkdir()
    run = workspace.start()
    assert run.record.state == "running", "runs/ is a convenience: the run goes on"
    (note,) = run.notes
    assert "latest_train must be a link" in note and "move it away" in note
    assert (workspace.window / "latest_train").is_dir()


def test_training_goes_on_when_a_link_cannot_be_made(workspace, caplog):
    run = workspace.start()
    (workspace.window / "latest_train").mkdir()
    workspace.save(run, "last", iteration=3)
    assert "latest_train was not brought up to date" in caplog.text
    assert run.record.saved == {"last": 3}
    (workspace.window / "latest_train").rmdir()
    workspace.save(run, "last", iteration=4)
    assert workspace.latest("train") == run.name, "tried again at the next checkpoint"


def test_no_link_leads_from_a_run_upward(workspace):
    workspace.trained()
    assert not [path for path in workspace.archive.rglob("*") if path.is_symlink()]


def test_runs_all_may_itself_be_a_link_to_a_large_disk(workspace, tmp_path):
    (tmp_path / "disk").mkdir()
    workspace.root.mkdir()
    workspace.archive.symlink_to(tmp_path / "disk")
    run = workspace.trained()
    assert (tmp_path / "disk" / run.name / "run.json").is_file()
    assert os.readlink(workspace.window / run.name) == str(workspace.archive / run.name)
    assert Path(os.path.realpath(workspace.window / "latest_train")) == tmp_path / "disk" / run.name
