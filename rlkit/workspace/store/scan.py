"""Every run of a workspace as it stands on disk: read, never guessed from names or file times."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Callable, Iterator, Sequence

from rlkit.workspace.store import layout
from rlkit.workspace.store.atomic import FileLock, is_locked, is_temporary, remove_if_there
from rlkit.workspace.store.checkpoints import LAST, checkpoint_name, holds_checkpoint, networks_folder
from rlkit.workspace.store.errors import WorkspaceError, explained
from rlkit.workspace.store.index import Index
from rlkit.workspace.store.record import (
    FAILED,
    INTERRUPTED,
    RUNNING,
    LostRecord,
    RunRecord,
    format_time,
    read_record,
    write_record,
)

UNREADABLE = "unreadable"


@dataclass(frozen=True)
class RunEntry:
    """One run folder. `record` is None where run.json cannot be read, and `problem` says why.

    `lost` is a run of ours whose run.json is missing or damaged, not one of a newer rlkit or of other users.
    """

    path: Path
    record: RunRecord | None
    live: bool
    problem: str | None = None
    lost: bool = False

    @property
    def name(self) -> str:
        """The folder's name: it counts where the user renamed the folder after the run."""
        return self.path.name

    @property
    def state(self) -> str:
        """The recorded state; a run that says running while nobody holds its lock was interrupted."""
        if self.record is None:
            return UNREADABLE
        if self.record.state == RUNNING and not self.live:
            return INTERRUPTED
        return self.record.state

    @property
    def age_key(self) -> tuple[int, str, int, str]:
        """Sorts runs from old to new, unreadable ones first: by the place that each claimed at its start.

        Runs from before there was one come first, by their clocks; then by the collision suffix.
        """
        if self.record is None:
            return (-1, "", len(self.name), self.name)
        return (self.record.sequence or 0, self.record.created, len(self.name), self.name)

    @property
    def can_be_latest(self) -> bool:
        """Whether latest_train may point here: a training run that holds a checkpoint and did not fail."""
        return (
            self.record is not None
            and self.record.kind == "train"
            and self.state != FAILED
            and holds_checkpoint(self.path)
        )

    @property
    def can_go_on(self) -> bool:
        """Whether it holds the checkpoint that a training goes on from."""
        return (networks_folder(self.path) / checkpoint_name(LAST)).is_file()


def read_entry(path: Path, read: Callable[[Path], RunRecord] = read_record) -> RunEntry:
    """Look at one run folder; never raises for what it finds there."""
    try:
        record = read(path)
        live = record.state == RUNNING and is_live(path)
        if record.state == RUNNING and not live:
            record = read_record(path)  # the run may have ended, and said so, between the two looks
    except WorkspaceError as error:
        lost = isinstance(error, LostRecord) and _is_claimed(path)
        return RunEntry(path, None, live=False, problem=str(error), lost=lost)
    except OSError as error:
        return RunEntry(path, None, live=False, problem=f".lock cannot be read: {error.strerror}")
    return RunEntry(path, record, live)


def is_live(path: Path) -> bool:
    """Whether a process holds the lock of the run in this folder; raises OSError where that cannot be asked."""
    lock = path / layout.RUN_LOCK
    return lock.is_file() and is_locked(lock)


def _is_claimed(path: Path) -> bool:
    """Whether rlkit made a folder that has no readable run.json: its lock is there, or nothing is there yet."""
    if (path / layout.RUN_LOCK).is_file():
        return True
    with suppress(WorkspaceError):
        return path.parent.name == layout.ARCHIVE and all(is_temporary(entry.name) for entry in entries(path))
    return False


def archived(runs: Sequence[RunEntry], root: Path) -> list[RunEntry]:
    """Those of all runs that lie in runs_all/."""
    return [run for run in runs if run.path.parent == layout.archive_folder(root)]


def all_runs(root: Path) -> list[RunEntry]:
    """The archive, and the runs whose folders stand in runs/ or runs/pinned/ themselves, from old to new.

    Unreadable ones come first; folders that are no runs are left out. Raises WorkspaceError.
    """
    index = Index(layout.archive_folder(root))
    runs = [read_entry(path, index.record) for path in _run_folders(layout.archive_folder(root))]
    index.save()
    runs += [
        read_entry(path) for path in _run_folders(layout.window_folder(root)) if path.name != layout.PINNED
    ]
    runs += [read_entry(path) for path in _run_folders(layout.pinned_folder(root))]
    return sorted((run for run in runs if _is_run(run)), key=lambda run: run.age_key)


def _is_run(run: RunEntry) -> bool:
    """False for a folder of the user's own, and for Hydra's notes on a sweep, which lie in the archive too."""
    return run.record is not None or run.lost or os.path.lexists(run.path / layout.RECORD)


def pinned_names(root: Path) -> dict[str, str]:
    """The names in runs/pinned/ and the name of the run that each one stands for, broken links included."""
    pins = {}
    for entry in entries(layout.pinned_folder(root)):
        if not is_temporary(entry.name):
            pins[entry.name] = run_name_of_link(Path(entry.path)) or entry.name
    return pins


def run_name_of_link(link: Path) -> str | None:
    """The run that a link of ours stands for, also when it is broken; None for anything else."""
    try:
        target = os.readlink(link)
    except OSError:  # not a link, or moved away this very moment
        return None
    return Path(target).name if Path(target).parent.name == layout.ARCHIVE else None


def entries(folder: Path) -> list[os.DirEntry[str]]:
    """What a folder holds, by name; nothing where there is no such folder. Raises WorkspaceError."""
    with explained(f"look into {folder}"):
        try:
            with os.scandir(folder) as found:
                return sorted(found, key=lambda entry: entry.name)
        except (FileNotFoundError, NotADirectoryError):
            return []


def settle(root: Path) -> list[RunEntry]:
    """Write `interrupted` into the record of every run that died without a word; call under workspace_lock.

    Returns all runs as they stand then. What cannot be written is left as it is, such as runs of other users:
    RunEntry.state is right all the same. Raises WorkspaceError where the workspace cannot be read.
    """
    runs = all_runs(root)
    for place, run in enumerate(runs):
        if run.record is not None and run.record.state == RUNNING and not run.live:
            with suppress(WorkspaceError), explained(f"mark {run.path} as interrupted"):
                _mark_interrupted(run.path)
                runs[place] = read_entry(run.path)
    return runs


def _mark_interrupted(path: Path) -> None:
    lock = FileLock(path / layout.RUN_LOCK)
    if not lock.try_acquire():
        return  # continued by its owner meanwhile
    try:
        record = read_record(path)
        if record.state == RUNNING:
            reason = f"process {record.pid} on {record.host} ended without a word"
            updated = format_time(datetime.now(timezone.utc))
            write_record(path, replace(record, state=INTERRUPTED, reason=reason, updated=updated))
            remove_leftovers(path)
    finally:
        lock.release()


def remove_leftovers(run_path: Path) -> None:
    """Delete what writes that were killed half-way left in a run that nobody writes; nothing else has such names."""
    inside = [Path(entry.path) for entry in entries(run_path) if entry.is_dir(follow_symlinks=False)]
    for folder in (run_path, *inside):
        for entry in entries(folder):
            if is_temporary(entry.name) and not entry.is_dir(follow_symlinks=False):
                remove_if_there(Path(entry.path))


def _run_folders(folder: Path) -> Iterator[Path]:
    for entry in entries(folder):
        if not entry.name.startswith(".") and not entry.is_symlink() and entry.is_dir():
            yield Path(entry.path)
