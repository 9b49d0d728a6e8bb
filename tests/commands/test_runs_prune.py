"""`rlkit runs prune`: only what was asked for goes, whole, and never what something kept needs."""

from __future__ import annotations

import io
import shutil
import tempfile
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from workspace_helper import EPOCH, Workspace

from rlkit.cli import main
from rlkit.workspace import (
    Deleter,
    PruneFilters,
    WorkspaceError,
    WorkspaceLimits,
    finish_deletions,
    list_runs,
    pin_run,
    plan_prune,
    read_record,
)


def command(capsys, workspace, *words: str, status: int = 0) -> str:
    assert main(["runs", "--root", str(workspace.root), "prune", *words]) == status
    told = capsys.readouterr()
    return told.err if status else told.out


def left(workspace) -> set[str]:
    return {row.name for row in list_runs(workspace.root)}


def planned(workspace, now=None, **filters) -> list[str]:
    return [run.name for run in plan_prune(workspace.root, PruneFilters(**filters), now).delete]


def spared(workspace, **filters) -> dict[str, str]:
    return {run.name: why for run, why in plan_prune(workspace.root, PruneFilters(**filters)).spared}


@pytest.fixture
def answer(monkeypatch):
    """Make stdin a terminal on which this is typed."""

    def typed(text: str) -> None:
        stdin = io.StringIO(text)
        monkeypatch.setattr(stdin, "isatty", lambda: True)
        monkeypatch.setattr("sys.stdin", stdin)

    return typed


def test_filters_narrow_each_other_down(workspace):
    failed = workspace.trained("Box", state="failed")
    old = workspace.trained("Box")
    base = workspace.trained("Base")
    test = workspace.tested(base, state="interrupted")
    workspace.trained("Box")
    assert planned(workspace, task="Box") == [failed.name, old.name]
    assert planned(workspace, task="Box", state="done") == [old.name]
    assert planned(workspace, kind="test") == [test.name]
    assert planned(workspace, kind="train", keep=2) == [failed.name, old.name]
    assert planned(workspace, task="Box", keep=2) == [failed.name]
    in_time = EPOCH + timedelta(hours=1, minutes=2)
    assert planned(workspace, in_time, older_than=timedelta(hours=1)) == [failed.name]
    assert planned(workspace, in_time, older_than=timedelta(minutes=59), keep=4) == [failed.name]


def test_an_unreadable_folder_goes_only_when_asked_for_by_name(workspace):
    workspace.trained()
    (workspace.archive / "junk").mkdir()
    assert planned(workspace, keep=1) == []
    assert planned(workspace, task="Box") == []
    assert planned(workspace, older_than=timedelta(0)) == []
    assert planned(workspace, state="unreadable", older_than=timedelta(0)) == []
    assert planned(workspace, state="unreadable") == ["junk"]


@pytest.mark.slow
def test_what_is_kept_and_what_it_needs_is_spared(workspace):
    origin, tested, parent = (workspace.trained(name=name) for name in ("origin", "tested", "parent"))
    resumed = workspace.trained(parent=origin.name, name="resumed")
    pin_run(resumed.path, "good", root=workspace.root)
    test = workspace.tested(tested)
    live = workspace.start(parent=parent.name, name="live")
    latest = workspace.trained(name="newest")
    assert planned(workspace, keep=0) == []
    assert spared(workspace, keep=0) == {
        "origin": "resumed (pinned as good) came from it",
        "tested": f"{test.name} (latest_test) came from it",
        "parent": "live (running) came from it",
        "resumed": "pinned as good",
        test.name: "latest_test",
        live.name: "running",
        latest.name: "latest_train",
    }


def test_skills_stay_as_long_as_a_run_goes_by_them(workspace):
    skills, _ = workspace.trained(name="skills"), workspace.trained(name="other")
    steers = workspace.trained(name="steers")
    steers.update(skills=skills.name)
    workspace.trained(name="newest")
    assert planned(workspace, keep=2) == ["other"]
    assert spared(workspace, keep=2) == {"skills": "steers drives its robot by it"}
    copy = steers.path / "skills" / skills.name
    copy.mkdir(parents=True)
    assert planned(workspace, keep=2) == ["other"]  # half made
    (copy / "config.yaml").write_text("")
    assert planned(workspace, keep=2) == ["skills", "other"]
    shutil.rmtree(steers.path)
    assert planned(workspace, keep=1) == ["skills", "other"]


def test_what_a_renamed_folder_is_needed_for_still_spares_it(workspace):
    origin = workspace.trained(name="origin")
    pin_run(workspace.trained(parent="origin").path, root=workspace.root)
    workspace.trained()
    origin.path.rename(workspace.archive / "renamed")
    assert planned(workspace, keep=0) == []


