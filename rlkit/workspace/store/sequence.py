"""The order of runs: a number that each claims from the archive at its start, since clocks cannot be relied on.

A clock may be set back, and machines that share an archive disagree. `created` therefore orders only runs from
before there was a number, and runs of one number, as archives that were put together hold them.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Sequence

from rlkit.untrusted import read_plain
from rlkit.workspace.store.atomic import write_atomic
from rlkit.workspace.store.layout import archive_folder, pinned_folder
from rlkit.workspace.store.record import LAST_SEQUENCE, parse_time
from rlkit.workspace.store.scan import RunEntry

_COUNTER = ".sequence"


def claim_sequence(root: Path, runs: Sequence[RunEntry]) -> int:
    """The next free number; call under workspace_lock. Raises WorkspaceError where it cannot be noted.

    The number is noted beside the runs, because runs of other users may not be ours to read, and compared with
    those of `runs`, because the note may be gone or damaged.
    """
    known = [run.record.sequence or 0 for run in runs if run.record is not None]
    number = min(max([_noted(root), *known]) + 1, LAST_SEQUENCE)
    _note(root, number)
    return number


def announce(root: Path) -> None:
    """Let `pulse` change because a run is taken up again; call under workspace_lock. Raises WorkspaceError."""
    _note(root, _noted(root))


def pulse(root: Path) -> list[tuple[int, int]]:
    """What differs as soon as a run was started, taken up or pinned since: cheaper than to look at all runs."""
    facts = []
    for path in (archive_folder(root) / _COUNTER, pinned_folder(root)):
        with suppress(OSError):
            found = path.stat()
            facts.append((found.st_mtime_ns, found.st_ino))
    return facts


def _note(root: Path, number: int) -> None:
    write_atomic(archive_folder(root) / _COUNTER, f"{number}\n")


def _noted(root: Path) -> int:
    try:
        text = read_plain(archive_folder(root) / _COUNTER, 32)[0].strip()
    except OSError:
        return 0
    return min(int(text), LAST_SEQUENCE) if text.isdigit() else 0


def started_by(runs: Sequence[RunEntry], now: datetime) -> dict[Path, datetime]:
    """When each run had started at the latest that its place allows, by its folder; runs go from old to new.

    Where clocks were right that is `created`. A run cannot have started before one that has an earlier place, so
    the moments never fall along the order: what a clock that was set back says of a new run does not make it old.
    A moment that has not come yet tells nothing: such a run counts with the next one.
    """
    moments: list[datetime | None] = []
    for run in runs:
        moment = None if run.record is None else parse_time(run.record.created)
        moments.append(None if moment is None or moment > now else moment)
    following = now
    for place in reversed(range(len(moments))):
        following = moments[place] = moments[place] or following
    started: dict[Path, datetime] = {}
    latest: datetime | None = None
    for run, moment in zip(runs, moments):
        assert moment is not None
        latest = moment if latest is None else max(latest, moment)
        if run.record is not None:
            started[run.path] = latest
    return started
