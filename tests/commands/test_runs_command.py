"""`rlkit runs`: every run in a table, and never a traceback."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from workspace_helper import EPOCH

from rlkit.cli import main
from rlkit.workspace import WorkspaceLimits, list_runs, read_record
from rlkit.workspace.listing import age
from rlkit.workspace.store import scan


def output(capsys, workspace, *arguments: str) -> str:
    assert main(["runs", "--root", str(workspace.root), *arguments]) == 0
    return capsys.readouterr().out


def test_the_table_shows_how_each_run_stands(workspace, capsys):
    run = workspace.trained("BoxGrasping")
    live = workspace.start("BaseTask", learner="fast_td3")
    live.update(iterations=40, best_return=12.345, best_success=0.625)
    (workspace.window / run.name).rename(workspace.pins / "best grasp")
    lines = output(capsys, workspace).splitlines()
    rows = [line.split() for line in lines]
    headings = [
        "name",
        "task",
        "learner",
        "state",
        "iterations",
        "best",
        "return",
        "success",
        "age",
        "pinned",
    ]
    assert rows[0] == headings
    assert rows[1][:8] == [live.name, "BaseTask", "fast_td3", "running", "40", "12.3", "62.5", "%"]
    assert rows[2][:6] == [run.name, "BoxGrasping", "ppo", "done", "-", "-"]
    assert rows[2][-2:] == ["best", "grasp"]


def test_what_a_best_policy_is_best_by_is_a_column_where_it_is_not_the_usual(workspace, capsys):
    run, other = workspace.trained("Box"), workspace.trained("Base")
    assert "best by" not in output(capsys, workspace)
    by = {"eval/success": 0.5, "-eval/error": 0.25}
    record = json.loads((run.path / "run.json").read_text())
    (run.path / "run.json").write_text(json.dumps({**record, "best_by": by}))
    heads, _, line = output(capsys, workspace).splitlines()
    assert heads.endswith("best by") and line.endswith("eval/success 0.5, eval/error 0.25 (less)")
    assert "eval/success 0.5, eval/error 0.25 (less)" in output(capsys, workspace, "show", run.name)
    rows = {row["name"]: row["best_by"] for row in json.loads(output(capsys, workspace, "--json"))}
    assert rows == {run.name: by, other.name: {}}


def test_json_is_one_object_a_run(workspace, capsys):
    run = workspace.trained("Box")
    (row,) = json.loads(output(capsys, workspace, "--json"))
    assert (row["name"], row["state"], row["path"], row["pinned"]) == (run.name, "done", str(run.path), [])
    assert row["created"] == run.record.created


def test_filters(workspace, capsys):
    trained = workspace.trained("Box")
    tested = workspace.tested(trained)
    other = workspace.trained("Base", state="failed")

    def shown(*arguments: str) -> list[str]:
        return [row["name"] for row in json.loads(output(capsys, workspace, "--json", *arguments))]

    assert shown() == [other.name, tested.name, trained.name]
    assert shown("--task", "Box") == [tested.name, trained.name]
    assert shown("--kind", "train") == [other.name, trained.name]
    assert shown("--state", "failed") == [other.name]
    assert shown("--task", "Box", "--kind", "test") == [tested.name]
    assert "No run fits --task Soccer" in output(capsys, workspace, "--task", "Soccer")


def test_a_run_that_died_without_a_word_is_settled_at_the_next_look(workspace):
    run = workspace.start()
    (run.nn / ".checkpoint_last.pth.1.ab.tmp").write_bytes(b"half")
    assert list_runs(workspace.root)[0].state == "running"
    run.close()
    assert list_runs(workspace.root)[0].state == "interrupted"
    record = json.loads((run.path / "run.json").read_text())
    assert record["state"] == "interrupted"
    assert f"process {os.getpid()} on " in record["reason"]
    assert not list(run.nn.iterdir())


def test_a_start_settles_too(workspace):
    run = workspace.start()
    run.close()
    workspace.start()
    assert read_record(run.path).state == "interrupted"


def test_a_run_that_ends_between_two_looks_is_not_called_interrupted(workspace, monkeypatch):
    run = workspace.start()
    stale = read_record(run.path)
    run.set_state("done")
    answers = iter([stale])
    monkeypatch.setattr(scan, "read_record", lambda path: next(answers, None) or read_record(path))
    assert scan.read_entry(run.path).state == "done"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "no run.json"),
        ("", "not whole JSON"),
        ('{"schema": 1, "na', "not whole JSON"),
        ("[" * 100_000, "not whole JSON"),
        ("[1, 2]", "not one of ours"),
        ('{"experiment": 3}', "not one of ours"),
        ('{"schema": 99}', "newer than this rlkit"),
        ('{"schema": 1, "name": "x"}', "lacks task"),
    ],
)
def test_junk_is_shown_as_unreadable(workspace, capsys, content, reason):
    run = workspace.trained()
    junk = workspace.archive / "[junk"
    junk.mkdir()
    if content is not None:
        (junk / "run.json").write_text(content)
    text = output(capsys, workspace)
    assert run.name in text
    assert "[junk" in text and "unreadable" in text and reason in text
    assert workspace.start(), "and a start does not mind"


@pytest.mark.parametrize(
    ("key", "value"),
    [("iterations", "many"), ("created", "yesterday"), ("state", "fine"), ("seed", True), ("saved", None)],
)
def test_a_record_with_a_wrong_value_is_unreadable(workspace, key, value):
    run = workspace.trained()
    record = json.loads((run.path / "run.json").read_text())
    record[key] = value
    (run.path / "run.json").write_text(json.dumps(record))
    (row,) = list_runs(workspace.root)
    assert row.state == "unreadable"
    assert key in (row.reason or "")


def test_a_run_that_we_may_not_look_into_is_unreadable(workspace, monkeypatch):
    workspace.start()

    def refuse(path):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(scan, "is_locked", refuse)
    (row,) = list_runs(workspace.root)
    assert (row.state, row.reason) == ("unreadable", ".lock cannot be read: Permission denied")


def test_what_others_wrote_into_a_record_is_kept(workspace):
    run = workspace.start()
    record = json.loads((run.path / "run.json").read_text())
    (run.path / "run.json").write_text(json.dumps({**record, "note": "my best"}))
    run.close()
    list_runs(workspace.root)
    record = json.loads((run.path / "run.json").read_text())
    assert (record["state"], record["note"]) == ("interrupted", "my best")


def test_sweep_notes_are_no_run(workspace):
    workspace.trained()
    sweep = workspace.archive / "Box_sweep_20260101_000000"
    sweep.mkdir()
    (sweep / "multirun.yaml").write_text("")
    assert len(list_runs(workspace.root)) == 1


def test_runs_made_straight_in_runs_are_listed(workspace):
    clean = workspace.trained()
    dirty = workspace.trained(settings=WorkspaceLimits(use_clean_workspace=False))
    assert [row.name for row in list_runs(workspace.root)] == [dirty.name, clean.name]


def test_a_renamed_folder_is_listed_by_its_new_name(workspace):
    run = workspace.trained()
    run.path.rename(workspace.archive / "renamed")
    assert list_runs(workspace.root)[0].name == "renamed"


def test_an_empty_workspace_says_how_to_begin(workspace, capsys):
    workspace.root.mkdir()
    assert "rlkit train" in output(capsys, workspace)
    assert not list(workspace.root.iterdir()), "looking makes nothing"


def test_a_missing_root_is_refused(capsys, tmp_path):
    assert main(["runs", "--root", str(tmp_path / "nowhere")]) == 2
    assert "there is no such folder" in capsys.readouterr().err


def test_an_archive_that_cannot_be_locked_is_shown_all_the_same(workspace, monkeypatch):
    run = workspace.start()
    run.close()
    (workspace.archive / ".lock").unlink()
    (workspace.archive / ".lock").mkdir()
    assert list_runs(workspace.root)[0].state == "interrupted"
    assert json.loads((run.path / "run.json").read_text())["state"] == "running"
    shutil.rmtree(workspace.archive / ".lock")


def test_ages(workspace):
    workspace.trained()
    (row,) = list_runs(workspace.root, now=EPOCH + timedelta(minutes=31))
    assert row.age_seconds == 1800
    assert [age(seconds) for seconds in (-2, 12, 1800, 7200, 260_000)] == [
        "0 s",
        "12 s",
        "30 min",
        "2 h",
        "3 d",
    ]


def test_the_current_folder_is_the_default(workspace, capsys, monkeypatch):
    run = workspace.trained()
    monkeypatch.chdir(workspace.root)
    assert main(["runs"]) == 0
    assert run.name in capsys.readouterr().out
    assert Path.cwd() == workspace.root


def test_a_reader_that_stops_early_is_no_error(workspace):
    workspace.trained()
    reader, writer = os.pipe()
    os.close(reader)
    words = [sys.executable, "-m", "rlkit.cli", "runs", "--json", "--root", str(workspace.root)]
    done = subprocess.run(words, stdout=writer, stderr=subprocess.PIPE, text=True)
    os.close(writer)
    assert (done.returncode, done.stderr) == (0, "")


def test_runs_in_a_folder_above_are_pointed_to(workspace, monkeypatch, capsys):
    workspace.trained("Box")
    below = workspace.root / "docs" / "deep"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    assert main(["runs"]) == 0
    assert (
        capsys.readouterr().out
        == f"No runs in {below} yet. But there are runs in {workspace.root}: cd ../..\n"
    )
    assert main(["view", "latest"]) == 2
    assert f"there are runs in {workspace.root}: cd ../.." in capsys.readouterr().err
