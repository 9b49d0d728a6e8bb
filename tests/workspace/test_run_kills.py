"""Many starts at once, and kill -9 at any moment: the archive stays readable, the links stay whole."""

from __future__ import annotations

import contextlib
import itertools
import json
import multiprocessing
import random
import signal
import subprocess
import sys
import threading
import time
from datetime import datetime, timezone
from multiprocessing.connection import Connection
from pathlib import Path

import pytest
from workspace_helper import Workspace

from rlkit.workspace import WorkspaceLimits, continue_run, list_runs, resolve, write_atomic

# A start is a fork of a process that has imported everything: most kills would else cost an import each.
_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(["workspace_helper"])


def work(root: Path, limit: int, ready: Connection) -> None:
    """Start a run when told to and save `limit` checkpoints, or for ever where it is 0."""
    workspace = Workspace(root)
    ready.send(None)
    ready.recv()
    run = workspace.start(now=datetime(2026, 5, 5, tzinfo=timezone.utc))
    for iteration in range(1, limit + 1) if limit else itertools.count(1):
        write_atomic(run.checkpoint_path("last"), b"x" * 200000)
        run.checkpoint_saved("last", iteration)
        run.update(iterations=iteration, best_return=1.0)
    run.set_state("done")


class Worker:
    """A process of its own that does `work`."""

    def __init__(self, root: Path, limit: int) -> None:
        self._told, ready = _FORKS.Pipe()
        self._process = _FORKS.Process(target=work, args=(root, limit, ready))
        self._process.start()
        ready.close()
        self._told.recv()

    def go(self) -> None:
        self._told.send(None)

    def kill(self) -> None:
        self._process.kill()

    def end(self) -> int:
        """Wait for it; its exit status."""
        self._process.join()
        self._told.close()
        status = self._process.exitcode
        assert status is not None
        self._process.close()
        return status


def broken_links(root: Path) -> list[Path]:
    links = [*(root / "runs").iterdir(), *(root / "runs" / "pinned").iterdir()]
    return [link for link in links if link.is_symlink() and not link.exists()]


@pytest.mark.slow
def test_several_starts_in_the_same_second_each_get_a_run(workspace):
    workers = [Worker(workspace.root, 2) for _ in range(5)]
    for worker in workers:
        worker.go()
    assert [worker.end() for worker in workers] == [0] * 5
    rows = list_runs(workspace.root)
    stem = min((row.name for row in rows), key=len)
    assert {row.name for row in rows} == {stem, *(f"{stem}_{number}" for number in range(2, 6))}
    assert {(row.state, row.iterations) for row in rows} == {("done", 2)}
    assert workspace.shown() == {row.name for row in rows}
    assert workspace.latest("train") == f"{stem}_5"
    assert not broken_links(workspace.root)


@pytest.mark.parametrize("seed", range(4))
def test_a_kill_at_any_moment_leaves_a_readable_archive(workspace, seed):
    kill_and_check(workspace, random.Random(seed).uniform(0.0, 0.12))


@pytest.mark.slow
@pytest.mark.parametrize("milliseconds", range(60))
def test_a_kill_at_each_moment_leaves_a_readable_archive(workspace, milliseconds):
    kill_and_check(workspace, milliseconds / 1000.0)


@pytest.mark.slow
@pytest.mark.journey
def test_trainings_that_are_killed_lose_an_interval_at_most_and_go_on_exactly():
    """`python -m benchmarks.kills` does the same a hundred times; here each is beyond a checkpoint."""
    root = Path(__file__).resolve().parents[2]
    command = [sys.executable, "-m", "benchmarks.kills", "--kills", "1"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False, timeout=280)
    assert done.returncode == 0, done.stdout + done.stderr
    outcomes = [json.loads(line) for line in done.stdout.splitlines()]
    assert [outcome["learner"] for outcome in outcomes] == ["ppo", "fast_td3"]
    for outcome in outcomes:
        assert (outcome["kills"], outcome["after_first_iteration"]) == (1, 1)
        assert (outcome["unreadable"], outcome["inexact"], outcome["leftovers"]) == (0, 0, 0)
        assert outcome["most_lost"] <= 3
        assert outcome["iterations"] >= 6  # with those after the kill


def test_what_a_killed_write_left_goes_at_the_next_start(workspace):
    """In every folder of a run, whether another run starts or this one goes on."""
    dead = workspace.start()
    dead.close()  # ended without a word, as after kill -9
    left = [
        Path(dead.path, folder, f".file.{number}.0123abcd.tmp")
        for number, folder in enumerate(("", "nn", "videos"))
    ]
    for path in left:
        path.parent.mkdir(exist_ok=True)
        path.write_text("half")
    run = continue_run(dead.path, root=workspace.root, command=["python"], device="cpu")
    assert not any(path.exists() for path in left)
    left[2].write_text("half")
    run.close()
    workspace.start()
    assert not left[2].exists()


def kill_and_check(workspace: Workspace, seconds: float) -> None:
    before = workspace.trained().name
    worker = Worker(workspace.root, 0)
    worker.go()
    time.sleep(seconds)
    worker.kill()
    assert worker.end() == -signal.SIGKILL
    rows = list_runs(workspace.root)
    assert {row.state for row in rows if row.name != before} <= {"interrupted", "unreadable"}
    for row in rows:
        if row.state == "unreadable":  # killed between claiming the name and writing the record
            assert row.reason == "no run.json"
            assert {path.name for path in Path(row.path).iterdir() if path.suffix != ".tmp"} <= {".lock"}
    found = resolve("latest", root=workspace.root)
    assert len(found.checkpoint.read_bytes()) in (len(b"weights"), 200_000)
    after = workspace.start()
    assert after.name in workspace.shown()
    assert not broken_links(workspace.root)
    assert not [path for path in workspace.window.iterdir() if path.suffix == ".tmp"]


@pytest.mark.slow
def test_the_user_may_pin_at_any_moment_of_a_start(workspace):
    """Links are moved away as fast as they appear, while runs start and end."""
    workspace.limits = WorkspaceLimits(max_train_runs=2)
    workspace.trained()
    done = threading.Event()

    def pin() -> None:
        while not done.is_set():
            for name in workspace.shown():
                with contextlib.suppress(FileNotFoundError):
                    (workspace.window / name).rename(workspace.pins / name)

    user = threading.Thread(target=pin)
    user.start()
    runs = [workspace.trained() for _ in range(15)]
    done.set()
    user.join()
    last = workspace.start()
    assert workspace.shown() <= {last.name, *(run.name for run in runs)}
    assert not broken_links(workspace.root)
    for run in runs:
        assert (workspace.window / run.name).exists() + (workspace.pins / run.name).exists() <= 1
        assert (run.path / "run.json").is_file()
