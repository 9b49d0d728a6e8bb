"""Everything that a run's folder and its neighbours tell about it, for one page."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from rlkit.untrusted import open_regular, parse_json
from rlkit.workspace.links import latest_runs
from rlkit.workspace.pins import pins_of
from rlkit.workspace.prune import folder_size
from rlkit.workspace.store.checkpoints import Which, checkpoints_in, networks_folder
from rlkit.workspace.store.errors import explained
from rlkit.workspace.store.layout import absolute, pinned_folder, window_folder
from rlkit.workspace.store.record import RunRecord, parse_time
from rlkit.workspace.store.scan import RunEntry, all_runs, entries, read_entry

# A line of metrics.jsonl is about 2 kB; the last one is looked for in this much of the file's end.
_TAIL_BYTES = 1 << 18


@dataclass(frozen=True)
class SavedCheckpoint:
    """A checkpoint of a run. `iteration` is None where only the file itself knows it."""

    which: Which
    iteration: int | None
    path: str
    bytes: int
    age_seconds: float


@dataclass(frozen=True)
class RunDetails:
    """What is known of one run. `record` is None where run.json cannot be read: `reason` says why.

    `seconds` runs from the start to the end, or to now while it is under way. `tests` are the test runs of
    its checkpoints, `children` the training runs that started from one. `latest` says that latest_train or latest_test
    stands for it, `links` are the links in runs/ and runs/pinned/ that lead to it, and `here` that it is a run of this
    workspace. `metrics` is the last whole line of
    metrics.jsonl, or a test's metrics.json; `videos` and `trajectories` are paths within the run's folder.
    """

    name: str
    path: str
    state: str
    reason: str | None
    record: RunRecord | None
    seconds: float | None
    age_seconds: float | None
    bytes: int
    latest: bool
    pinned: list[str]
    links: list[str]
    here: bool
    children: list[str]
    tests: list[str]
    checkpoints: list[SavedCheckpoint]
    videos: list[str]
    trajectories: list[str]
    metrics: dict[str, Any]

    def to_json(self) -> str:
        """One JSON object: the keys of run.json and these ones side by side."""
        data = asdict(self)
        record = json.loads(self.record.to_json()) if self.record else {}
        data.pop("record")
        return json.dumps({**record, **data}, indent=2)


def run_details(path: Path, root: Path = Path(), now: datetime | None = None) -> RunDetails:
    """Look a run over; never raises for what run.json and the metrics hold. Raises WorkspaceError."""
    root = absolute(root)
    now = now or datetime.now(timezone.utc)
    run, others = read_entry(path), all_runs(root)
    record = run.record
    path = Path(os.path.realpath(path))
    names = {run.name, record.name if record else run.name}  # a renamed folder answers to both
    came_from_it = [
        other
        for other in reversed(others)
        if other.record is not None and other.name != run.name
        if names & {other.record.tested_run, other.record.parent}
    ]
    return RunDetails(
        name=run.name,
        path=str(path),
        state=run.state,
        reason=run.problem if record is None else record.reason,
        record=record,
        seconds=_seconds(run, now),
        age_seconds=None if record is None else (now - parse_time(record.created)).total_seconds(),
        bytes=folder_size(path),
        latest=any(
            other is not None and os.path.realpath(other.path) == str(path)
            for other in latest_runs(others).values()
        ),
        pinned=pins_of(path, root),
        links=_links(path, root),
        here=any(os.path.realpath(other.path) == str(path) for other in others),
        children=[other.name for other in came_from_it if other.record and other.record.kind == "train"],
        tests=[other.name for other in came_from_it if other.record and other.record.kind == "test"],
        checkpoints=_checkpoints(run, now),
        videos=_files(path, "videos", "*.mp4"),
        trajectories=_files(path, "trajectories", "*.npz"),
        metrics=last_metrics(path),
    )


def _links(path: Path, root: Path) -> list[str]:
    """The links that lead to a run, as paths below the root."""
    return [
        str(Path(entry.path).relative_to(root))
        for folder in (window_folder(root), pinned_folder(root))
        for entry in entries(folder)
        if entry.is_symlink() and os.path.realpath(entry.path) == str(path)
    ]


def _seconds(run: RunEntry, now: datetime) -> float | None:
    if run.record is None:
        return None
    end = now if run.live else _time(run.record.finished) or _time(run.record.updated)
    # A clock that was set back meanwhile must not make it negative.
    return None if end is None else max(0.0, (end - parse_time(run.record.created)).total_seconds())


def _time(text: str | None) -> datetime | None:
    try:
        return parse_time(text) if text else None
    except ValueError:
        return None


def _checkpoints(run: RunEntry, now: datetime) -> list[SavedCheckpoint]:
    found = checkpoints_in(networks_folder(run.path))
    saved = run.record.saved if run.record is not None else {}
    order = sorted(found, key=lambda which: (isinstance(which, str), which if isinstance(which, int) else 0))
    checkpoints = []
    for which in order:
        with explained(f"look at {found[which]}"):
            facts = found[which].stat()
        iteration = which if isinstance(which, int) else saved.get(which)
        age = now.timestamp() - facts.st_mtime
        checkpoints.append(SavedCheckpoint(which, iteration, str(found[which]), facts.st_size, age))
    return checkpoints


def _files(path: Path, folder: str, pattern: str) -> list[str]:
    return sorted(str(file.relative_to(path)) for file in (path / folder).rglob(pattern))


def last_metrics(path: Path) -> dict[str, Any]:
    """A test's metrics.json, else the last line of metrics.jsonl that a kill has not torn."""
    for text in [_tail(path / "metrics.json"), *reversed(_tail(path / "metrics.jsonl").splitlines())]:
        try:
            metrics = parse_json(text)
        except ValueError:
            continue
        if isinstance(metrics, dict):
            return metrics
    return {}


def _tail(path: Path) -> bytes:
    with explained(f"read {path}"):
        try:
            with open_regular(path) as file:
                file.seek(max(0, os.fstat(file.fileno()).st_size - _TAIL_BYTES))
                return file.read(_TAIL_BYTES)
        except FileNotFoundError:
            return b""
