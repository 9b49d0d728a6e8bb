"""Claiming a run folder, and what is written down about the run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import datetime, timezone
from pathlib import Path

import pytest
from workspace_helper import EPOCH

import rlkit.workspace.opening as opening
from rlkit.workspace import (
    WorkspaceError,
    WorkspaceLimits,
    continue_run,
    is_of_series,
    open_run,
    read_record,
    trainings,
    write_atomic,
)
from rlkit.workspace.store.atomic import is_locked
from rlkit.workspace.store.record import write_record


def record_of(run) -> dict:
    return json.loads((run.path / "run.json").read_text())


def test_a_start_makes_the_whole_layout(workspace):
    run = workspace.start("BoxGrasping", now=EPOCH)
    stamp = EPOCH.astimezone().strftime("%Y%m%d_%H%M%S")
    assert run.path == workspace.archive / f"BoxGrasping_train_{stamp}"
    assert (
        run.nn.is_dir() and run.summaries == run.path
    )  # TensorBoard names a run by the folder of its events
    assert run.config.read_text() == "task: BoxGrasping\n"
    assert os.readlink(workspace.window / run.name) == str(run.path)
    assert workspace.pins.is_dir()
    assert workspace.latest("train") is None, "nothing saved yet"


def test_the_record_says_how_the_run_was_made(workspace):
    before = datetime.now(timezone.utc)
    run = workspace.start(
        command=["python", "train.py", "task=Box", "logging.experimentName=a b"], parent="Old"
    )
    record = record_of(run)
    assert record["schema"] == 1
    assert (record["name"], record["task"], record["kind"], record["learner"]) == (
        run.name,
        "Box",
        "train",
        "ppo",
    )
    assert (record["state"], record["seed"], record["device"], record["parent"]) == (
        "running",
        7,
        "cpu",
        "Old",
    )
    assert record["command"] == "python train.py task=Box 'logging.experimentName=a b'"
    assert record["created"] == "2026-01-02T03:05:05.000000Z"
    assert (record["pid"], record["cwd"]) == (os.getpid(), str(Path.cwd()))
    assert record["packages"]["hydra-core"].startswith("1.3")
    assert record["python"] == sys.version.split()[0]
    started = datetime.strptime(record["process_started"], "%Y-%m-%dT%H:%M:%S.%fZ").replace(
        tzinfo=timezone.utc
    )
    assert 0 <= (before - started).total_seconds() < 3600
    assert "not a git repository" in record["git"]["problem"]


def test_the_state_of_the_code_is_kept(workspace, tmp_path):
    repository = tmp_path / "code"
    repository.mkdir()

    def git(*arguments):
        identity = ["-c", "user.name=a", "-c", "user.email=a@b"]
        subprocess.run(["git", "-C", str(repository), *identity, *arguments], check=True, capture_output=True)

    git("init", "-b", "trunk")
    (repository / "f.py").write_text("one\n")
    git("add", ".")
    git("commit", "-m", "x")
    clean = workspace.start(source=repository)
    assert record_of(clean)["git"]["dirty"] is False
    assert len(record_of(clean)["git"]["commit"]) == 40
    assert record_of(clean)["git"]["branch"] == "trunk"
    assert not (clean.path / "git.diff").exists()

    (repository / "f.py").write_text("two\n")
    (repository / "new task.py").write_text("")
    dirty = workspace.start(source=repository)
    assert record_of(dirty)["git"]["dirty"] is True
    assert record_of(dirty)["git"]["untracked"] == ["new task.py"]
    assert "-one\n+two\n" in (dirty.path / "git.diff").read_text()


def test_one_second_one_name_each(workspace):
    names = [workspace.start(now=EPOCH).name for _ in range(3)]
    assert names[1:] == [names[0] + "_2", names[0] + "_3"]


def test_a_given_name_is_taken_or_numbered(workspace):
    first, second = workspace.start(name="abc"), workspace.start(name="abc")
    assert (first.name, second.name) == ("abc", "abc_2")


def test_a_name_that_a_pin_answers_to_is_taken(workspace):
    run = workspace.start()
    (workspace.window / run.name).rename(workspace.pins / "abc")
    assert workspace.start(name="abc").name == "abc_2"


@pytest.mark.parametrize(
    "name", ["a/b", "", " a", ".a", "latest", "latest_train", "pinned", "a:b", "a\nb", "x" * 201]
)
def test_a_name_that_cannot_be_a_folder_is_refused_before_anything_is_made(workspace, name):
    with pytest.raises(WorkspaceError, match=r"logging.experimentName .* cannot name a run folder"):
        workspace.start(name=name)
    assert not workspace.root.exists()


@pytest.mark.parametrize("name", ["lr=0.1, seed=2", "ä b", "実験_1+2", "हिन्दी", "x" * 200])
def test_unusual_names_work(workspace, name):
    assert workspace.start(name=name).path == workspace.archive / name


def test_updates_keep_what_is_not_given(workspace):
    run = workspace.start()
    run.update(iterations=10, best_return=1.5)
    run.update(iterations=20, best_return=float("nan"))
    assert (record_of(run)["iterations"], record_of(run)["best_return"]) == (20, 1.5)


def test_a_finished_run_gives_up_its_lock_and_says_why(workspace):
    run = workspace.start()
    run.set_state("failed", reason="NaN in reward")
    record = record_of(run)
    assert (record["state"], record["reason"]) == ("failed", "NaN in reward")
    assert record["finished"] is not None
    with pytest.raises(WorkspaceError, match="allowed are running, done, interrupted, failed"):
        run.set_state("finished")


def test_checkpoint_names(workspace):
    run = workspace.start()
    assert run.checkpoint_path(100) == run.nn / "checkpoint_100.pth"
    assert run.checkpoint_path("best") == run.nn / "checkpoint_best.pth"
    for wrong in ("newest", -1, True):
        with pytest.raises(WorkspaceError, match="no checkpoint is called"):
            run.checkpoint_path(wrong)


def test_use_clean_workspace_false_makes_a_real_folder_in_runs(workspace):
    workspace.limits = WorkspaceLimits(max_train_runs=1, use_clean_workspace=False)
    runs = [workspace.start() for _ in range(3)]
    assert all(run.path == workspace.window / run.name and not run.path.is_symlink() for run in runs)
    assert workspace.shown() == set()
    workspace.save(runs[1])
    assert os.readlink(workspace.window / "latest_train") == str(runs[1].path)
    assert {path.name for path in workspace.archive.iterdir()} == {".lock", ".sequence"}


def test_a_dirty_workspace_name_is_not_used_twice(workspace):
    dirty = workspace.start(name="abc", settings=WorkspaceLimits(use_clean_workspace=False))
    clean = workspace.start(name="abc")
    assert (dirty.path, clean.path) == (workspace.window / "abc", workspace.archive / "abc_2")


def test_runs_as_a_file_is_said_before_a_run_is_claimed(workspace):
    workspace.root.mkdir()
    workspace.window.write_text("")
    with pytest.raises(WorkspaceError, match=r"could not make the folder .*/runs: .*not a folder"):
        workspace.start()
    assert not any(workspace.archive.iterdir())


def test_a_write_that_fails_after_the_claim_marks_the_run_failed(workspace, monkeypatch):
    def full(path, content):
        if path.name == "config.yaml":
            raise WorkspaceError("could not write config.yaml: No space left on device")
        write_atomic(path, content)

    monkeypatch.setattr(opening, "write_private", full)
    with pytest.raises(WorkspaceError, match="No space left"):
        workspace.start(name="abc")
    record = read_record(workspace.archive / "abc")
    assert record.state == "failed"
    assert "No space left" in (record.reason or "")


def test_a_stop_while_the_folder_is_made_is_an_interruption(workspace, monkeypatch):
    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(opening, "write_private", stop)
    with pytest.raises(KeyboardInterrupt):
        workspace.start("Box", now=EPOCH)
    (path,) = (entry for entry in workspace.archive.iterdir() if entry.is_dir())
    record = read_record(path)
    assert (record.state, record.reason) == ("interrupted", "stopped at once, while its folder was made")
    assert not is_locked(path / ".lock")


def test_a_claim_in_which_nothing_can_be_written_is_removed(workspace, monkeypatch):
    def full(path, record):
        raise WorkspaceError("could not write run.json: No space left on device")

    monkeypatch.setattr(opening, "write_record", full)
    with pytest.raises(WorkspaceError, match="No space left"):
        workspace.start(name="abc")
    assert not (workspace.archive / "abc").exists()


def test_a_read_only_place_is_said(workspace):
    place = next(path for path in map(Path, ("/proc/self", "/System")) if path.is_dir())  # Linux, macOS
    with pytest.raises(WorkspaceError, match=f"could not make the folder {place}/runs_all"):
        workspace.start(root=place)


def test_a_record_never_says_running_without_the_lock(workspace, monkeypatch):
    def look(path, record):
        assert is_locked(path / ".lock")
        write_record(path, record)

    monkeypatch.setattr(opening, "write_record", look)
    workspace.start()


def test_an_unknown_kind_is_refused(workspace):
    with pytest.raises(WorkspaceError, match="allowed are train, test"):
        workspace.start(kind="sweep")


def test_a_run_is_continued_in_its_own_folder(workspace):
    run = workspace.start()
    run.update(iterations=10)
    with pytest.raises(WorkspaceError, match="still under way"):
        continue_run(run.path, root=workspace.root, command=["x"], device="cpu")
    run.set_state("interrupted", reason="SIGTERM")
    again = continue_run(run.path, root=workspace.root, command=["python", "train.py"], device="cuda:0")
    workspace.open_runs.append(again)
    assert (again.path, again.record.iterations, again.record.state) == (run.path, 10, "running")
    assert (again.record.created, again.record.reason) == (run.record.created, None)
    assert record_of(again)["device"] == "cuda:0"


def test_a_start_is_noted_with_its_changes_and_its_job(workspace):
    run = workspace.start(job={"job": "12_3", "log": "/logs/12_3.log"})
    workspace.save(run, "last", iteration=7)
    run.set_state("interrupted")
    again = continue_run(
        run.path,
        root=workspace.root,
        command=["x"],
        device="cpu",
        config_yaml="task: Box\nmaxIter: 9\n",
        changed={"training.maxIterations": ("5", "9")},
    )
    workspace.open_runs.append(again)
    first, second = record_of(again)["starts"]
    assert (first["iteration"], first["job"], first["log"]) == (0, "12_3", "/logs/12_3.log")
    assert (second["iteration"], second["changed"]) == (7, {"training.maxIterations": ["5", "9"]})
    assert "job" not in second
    assert again.config.read_text() == "task: Box\nmaxIter: 9\n"


def test_trainings_of_a_task_are_listed_the_newest_first(workspace):
    assert list(trainings("Box", root=workspace.root)) == []
    old = workspace.start()
    old.set_state("done")
    killed = workspace.start(config_yaml="task: Box\nseed: 2\n")
    killed.close()  # as kill -9 does: the record still says running
    workspace.start(kind="test").set_state("done")
    workspace.start(task="Base").set_state("done")
    found = [(entry.name, entry.state, text) for entry, text in trainings("Box", root=workspace.root)]
    assert found == [
        (killed.name, "interrupted", "task: Box\nseed: 2\n"),
        (old.name, "done", "task: Box\n"),
    ]


@pytest.mark.parametrize(
    ("run", "is_one"), [("a.b", True), ("a.b_2", True), ("a.b_x", False), ("axb", False)]
)
def test_names_of_a_series_are_the_name_with_a_number(run, is_one):
    assert is_of_series(run, "a.b") is is_one


def test_open_run_works_from_the_current_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = open_run(
        "Box",
        "train",
        settings=WorkspaceLimits(),
        config_yaml="",
        command=["x"],
        learner="ppo",
        seed=0,
        device="cpu",
    )
    run.close()
    assert run.path.parent == tmp_path / "runs_all"
    assert len(record_of(run)["git"].get("commit") or "") in (0, 40), "the checkout that holds rlkit"
