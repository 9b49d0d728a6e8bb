"""The runs of a workspace as a table or as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Dict, List, Mapping, Optional, Sequence, Tuple

from rlkit.workspace.atomic import workspace_lock
from rlkit.workspace.errors import WorkspaceError
from rlkit.workspace.layout import absolute, archive_folder, exists
from rlkit.workspace.printable import printable
from rlkit.workspace.record import STATES, parse_time
from rlkit.workspace.scan import UNREADABLE, RunEntry, all_runs, pinned_names, settle

if TYPE_CHECKING:
    from rich.table import Table

RUN_STATES: Tuple[str, ...] = (*STATES, UNREADABLE)
_STYLES = {"running": "green", "failed": "red", "interrupted": "yellow", UNREADABLE: "red"}
_UNITS = (("d", 86400.0), ("h", 3600.0), ("min", 60.0))


@dataclass(frozen=True)
class RunRow:
    """One run as `rlkit runs` shows it; what is not known is None."""

    name: str
    task: Optional[str]
    kind: Optional[str]
    learner: Optional[str]
    state: str
    iterations: Optional[int]
    best_return: Optional[float]
    created: Optional[str]
    age_seconds: Optional[float]
    pinned: List[str]
    path: str
    reason: Optional[str]


def list_runs(
    root: Path,
    *,
    task: Optional[str] = None,
    kind: Optional[str] = None,
    state: Optional[str] = None,
    now: Optional[datetime] = None,
) -> List[RunRow]:
    """The runs that fit the filters, from new to old, unreadable folders last.

    Looking settles: a run that died without a word gets `interrupted` into its record, unless the archive
    is not ours to write. Never raises for what lies in the archive.
    """
    root = absolute(root)
    now = now or datetime.now(timezone.utc)
    pins: Dict[str, List[str]] = {}
    for pin, name in sorted(pinned_names(root).items()):
        pins.setdefault(name, []).append(pin)
    rows = [_row(run, pins.get(run.name, []), now) for run in _settled(root)]
    return [
        row
        for row in reversed(rows)
        if task in (None, row.task) and kind in (None, row.kind) and state in (None, row.state)
    ]


def runs_as_json(rows: Sequence[RunRow]) -> str:
    """The rows as a JSON list of objects, one for each run."""
    return json.dumps([asdict(row) for row in rows], indent=2, allow_nan=False)


def runs_as_table(rows: Sequence[RunRow], sizes: Optional[Mapping[str, int]] = None) -> Table:
    """The rows as a table for rich to print; `sizes` [bytes] by path, where given, are the last column."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for heading in ("name", "task", "learner", "state"):
        table.add_column(heading, overflow="fold")
    for heading in ("iterations", "best return", "age"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("pinned", overflow="fold")
    if sizes is not None:
        table.add_column("size", justify="right", no_wrap=True)
    for row in rows:
        cells = (
            Text(printable(row.name)),
            Text(row.task or "-"),
            Text(row.learner or "-"),
            Text(row.state, style=_STYLES.get(row.state, "")),
            "-" if row.iterations is None else str(row.iterations),
            "-" if row.best_return is None else f"{row.best_return:.2f}",
            "-" if row.age_seconds is None else age(row.age_seconds),
            Text(_pins(row)),
        )
        table.add_row(*cells, *([] if sizes is None else [size(sizes[row.path])]))
    return table


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


def _pins(row: RunRow) -> str:
    """`yes` for a pin of the run's own name, else the names that the user gave it."""
    return ", ".join("yes" if pin == row.name else pin for pin in row.pinned) or "-"


def _row(run: RunEntry, pins: List[str], now: datetime) -> RunRow:
    record = run.record
    if record is None:
        unknown = (None, None, None, UNREADABLE, None, None, None, None)
        return RunRow(run.name, *unknown, pins, str(run.path), run.problem)
    return RunRow(
        name=run.name,
        task=record.task,
        kind=record.kind,
        learner=record.learner,
        state=run.state,
        iterations=record.iterations,
        best_return=record.best_return,
        created=record.created,
        age_seconds=(now - parse_time(record.created)).total_seconds(),
        pinned=pins,
        path=str(run.path),
        reason=record.reason,
    )


def _settled(root: Path) -> List[RunEntry]:
    if exists(archive_folder(root)):
        try:
            with workspace_lock(root):
                return settle(root)
        except WorkspaceError:
            # Somebody else's archive, or a full disk: the states shown are right all the same, since
            # RunEntry.state works them out from the lock.
            pass
    return all_runs(root)
