"""File systems without links, folders of others, and things in the archive that are no runs."""

from __future__ import annotations

import errno
import json
import os
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator

import pytest
from workspace_helper import Workspace

from rlkit.cli import main
from rlkit.workspace import (
    PruneFilters,
    WorkspaceError,
    check_writable,
    continue_run,
    find_run,
    list_runs,
    pin_run,
    plan_prune,
    read_record,
    resolve,
    trainings,
    unpin,
)

NOBODY = 65534


# --- no symbolic links ----------------------------------------------------------------------------------


@pytest.fixture(params=[errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS])
def no_links(request, monkeypatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(request.param, os.strerror(request.param))

    monkeypatch.setattr(os, "symlink", refuse)


@pytest.mark.usefixtures("no_links")
def test_runs_go_on_without_links_and_are_found(workspace, caplog):
    first = workspace.start()
    (note,) = first.notes
    assert "has no symbolic links" in note and "checkpoint=latest" in note
    workspace.save(first, "last", iteration=3)
    first.set_state("done")
    second = workspace.trained(name="second")
    test = workspace.tested(second)
    assert caplog.text == "", "it is said once, at the start"
    assert not any(workspace.window.glob("[!p]*"))
    for ref in (
        "latest",
        "latest_train",
        "runs/latest_train",
        "second",
        "runs/second",
        "latest_test",
        "runs/latest_test",
    ):
        assert resolve(ref, root=workspace.root).run_path == second.path
    assert (
        resolve("runs/latest_train/nn/checkpoint_last.pth", root=workspace.root).checkpoint.parent
        == second.nn
    )
    assert find_run("runs/latest_test", workspace.root) == test.path
    assert {row.name for row in list_runs(workspace.root)} == {first.name, "second", test.name}


@pytest.mark.usefixtures("no_links")
def test_without_links_a_pin_is_the_folder_itself(workspace):
    run, last = workspace.trained(name="good"), workspace.trained()
    pin_run(run.path, root=workspace.root)
    assert (workspace.pins / "good" / "run.json").is_file()
    assert plan_prune(workspace.root, PruneFilters(keep=0)).delete == []
    unpin("good", root=workspace.root)
    assert resolve("good", root=workspace.root).run_path == workspace.window / "good"
    with pytest.raises(WorkspaceError, match=r"is no link.*wait for it to end"):
        pin_run(workspace.start().path, root=workspace.root)
    assert last.path.is_dir()


# --- folders of others ----------------------------------------------------------------------------------


@pytest.fixture
def shared() -> Iterator[Workspace]:
    """A workspace that another user can reach."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    made = Workspace(folder / "project")
    yield made
    made.close()
    shutil.rmtree(folder)


@contextmanager
def somebody_else() -> Iterator[None]:
    """Act as a user who owns nothing here; where the tests run as one, only modes are in the way."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


def lock_up(root: Path) -> None:
    for folder in (root, root / "runs_all", root / "runs", root / "runs" / "pinned"):
        folder.chmod(0o555)


def free(root: Path) -> None:
    for folder in (root, root / "runs_all", root / "runs", root / "runs" / "pinned"):
        folder.chmod(0o755)


def test_a_read_only_workspace_is_looked_at_and_refuses_a_start(shared, capsys):
    run = shared.trained()
    (run.path / "run.json").chmod(0o644)
    main(
        ["runs", "--root", str(shared.root), "show", "latest"]
    )  # whoever it is may not be able to import more
    lock_up(shared.root)
    try:
        with somebody_else():
            assert [row.name for row in list_runs(shared.root)] == [run.name]
            assert main(["runs", "--root", str(shared.root), "show", "latest"]) == 0
            assert resolve("latest", root=shared.root).run_path == run.path
            with pytest.raises(
                WorkspaceError, match=rf"{shared.archive} cannot be written to \(it belongs to user"
            ):
                check_writable(shared.root)
            assert main(["runs", "--root", str(shared.root), "prune", "--keep", "0", "--yes"]) in (0, 2)
    finally:
        free(shared.root)
    assert read_record(run.path).state == "done"


def test_a_folder_in_which_nothing_can_be_made_is_refused_before_there_is_a_workspace(tmp_path):
    check_writable(tmp_path)
    (tmp_path / "runs_all").symlink_to(tmp_path / "gone")
    with pytest.raises(
        WorkspaceError, match=r"runs_all leads to .*gone, which does not exist; mend the link"
    ):
        check_writable(tmp_path)


def test_runs_of_others_are_no_obstacle(shared):
    dead, private = shared.start(name="dead"), shared.trained(name="private")
    dead.close()  # killed: whoever may write says so
    (dead.path / "run.json").chmod(0o644)
    for folder in (shared.archive, shared.window, shared.pins):
        folder.chmod(0o777)
    for note in (".lock", ".sequence"):
        (shared.archive / note).chmod(0o666)
    (private.path / "run.json").chmod(0o600)
    dead.path.chmod(0o555)
    private.path.chmod(0o555)
    with somebody_else():
        rows = {row.name: row for row in list_runs(shared.root)}
        assert rows["dead"].state == "interrupted"
        mine = shared.start(name="mine")
        assert mine.notes == [] or "not brought up to date" in mine.notes[0]
        mine.set_state("done")
        plan = plan_prune(shared.root, PruneFilters(state="interrupted"))
        assert [run.name for run in plan.delete] == []
        assert [why for _, why in plan.spared] == ["not yours to delete"]
    for path in (dead.path, private.path):
        path.chmod(0o755)
    assert read_record(dead.path).state == "running", "left for its owner"
    assert mine.record.sequence == private.record.sequence + 1


# --- what is no run -------------------------------------------------------------------------------------


def test_folders_of_the_users_own_are_never_taken_for_runs(workspace, capsys):
    workspace.trained()
    data = {"runs_all/notes": "a.txt", "runs/plots": "a.png"}
    data.update({f"runs_all/{name}": "run.json" for name in ("other", "newer", "copied")})
    for folder, file in data.items():
        (workspace.root / folder).mkdir()
        (workspace.root / folder / file).write_text('{"program": "another"}')
    (workspace.root / "runs/empty").mkdir()
    (workspace.archive / "newer" / "run.json").write_text('{"schema": 99}')
    (workspace.archive / "newer" / ".lock").touch()
    (workspace.archive / "copied" / "run.json").write_text("{")  # damaged, and nothing says that it is ours
    (workspace.archive / "claimed").mkdir()
    damaged = workspace.trained(name="damaged")
    (damaged.path / "run.json").write_text("{")
    shown = {row.name for row in list_runs(workspace.root, state="unreadable")}
    assert shown == {"other", "newer", "copied", "claimed", "damaged"}
    assert main(["runs", "--root", str(workspace.root), "prune", "--state", "unreadable", "--yes"]) == 0
    told = capsys.readouterr().out
    assert "deleted 2 of 2 runs" in told
    assert "spared: newer (it may not be a run of this rlkit: run.json has schema 99" in told
    assert not (workspace.archive / "claimed").exists() and not damaged.path.exists()
    for folder, file in data.items():
        assert (workspace.root / folder / file).is_file()
    assert (workspace.root / "runs/empty").is_dir()


def test_links_pipes_and_files_in_the_archive_block_nothing(workspace, tmp_path, capsys):
    gone, last = workspace.trained(), workspace.trained()
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "data").write_text("x")
    for name, target in (
        (".deleted_link", precious),
        ("link", precious),
        ("loop", workspace.archive / "loop"),
        ("broken", "/no"),
    ):
        (workspace.archive / name).symlink_to(target)
    (workspace.archive / ".deleted_file").write_text("x")
    (workspace.archive / ".deleted_real").mkdir()
    (workspace.archive / "piped").mkdir()
    os.mkfifo(workspace.archive / "piped" / "run.json")
    (workspace.archive / "locked").mkdir()
    os.mkfifo(workspace.archive / "locked" / ".lock")
    record = json.loads((last.path / "run.json").read_text())
    (workspace.archive / "locked" / "run.json").write_text(
        json.dumps({**record, "state": "running", "sequence": None})
    )
    assert main(["runs", "--root", str(workspace.root), "prune", "--keep", "1", "--yes"]) == 0
    assert "deleted 2 of 2 runs" in capsys.readouterr().out
    assert not gone.path.exists() and last.path.is_dir() and (precious / "data").is_file()
    assert not (workspace.archive / ".deleted_real").exists()
    assert workspace.start().notes == []


