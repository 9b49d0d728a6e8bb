"""The runs of a workspace as rows, for a table or as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Sequence

from rlkit.settings import same_fields
from rlkit.workspace.store.atomic import workspace_lock
from rlkit.workspace.store.errors import WorkspaceError
from rlkit.workspace.store.layout import absolute, archive_folder, exists
from rlkit.workspace.store.record import STATES, parse_time
from rlkit.workspace.store.scan import UNREADABLE, RunEntry, all_runs, pinned_names, settle

RUN_STATES: tuple[str, ...] = (*STATES, UNREADABLE)
_UNITS = (("d", 86400.0), ("h", 3600.0), ("min", 60.0))


@dataclass(frozen=True)
class RunRow:
    """One run as `rlkit runs` shows it; what is not known is None."""

    name: str
    task: str | None
    kind: str | None
    learner: str | None
    state: str
    iterations: int | None
    best_return: float | None
    best_success: float | None
    best_by: dict[str, float]
    created: str | None
    age_seconds: float | None
    pinned: list[str]
    path: str
    reason: str | None


def list_runs(
    root: Path,
    *,
    task: str | None = None,
    kind: str | None = None,
    state: str | None = None,
    now: datetime | None = None,
) -> list[RunRow]:
    """The runs that fit the filters, from new to old, unreadable folders last.

    Looking settles: a run that died without a word gets `interrupted` into its record, unless the archive
    is not ours to write. Never raises for what lies in the archive.
    """
    root = absolute(root)
    now = now or datetime.now(timezone.utc)
    pins: dict[str, list[str]] = {}
    for pin, name in sorted(pinned_names(root).items()):
        pins.setdefault(name, []).append(pin)
    rows = [row_of(run, pins.get(run.name, []), now) for run in _settled(root)]
    return [
        row
        for row in reversed(rows)
        if task in (None, row.task) and kind in (None, row.kind) and state in (None, row.state)
    ]


def runs_as_json(rows: Sequence[RunRow]) -> str:
    """The rows as a JSON list of objects, one for each run."""
    return json.dumps([asdict(row) for row in rows], indent=2, allow_nan=False)


def age(seconds: float) -> str:
    """A span of time in its largest unit that fits."""
    for unit, size in _UNITS:
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(0.0, seconds):.0f} s"


def local_time(text: str) -> str:
    """A moment of a record in local time, to the second; what is no moment stays as it is."""
    try:
        return parse_time(text).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    except (ValueError, OverflowError):
        return text


def size(count: float) -> str:
    """A number of bytes in its largest unit that fits."""
    for unit, bytes_each in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= bytes_each:
            return f"{count / bytes_each:.1f} {unit}"
    return f"{count:.0f} B"


def row_of(run: RunEntry, pins: Sequence[str] = (), now: datetime | None = None) -> RunRow:
    """What is known of a run. pins: their names. now: what its age is counted from."""
    record, now = run.record, now or datetime.now(timezone.utc)
    if record is None:
        unknown = (None, None, None, UNREADABLE, None, None, None, {}, None, None)
        return RunRow(run.name, *unknown, list(pins), str(run.path), run.problem)
    age_seconds = (now - parse_time(record.created)).total_seconds()
    found = {"name": run.name, "state": run.state, "path": str(run.path), "pinned": list(pins)}
    return same_fields(RunRow, record, **found, age_seconds=age_seconds)


def _settled(root: Path) -> list[RunEntry]:
    if exists(archive_folder(root)):
        try:
            with workspace_lock(root):
                return settle(root)
        except WorkspaceError:
            # Somebody else's archive, or a full disk: the states shown are right all the same, since
            # RunEntry.state works them out from the lock.
            pass
    return all_runs(root)