def test_a_pin_of_the_users_own_making_counts(workspace):
    real = workspace.root / "disk"
    real.mkdir(parents=True)
    workspace.archive.symlink_to(real)
    run, _ = workspace.trained(), workspace.trained()
    (workspace.pins / "mine").symlink_to(real / run.name)
    assert planned(workspace, keep=0) == []


def test_without_a_filter_it_names_the_filters(workspace, capsys):
    run = workspace.trained(state="failed")
    message = command(capsys, workspace, "--yes", status=2)
    for name in ("--keep", "--older-than", "--state", "--kind", "--task"):
        assert name in message
    assert left(workspace) == {run.name}


@pytest.mark.parametrize("words", [("--older-than", "month"), ("--keep", "-1"), ("--keep", "few")])
def test_a_value_that_cannot_be_is_refused(words, capsys):
    with pytest.raises(SystemExit) as caught:
        main(["runs", "prune", *words])
    assert caught.value.code == 2
    assert "for example" in capsys.readouterr().err


def test_nothing_is_deleted_unasked(workspace, capsys, answer):
    run, _ = workspace.trained(), workspace.trained()
    assert "to delete: 1 run, " in command(capsys, workspace, "--keep", "1", "--dry-run")
    assert "add --yes" in command(capsys, workspace, "--keep", "1", status=2)
    for text in ("", "\n", "n\n", "yeah\n"):
        answer(text)
        assert "nothing was deleted" in command(capsys, workspace, "--keep", "1")
    assert run.name in left(workspace)


def test_a_yes_deletes_the_folders_and_their_links(workspace, capsys, answer):
    first, second, last = (workspace.trained(), workspace.trained(), workspace.trained())
    (first.path / "video").write_bytes(b"x" * 4_000_000)
    (workspace.window / first.name).rename(workspace.window / "a name of my own")
    answer("y\n")
    told = command(capsys, workspace, "--keep", "1")
    assert first.name in told and "4.0 MB" in told
    assert "delete 2 runs, 4.0 MB? [y/N]" in told
    assert "deleted 2 of 2 runs, 4.0 MB freed" in told
    assert {path.name for path in workspace.archive.iterdir()} == {".lock", ".sequence", last.name}
    assert workspace.shown() == {last.name}
    assert not second.path.exists()
    assert workspace.latest("train") == last.name


def test_yes_needs_no_terminal_and_spared_runs_are_named(workspace, capsys):
    kept, gone = workspace.trained(name="kept"), workspace.trained(name="gone")
    last = workspace.trained()
    pin_run(kept.path, root=workspace.root)
    told = command(capsys, workspace, "--keep", "1", "--yes")
    assert "spared: kept (pinned as kept)" in told
    assert left(workspace) == {kept.name, last.name}
    assert not gone.path.exists()
    assert "to delete: nothing" in command(capsys, workspace, "--keep", "1", "--yes")


def test_what_changed_while_the_question_stood_is_spared(workspace, capsys, monkeypatch):
    kept, tested, gone = (workspace.trained(name=name) for name in ("kept", "tested", "gone"))
    workspace.trained(name="newest")

    def say_yes(_: str) -> str:
        pin_run(kept.path, root=workspace.root)
        workspace.start(kind="test", parent=tested.name)
        shutil.rmtree(gone.path)
        return "y"

    monkeypatch.setattr("builtins.input", say_yes)
    monkeypatch.setattr("sys.stdin", type("Terminal", (), {"isatty": lambda self: True})())
    told = command(capsys, workspace, "--keep", "1")
    assert "spared: kept (pinned as kept)" in told
    assert "spared: gone (gone already)" in told
    assert "deleted 0 of 3 runs, 0 B freed" in told
    assert {"kept", "tested"} <= left(workspace)


def test_a_run_whose_lock_is_held_is_never_deleted(workspace):
    run, _ = workspace.start(), workspace.trained()
    (run.path / "run.json").write_text("{")  # damaged, but its process lives
    assert spared(workspace, state="unreadable") == {run.name: "running"}
    assert Deleter(workspace.root).delete(run.path) == "running"
    assert run.path.is_dir()


@pytest.mark.parametrize("point", ["rename", "rmtree", "links"])
def test_ctrl_c_leaves_whole_runs_or_none_and_the_next_prune_finishes(workspace, capsys, monkeypatch, point):
    first, second, last = workspace.trained(), workspace.trained(), workspace.trained()
    target = {
        "rename": "pathlib.Path.rename",
        "rmtree": "shutil.rmtree",
        "links": "rlkit.workspace.prune.remove_link",
    }[point]

    def interrupt(*_: object) -> None:
        if point == "rmtree":
            (hidden,) = workspace.archive.glob(".deleted_*")
            (hidden / "run.json").unlink()  # it got this far
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(target, interrupt)
        message = command(capsys, workspace, "--keep", "1", "--yes", status=130)
    assert "interrupted" in message
    whole = {first.name, second.name, last.name} if point == "rename" else {second.name, last.name}
    assert left(workspace) == whole
    assert all(read_record(workspace.archive / name) for name in whole)
    told = command(capsys, workspace, "--keep", "5", "--yes")
    assert ("a deletion that was cut short" in told) == (point != "rename")
    assert left(workspace) == whole
    assert not list(workspace.archive.glob(".deleted_*"))
    assert workspace.shown() == whole


