"""Every run of a workspace as it stands on disk: read, never guessed from names or file times."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Dict, Iterable, Iterator, List, Optional, Tuple

from rlkit.workspace.atomic import FileLock, is_locked, is_temporary, remove_if_there
from rlkit.workspace.checkpoints import holds_checkpoint
from rlkit.workspace.errors import WorkspaceError, explained
from rlkit.workspace.layout import (
    ARCHIVE,
    PINNED,
    RECORD,
    RUN_LOCK,
    archive_folder,
    pinned_folder,
    window_folder,
)
from rlkit.workspace.record import (
    FAILED,
    INTERRUPTED,
    RUNNING,
    RunRecord,
    format_time,
    read_record,
    write_record,
)

UNREADABLE = "unreadable"


@dataclass(frozen=True)
class RunEntry:
    """One run folder. `record` is None where run.json cannot be read, and `problem` says why."""

    path: Path
    record: Optional[RunRecord]
    live: bool
    problem: Optional[str] = None

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
    def age_key(self) -> Tuple[str, int, str]:
        """Sorts runs from old to new; runs of one moment by their collision suffix."""
        return (self.record.created if self.record else "", len(self.name), self.name)

    @property
    def can_be_latest(self) -> bool:
        """Whether latest_train may point here: a training run that holds a checkpoint and did not fail."""
        return (
            self.record is not None
            and self.record.kind == "train"
            and self.state != FAILED
            and holds_checkpoint(self.path)
        )


def read_entry(path: Path) -> RunEntry:
    """Look at one run folder; never raises for what it finds there."""
    try:
        record = read_record(path)
        live = record.state == RUNNING and is_locked(path / RUN_LOCK)
        if record.state == RUNNING and not live:
            record = read_record(path)  # the run may have ended, and said so, between the two looks
    except WorkspaceError as error:
        return RunEntry(path, None, live=False, problem=str(error))
    except PermissionError as error:
        return RunEntry(path, None, live=False, problem=f".lock cannot be read: {error.strerror}")
    return RunEntry(path, record, live)


def archived_runs(root: Path) -> List[RunEntry]:
    """The runs of runs_all/, from old to new, unreadable ones first."""
    return _sorted(_run_folders(archive_folder(root)))


def all_runs(root: Path) -> List[RunEntry]:
    """The archive, and the runs whose folders stand in runs/ or runs/pinned/ themselves."""
    folders = list(_run_folders(archive_folder(root)))
    folders += [path for path in _run_folders(window_folder(root)) if path.name != PINNED]
    folders += _run_folders(pinned_folder(root))
    return _sorted(folders)


def pinned_names(root: Path) -> Dict[str, str]:
    """The names in runs/pinned/ and the name of the run that each one stands for, broken links included."""
    pins = {}
    for entry in entries(pinned_folder(root)):
        if not is_temporary(entry.name):
            pins[entry.name] = run_name_of_link(Path(entry.path)) or entry.name
    return pins


def run_name_of_link(link: Path) -> Optional[str]:
    """The run that a link of ours stands for, also when it is broken; None for anything else."""
    try:
        target = os.readlink(link)
    except OSError:  # not a link, or moved away this very moment
        return None
    return Path(target).name if Path(target).parent.name == ARCHIVE else None


def entries(folder: Path) -> List[os.DirEntry[str]]:
    """What a folder holds, by name; nothing where there is no such folder. Raises WorkspaceError."""
    with explained(f"look into {folder}"):
        try:
            with os.scandir(folder) as found:
                return sorted(found, key=lambda entry: entry.name)
        except (FileNotFoundError, NotADirectoryError):
            return []


def settle(root: Path) -> None:
    """Write `interrupted` into the record of every run that died without a word; call under workspace_lock.

    Runs of other users, whose folders we may not write, are left for their owners. Raises WorkspaceError.
    """
    for entry in all_runs(root):
        if entry.record is None or entry.record.state != RUNNING or entry.live:
            continue
        if os.access(entry.path, os.W_OK):
            with explained(f"mark {entry.path} as interrupted"):
                _mark_interrupted(entry.path)


def _mark_interrupted(path: Path) -> None:
    lock = FileLock(path / RUN_LOCK)
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
        if entry.name.startswith(".") or entry.is_symlink() or not entry.is_dir():
            continue
        path = Path(entry.path)
        # Hydra's own notes on a sweep lie in the archive too; its jobs are runs of their own.
        if (path / "multirun.yaml").exists() and not (path / RECORD).exists():
            continue
        yield path


def _sorted(folders: Iterable[Path]) -> List[RunEntry]:
    return sorted((read_entry(path) for path in folders), key=lambda entry: entry.age_key)