def test_one_run_that_cannot_be_deleted_keeps_no_other_from_it(workspace, capsys):
    stuck, gone, _ = (workspace.trained(name=name) for name in ("stuck", "gone", "last"))
    (stuck.path / ".lock").unlink()
    (stuck.path / ".lock").mkdir()
    assert main(["runs", "--root", str(workspace.root), "prune", "--keep", "1", "--yes"]) == 1
    told = capsys.readouterr().out
    assert "spared: stuck (could not delete" in told and "deleted 1 of 2 runs" in told
    assert stuck.path.is_dir() and not gone.path.exists()


def test_numbers_that_json_does_not_have_make_a_record_unreadable(workspace, capsys):
    run = workspace.trained()
    text = (run.path / "run.json").read_text()
    for number in ("NaN", "-Infinity", "1e999"):
        (run.path / "run.json").write_text(text.replace('"best_return": null', f'"best_return": {number}'))
        assert main(["runs", "--root", str(workspace.root), "--json"]) == 0
        (row,) = json.loads(capsys.readouterr().out)
        assert row["state"] == "unreadable"


@pytest.mark.parametrize("name", ["config.yaml", "metrics.jsonl", "train.log"])
def test_a_resume_neither_waits_for_a_pipe_nor_writes_into_it(workspace, name):
    run = workspace.trained(state="interrupted")
    (run.path / name).unlink(missing_ok=True)
    os.mkfifo(run.path / name)
    found = [entry.path for entry, _ in trainings("Box", root=workspace.root)]
    assert found == ([] if name == "config.yaml" else [run.path])
    with pytest.raises(WorkspaceError, match=f"{name} is a named pipe: nothing is written through it"):
        continue_run(run.path, root=workspace.root, command=["train.py"], device="cpu")