def test_a_dry_run_and_a_refusal_finish_nothing(workspace, capsys):
    for _ in range(2):
        workspace.trained()
    leftover = workspace.archive / ".deleted_abc"
    leftover.mkdir()
    command(capsys, workspace, "--keep", "1", "--dry-run")
    command(capsys, workspace, "--keep", "1", status=2)
    assert leftover.exists()
    assert finish_deletions(workspace.root) == 0
    assert not leftover.exists()


def test_two_prunes_of_one_leftover_do_not_trip_over_each_other(workspace, monkeypatch):
    run, _ = workspace.trained(), workspace.trained()
    rmtree, calls = shutil.rmtree, []

    def raced(path: Path) -> None:
        calls.append(path)
        if len(calls) == 1:
            (path / "run.json").unlink()
            raise FileNotFoundError(2, "No such file or directory", "run.json")
        rmtree(path)

    monkeypatch.setattr(shutil, "rmtree", raced)
    assert Deleter(workspace.root).delete(run.path) is None
    assert len(calls) == 2
    assert not list(workspace.archive.glob(".deleted_*"))


def test_an_archive_that_cannot_be_changed_is_said(workspace, monkeypatch):
    run, _ = workspace.trained(), workspace.trained()

    def refuse(self, target):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(WorkspaceError, match=rf"could not delete {run.path}: Read-only file system"):
        Deleter(workspace.root).delete(run.path)
    assert run.path.is_dir()


def test_an_archive_without_its_window_can_be_pruned(workspace, capsys):
    workspace.trained()
    last = workspace.trained()
    shutil.rmtree(workspace.window)
    command(capsys, workspace, "--keep", "1", "--yes")
    assert left(workspace) == {last.name}


def test_runs_in_runs_itself_are_pruned_too(workspace, capsys):
    run = workspace.trained(settings=WorkspaceLimits(use_clean_workspace=False))
    last = workspace.trained()
    command(capsys, workspace, "--keep", "1", "--yes")
    assert left(workspace) == {last.name}
    assert not run.path.exists()


_RUN = st.fixed_dictionaries(
    {
        "kind": st.sampled_from(["train", "train", "test"]),
        "end": st.sampled_from(["done", "failed", "interrupted", "live", "killed"]),
        "saved": st.booleans(),
        "pinned": st.booleans(),
        "source": st.none() | st.integers(0, 7),
        "task": st.sampled_from(["Box", "Base"]),
    }
)
_FILTERS = st.builds(
    PruneFilters,
    keep=st.none() | st.integers(0, 4),
    older_than=st.none() | st.just(timedelta(0)),
    state=st.none() | st.sampled_from(["done", "failed", "interrupted", "running"]),
    kind=st.none() | st.sampled_from(["train", "test"]),
    task=st.none() | st.sampled_from(["Box", "Base"]),
)


@pytest.mark.slow
@settings(max_examples=30, deadline=None)
@given(mix=st.lists(_RUN, min_size=1, max_size=8), filters=_FILTERS)
def test_pinned_live_latest_and_needed_runs_stay_whatever_the_mix(mix, filters):
    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace(Path(folder) / "project")
        names: list[str] = []
        keep: set[str] = set()
        for wanted in mix:
            source = names[wanted["source"]] if wanted["source"] in range(len(names)) else None
            run = workspace.start(wanted["task"], wanted["kind"], parent=source)
            names.append(run.name)
            if wanted["saved"] and wanted["kind"] == "train":
                workspace.save(run)
            if wanted["end"] == "killed":
                run.close()
            elif wanted["end"] != "live":
                run.set_state(wanted["end"])
            if wanted["pinned"]:
                pin_run(run.path, root=workspace.root)
            if wanted["pinned"] or wanted["end"] == "live":
                keep |= {run.name, source or run.name}
        list_runs(workspace.root)
        keep |= {name for name in (workspace.latest("train"), workspace.latest("test")) if name}
        fitting = {run.name for run in plan_prune(workspace.root, filters).delete}
        for run in plan_prune(workspace.root, filters).delete:
            assert Deleter(workspace.root).delete(run.path) is None
        assert left(workspace) == set(names) - fitting
        assert not fitting & keep
        assert not [link for link in workspace.window.rglob("*") if link.is_symlink() and not link.exists()]
        everything = filters == PruneFilters(keep=0)
        assert not everything or left(workspace) == keep
        workspace.close()
