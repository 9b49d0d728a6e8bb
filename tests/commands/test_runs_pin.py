"""`rlkit runs pin` and `unpin`: what mv does in runs/, with the checks that it cannot make."""

from __future__ import annotations

import os
import shutil

import pytest

from rlkit.cli import main
from rlkit.workspace import WorkspaceLimits, pins_of

IN_RUNS = WorkspaceLimits(use_clean_workspace=False)


def command(capsys, workspace, *words: str) -> str:
    assert main(["runs", "--root", str(workspace.root), *words]) == 0
    return capsys.readouterr().out


def refused(capsys, workspace, *words: str) -> str:
    assert main(["runs", "--root", str(workspace.root), *words]) == 2
    return capsys.readouterr().err


def layout(workspace) -> dict[str, str]:
    """Every link under runs/ and where it leads."""
    links = [path for path in workspace.window.rglob("*") if path.is_symlink()]
    return {str(path.relative_to(workspace.window)): os.readlink(path) for path in links}


def test_pin_and_unpin_leave_what_mv_leaves(workspace, capsys):
    run = workspace.trained()
    before = layout(workspace)
    (workspace.window / run.name).rename(workspace.pins / "best")
    pinned = layout(workspace)
    (workspace.pins / "best").rename(workspace.window / run.name)
    assert f"{run.name} is now pinned as best" in command(capsys, workspace, "pin", "latest", "best")
    assert layout(workspace) == pinned
    assert "best is no longer pinned" in command(capsys, workspace, "unpin", "best")
    assert layout(workspace) == before


def test_a_run_is_pinned_under_its_own_name_by_default(workspace, capsys):
    run = workspace.start()  # also while it is under way
    command(capsys, workspace, "pin", run.name)
    assert os.readlink(workspace.pins / run.name) == str(run.path)
    assert "already pinned as " + run.name in command(capsys, workspace, "pin", run.name)
    command(capsys, workspace, "unpin", run.name)
    assert pins_of(run.path, workspace.root) == []
    assert f"{run.name} is not pinned" in command(capsys, workspace, "unpin", run.name)


def test_a_run_that_left_the_window_can_be_pinned(workspace, capsys):
    run = workspace.trained()
    (workspace.window / run.name).unlink()
    command(capsys, workspace, "pin", run.name, "old")
    assert pins_of(run.path, workspace.root) == ["old"]


def test_one_run_may_have_two_pins_and_unpin_frees_it_of_all(workspace, capsys):
    run = workspace.trained()
    command(capsys, workspace, "pin", run.name, "a")
    assert "now pinned as b" in command(capsys, workspace, "pin", run.name, "b")
    assert "already pinned as a" in command(capsys, workspace, "pin", run.name, "a")
    command(capsys, workspace, "unpin", "a")
    assert not (workspace.window / run.name).exists(), "b still keeps it in sight"
    command(capsys, workspace, "pin", run.name, "a")
    command(capsys, workspace, "unpin", run.name)
    assert not list(workspace.pins.iterdir())
    assert (workspace.window / run.name).is_symlink()


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("taken", "is taken"),
        ("first", "name of another run"),
        ("a/b", "it holds '/'"),
        ("latest_train", "meaning"),
    ],
)
def test_a_name_that_cannot_be_had_is_refused(workspace, capsys, name, says):
    workspace.trained(name="first")
    workspace.trained(name="second")
    command(capsys, workspace, "pin", "first", "taken")
    before = layout(workspace)
    assert says in refused(capsys, workspace, "pin", "second", name)
    assert layout(workspace) == before


def test_the_command_that_frees_a_name_can_be_pasted(workspace, capsys):
    workspace.trained(name="first")
    workspace.trained(name="second")
    command(capsys, workspace, "pin", "first", "a b")
    assert "rlkit runs unpin 'a b'" in refused(capsys, workspace, "pin", "second", "a b")


def test_a_broken_pin_can_be_removed(workspace, capsys):
    run = workspace.trained()
    command(capsys, workspace, "pin", run.name, "gone")
    shutil.rmtree(run.path)
    command(capsys, workspace, "unpin", "gone")
    assert not list(workspace.pins.iterdir())
    assert not (workspace.window / run.name).is_symlink()


def test_a_run_in_runs_itself_moves_as_a_whole_once_it_has_ended(workspace, capsys):
    run = workspace.start(settings=IN_RUNS)
    workspace.save(run)
    assert "wait for it to end" in refused(capsys, workspace, "pin", run.name, "best")
    assert run.path.is_dir()
    run.set_state("done")
    command(capsys, workspace, "pin", run.name, "best")
    assert (workspace.pins / "best" / "run.json").is_file()
    assert os.readlink(workspace.window / "latest_train") == str(workspace.pins / "best")
    command(capsys, workspace, "unpin", "best")
    assert (workspace.window / "best" / "run.json").is_file()


def test_a_run_of_another_workspace_is_refused(workspace, capsys, tmp_path):
    workspace.trained()
    other = tmp_path / "other" / "runs_all" / "x"
    other.mkdir(parents=True)
    shutil.copy(next(workspace.archive.glob("*/run.json")), other)
    assert "no run of the workspace" in refused(capsys, workspace, "pin", str(other))
