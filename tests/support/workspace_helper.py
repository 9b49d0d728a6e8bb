"""A workspace to try things in."""

from __future__ import annotations

import os
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Iterator

import pytest

from rlkit.workspace import Run, WorkspaceLimits, open_run

EPOCH = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)


class Workspace:
    """A workspace whose clock moves on a minute at each start. Git is not asked: source is no checkout."""

    def __init__(self, root: Path, limits: WorkspaceLimits | None = None) -> None:
        self.root = root
        self.limits = limits or WorkspaceLimits()
        self.open_runs: list[Run] = []
        self.starts = 0

    @property
    def archive(self) -> Path:
        return self.root / "runs_all"

    @property
    def window(self) -> Path:
        return self.root / "runs"

    @property
    def pins(self) -> Path:
        return self.root / "runs" / "pinned"

    def start(self, task: str = "Box", kind: str = "train", **changes: Any) -> Run:
        self.starts += 1
        request: dict[str, Any] = {
            "root": self.root,
            "settings": self.limits,
            "config_yaml": f"task: {task}\n",
            "command": ["python", "train.py", f"task={task}"],
            "learner": "ppo",
            "seed": 7,
            "device": "cpu",
            "now": EPOCH + timedelta(minutes=self.starts),
            "source": Path("/"),
            **changes,
        }
        run = open_run(task, kind, **request)
        self.open_runs.append(run)
        return run

    def save(self, run: Run, *which: int | str, iteration: int | None = None) -> None:
        for label in which or ("last",):
            run.checkpoint_path(label).write_bytes(b"weights")
            run.checkpoint_saved(label, iteration)

    def trained(self, task: str = "Box", *which: int | str, state: str = "done", **changes: Any) -> Run:
        run = self.start(task, **changes)
        self.save(run, *which)
        run.set_state(state)
        return run

    def tested(self, run: Run, which: int | str = "last", state: str = "done") -> Run:
        test = self.start(run.record.task, "test")
        test.update(checkpoint=run.checkpoint_path(which), tested_run=run.name)
        test.set_state(state)
        return test

    def shown(self) -> set[str]:
        """The recent links in runs/."""
        return {
            entry.name
            for entry in os.scandir(self.window)
            if entry.is_symlink() and not entry.name.startswith(("latest_", "."))
        }

    def latest(self, kind: str) -> str | None:
        link = self.window / f"latest_{kind}"
        return Path(os.readlink(link)).name if link.is_symlink() else None

    def close(self) -> None:
        for run in self.open_runs:
            run.close()


@pytest.fixture
def workspace(tmp_path) -> Iterator[Workspace]:
    """A project folder with runs, whose processes end with the test."""
    made = Workspace(tmp_path / "project")
    yield made
    made.close()
