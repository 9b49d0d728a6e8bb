"""What a run's folder holds of secrets, and who may read it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from rlkit.workspace import list_runs, read_record
from rlkit.workspace.store.record import write_record

PRIVATE = ("run.json", "git.diff", "config.yaml", "train.log")


def mode(path: Path) -> str:
    return oct(path.stat().st_mode & 0o777)


@pytest.fixture
def checkout(tmp_path) -> Path:
    """A git checkout with an uncommitted secret."""
    path = tmp_path / "code"
    path.mkdir()
    (path / "a.py").write_text("x = 1\n")
    git = ["git", "-C", str(path), "-c", "user.name=n", "-c", "user.email=e"]
    for words in (["init", "-q"], ["add", "a.py"], ["commit", "-qm", "first"]):
        subprocess.run([*git, *words], check=True)
    (path / "a.py").write_bytes(b"x = 2\npassword = 'hunter2'  # \xff\n")
    return path


def test_files_are_the_owners_and_hold_no_secret(workspace, checkout):
    command = ["python", "train.py", "env.kwargs.token=abc", "url=http://me:pw@host/"]
    before = os.umask(0)
    try:
        run = workspace.start(source=checkout, command=command)
    finally:
        os.umask(before)
    assert {mode(run.path / name) for name in PRIVATE} == {"0o600"}
    diff = (run.path / "git.diff").read_bytes()
    assert b"+x = 2\n+password = '<masked>'  # \xff\n" in diff
    assert run.record.command == "python train.py 'env.kwargs.token=<masked>' 'url=http://<masked>@host/'"
    run.set_state("failed", "OSError: https://me:hunter2@host cannot be reached")
    assert read_record(run.path).reason == "OSError: https://<masked>@host cannot be reached"
    stored = b"".join(path.read_bytes() for path in run.path.rglob("*") if path.is_file())
    assert b"hunter2" not in stored and b"abc" not in stored
    assert not [
        mark
        for mark in (b"hunter2", b"token=abc")
        for path in workspace.archive.glob(".*")
        if mark in path.read_bytes()
    ]


def test_what_the_owner_shares_stays_shared(workspace):
    run = workspace.start()
    (run.path / "run.json").chmod(0o640)
    run.update(iterations=3)
    write_record(run.path, run.record)
    assert mode(run.path / "run.json") == "0o640"


def test_the_changes_can_be_left_out(workspace, checkout):
    run = workspace.start(source=checkout, save_diff=False)
    assert not (run.path / "git.diff").exists()
    assert run.record.git["dirty"] and "diff" not in run.record.git
    kept = workspace.start(source=checkout)
    assert kept.record.git["diff"] == "git.diff"


def test_a_file_system_without_permissions_takes_runs(workspace, monkeypatch):
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "fchmod", refuse)
    run = workspace.trained()
    assert [row.name for row in list_runs(workspace.root)] == [run.name]