def test_no_file_is_made_through_a_link_in_the_place_of_a_lock(workspace, tmp_path, capsys):
    run, _ = workspace.trained(), workspace.trained()
    (run.path / ".lock").unlink()
    (run.path / ".lock").symlink_to(tmp_path / "planted")
    record = json.loads((run.path / "run.json").read_text())
    (run.path / "run.json").write_text(json.dumps({**record, "state": "running"}))
    assert main(["runs", "--root", str(workspace.root)]) == 0
    assert main(["runs", "--root", str(workspace.root), "prune", "--keep", "1", "--yes"]) == 1
    assert "a link stands in its place; take it away" in capsys.readouterr().out
    assert not (tmp_path / "planted").exists()


# --- names that were used -------------------------------------------------------------------------------


def test_a_used_name_says_that_a_new_run_starts_and_how_to_go_on(workspace):
    assert workspace.start(name="my run").notes == []
    (note,) = workspace.start(name="my run").notes
    assert (
        note
        == "logging.experimentName=my run was used before: this is a new run, my run_2, from the beginning"
    )
    workspace.trained(name="my run")
    (note,) = workspace.start(name="my run").notes
    assert "this is a new run, my run_4, from the beginning; to go on from my run_3 instead:" in note
    assert """\n  rlkit train checkpoint="'my run_3:last'\"""" in note
    (note,) = workspace.start(name="my run", kind="test").notes
    assert note.endswith("this is a new run, my run_5")
