"""Deleting runs for good: which ones may go, and how one goes so that it is never half there."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path

from rlkit.workspace.links import latest_runs, remove_link, repair
from rlkit.workspace.pins import links_by_run, pinned_runs
from rlkit.workspace.store.atomic import FileLock, workspace_lock
from rlkit.workspace.store.errors import WorkspaceError, explained
from rlkit.workspace.store.layout import (
    RUN_LOCK,
    absolute,
    archive_folder,
    exists,
    kept_skills,
    may_write,
    window_folder,
)
from rlkit.workspace.store.scan import UNREADABLE, RunEntry, all_runs, entries, is_live, run_name_of_link
from rlkit.workspace.store.sequence import pulse, started_by

_DELETED_PREFIX = ".deleted_"


@dataclass(frozen=True)
class PruneFilters:
    """Which runs to delete: those that fit everything given. A run whose run.json cannot be read only fits
    `state="unreadable"`.

    `keep` the newest runs of those that fit task, kind and state; `older_than` counts from the start, in the order
    in which the runs were started: rlkit.workspace.store.sequence.
    """

    keep: int | None = None
    older_than: timedelta | None = None
    state: str | None = None
    kind: str | None = None
    task: str | None = None

    def fits(self, run: RunEntry) -> bool:
        """Whether a run is of the task, kind and state asked for."""
        if run.record is None:
            return self.state == UNREADABLE and self.task is None and self.kind is None
        return (
            self.task in (None, run.record.task)
            and self.kind in (None, run.record.kind)
            and self.state in (None, run.state)
        )


@dataclass(frozen=True)
class PrunePlan:
    """What fits the filters, from old to new: the runs to delete, and those spared, each with the reason."""

    delete: list[RunEntry]
    spared: list[tuple[RunEntry, str]]


def plan_prune(root: Path, filters: PruneFilters, now: datetime | None = None) -> PrunePlan:
    """Work out what would be deleted; nothing is changed. Raises WorkspaceError where root cannot be read."""
    root = absolute(root)
    now = now or datetime.now(timezone.utc)
    runs = all_runs(root)
    fitting = [run for run in runs if filters.fits(run)]
    fitting = fitting if filters.keep is None else fitting[: max(0, len(fitting) - filters.keep)]
    if filters.older_than is not None:
        started = started_by(runs, now)
        fitting = [run for run in fitting if now - started.get(run.path, now) > filters.older_than]
    reasons = protected(runs, root)
    return PrunePlan(
        delete=[run for run in fitting if run.path not in reasons],
        spared=[(run, reasons[run.path]) for run in fitting if run.path in reasons],
    )


def protected(runs: list[RunEntry], root: Path) -> dict[Path, str]:
    """The folders of those of all runs that are never deleted, and why: "pinned as best", "running" ..."""
    latest = {run.path: f"latest_{kind}" for kind, run in latest_runs(runs).items() if run is not None}
    pins = pinned_runs(runs, root)
    reasons: dict[Path, str] = {}
    for run in runs:
        if run.path in pins:
            reasons[run.path] = "pinned as {}".format(", ".join(pins[run.path]))
        elif _under_way(run):
            reasons[run.path] = "running"
        elif run.path in latest:
            reasons[run.path] = latest[run.path]
        elif not may_write(run.path):
            reasons[run.path] = "not yours to delete"
        elif run.record is None and not run.lost:
            reasons[run.path] = f"it may not be a run of this rlkit: {run.problem}"
    return {**_needed(runs, reasons), **reasons}


def _needed(runs: list[RunEntry], reasons: dict[Path, str]) -> dict[Path, str]:
    """What the kept runs started from, what the kept tests tested, and the skills of runs that hold no copy."""
    by_name: dict[str, list[Path]] = {}
    for run in runs:  # a renamed folder answers to both its names
        for name in {run.name, run.record.name if run.record else run.name}:
            by_name.setdefault(name, []).append(run.path)
    needed: dict[Path, str] = {}
    for run in runs:
        if run.record is None:
            continue
        skills = run.record.skills if kept_skills(run.path) is None else None
        for path in by_name.get(skills or "", []):
            needed[path] = f"{run.name} drives its robot by it"
        if run.path not in reasons:
            continue
        names = [run.record.tested_run]
        if reasons[run.path] == "running" or reasons[run.path].startswith("pinned"):
            names.append(run.record.parent)
        for name in names:
            for path in by_name.get(name or "", []):
                needed[path] = f"{run.name} ({reasons[run.path]}) came from it"
    return needed


def _under_way(run: RunEntry) -> bool:
    if run.record is not None:
        return run.live
    try:
        return is_live(run.path)
    except OSError:
        return True  # who cannot ask must not delete


class Deleter:
    """Deletes runs of one workspace, each after looking at all of them again where anything has happened."""

    def __init__(self, root: Path = Path()) -> None:
        self._root = absolute(root)
        self._pulse: object | None = None
        self._protected: dict[Path, str] = {}
        self._links: dict[str, list[Path]] = {}

    def delete(self, path: Path) -> str | None:
        """Delete a run's folder and its links in runs/; returns why not when it turned out to be protected.

        It goes under a hidden name first, in one step: killed half-way, finish_deletions does the rest. Raises
        WorkspaceError.
        """
        with workspace_lock(self._root):
            reason = self._reason(path)
            if reason is not None:
                return reason
            hidden = path.parent / f"{_DELETED_PREFIX}{os.urandom(6).hex()}"
            with explained(f"delete {path}"):
                lock = FileLock(path / RUN_LOCK)
                if not lock.try_acquire():
                    return "running"
                try:
                    path.rename(hidden)
                finally:
                    lock.release()
            if path.parent == archive_folder(self._root):
                for link in self._links.get(path.name, []):
                    if run_name_of_link(link) == path.name:
                        remove_link(link)
        _remove(hidden)
        return None

    def _reason(self, path: Path) -> str | None:
        """Why a run must stay: since the plan was made it may have been pinned, continued or tested."""
        now = pulse(self._root)
        if now != self._pulse:
            self._protected = protected(all_runs(self._root), self._root)
            self._links = links_by_run(self._root)
            self._pulse = now
        return self._protected.get(path) if path.is_dir() else "gone already"


def finish_deletions(root: Path = Path()) -> int:
    """Remove what a deletion that was killed half-way left; returns its size [bytes].

    What cannot be removed stays hidden. Raises WorkspaceError where the workspace cannot be read.
    """
    root = absolute(root)
    leftovers = [
        Path(entry.path)
        for folder in (archive_folder(root), window_folder(root))
        for entry in entries(folder)
        if entry.name.startswith(_DELETED_PREFIX) and not entry.is_symlink() and entry.is_dir()
    ]
    if not leftovers:
        return 0
    with workspace_lock(root):
        repair(root)
    freed = 0
    for path in leftovers:
        size = folder_size(path)
        with suppress(WorkspaceError):
            _remove(path)
            freed += size
    return freed


def folder_size(path: Path) -> int:
    """The size [bytes] of all files in a folder; links count as links, and what vanishes meanwhile not."""
    size = 0
    for folder, _, files in os.walk(path):
        for name in files:
            with suppress(FileNotFoundError):
                size += Path(folder, name).lstat().st_size
    return size


def _remove(path: Path) -> None:
    import shutil

    with explained(f"delete {path}"):
        while exists(path):
            with suppress(FileNotFoundError):  # another prune is at the same leftover: both go on
                shutil.rmtree(path)
