"""run.json: what a run is, how it was made, and how far it got."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Dict, Mapping, Optional, Tuple

from rlkit.workspace.atomic import write_atomic
from rlkit.workspace.errors import WorkspaceError
from rlkit.workspace.layout import KINDS, RECORD

SCHEMA = 1
RUNNING, DONE, INTERRUPTED, FAILED = "running", "done", "interrupted", "failed"
STATES: Tuple[str, ...] = (RUNNING, DONE, INTERRUPTED, FAILED)


@dataclass(frozen=True)
class RunRecord:
    """The content of run.json. Times are UTC in ISO 8601, None means unknown or not yet."""

    name: str
    task: str
    kind: str  # train | test
    learner: str
    state: str  # running | done | interrupted | failed
    created: str
    updated: str
    command: str  # as typed, quoted for the shell
    cwd: str
    pid: int
    host: str
    device: str
    seed: int
    process_started: Optional[str] = None  # tells this process from a later one with the same pid
    git: Dict[str, Any] = field(default_factory=dict)
    python: str = ""
    platform: str = ""
    packages: Dict[str, str] = field(default_factory=dict)
    parent: Optional[str] = None  # the run whose checkpoint this one started from
    reason: Optional[str] = None  # why it was interrupted or failed
    finished: Optional[str] = None
    iterations: Optional[int] = None
    best_return: Optional[float] = None
    best_success: Optional[float] = None  # share of successes, where the task tells of any
    saved: Dict[str, int] = field(default_factory=dict)  # "last" | "best" -> iteration of that checkpoint
    checkpoint: Optional[str] = None  # a test run's: the file that was tested
    tested_run: Optional[str] = None  # a test run's: the name of the run that the file belongs to
    schema: int = SCHEMA
    extra: Dict[str, Any] = field(default_factory=dict)  # keys we do not know, kept as they were

    def to_json(self) -> str:
        """The text of run.json."""
        data = asdict(self)
        extra = data.pop("extra")
        return json.dumps({**extra, **data}, indent=2, allow_nan=False) + "\n"


_TYPES: Mapping[str, Tuple[type, ...]] = {
    "name": (str,),
    "task": (str,),
    "kind": (str,),
    "learner": (str,),
    "state": (str,),
    "created": (str,),
    "updated": (str,),
    "command": (str,),
    "cwd": (str,),
    "pid": (int,),
    "host": (str,),
    "device": (str,),
    "seed": (int,),
    "process_started": (str, type(None)),
    "git": (dict,),
    "python": (str,),
    "platform": (str,),
    "packages": (dict,),
    "parent": (str, type(None)),
    "reason": (str, type(None)),
    "finished": (str, type(None)),
    "iterations": (int, type(None)),
    "best_return": (float, int, type(None)),
    "best_success": (float, int, type(None)),
    "saved": (dict,),
    "checkpoint": (str, type(None)),
    "tested_run": (str, type(None)),
    "schema": (int,),
}
_REQUIRED = ("name", "task", "kind", "learner", "state", "created", "updated", "command", "cwd")
_REQUIRED_NUMBERS = ("pid", "seed")


def read_record(run_path: Path) -> RunRecord:
    """Read a run's run.json; raises WorkspaceError that says in a few words what is wrong with it."""
    path = run_path / RECORD
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise WorkspaceError("no run.json") from None
    except OSError as error:
        raise WorkspaceError(f"run.json cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise WorkspaceError("run.json is not whole JSON") from error
    return _parse(data)


def write_record(run_path: Path, record: RunRecord) -> None:
    """Replace a run's run.json in one step; raises WorkspaceError."""
    write_atomic(run_path / RECORD, record.to_json())


def _parse(data: Any) -> RunRecord:
    if not isinstance(data, dict) or not isinstance(data.get("schema"), int):
        raise WorkspaceError("run.json is not one of ours")
    if data["schema"] > SCHEMA:
        raise WorkspaceError(
            "run.json has schema {}, newer than this rlkit's {}".format(data["schema"], SCHEMA)
        )
    missing = [key for key in _REQUIRED + _REQUIRED_NUMBERS + ("host", "device") if key not in data]
    if missing:
        raise WorkspaceError("run.json lacks {}".format(", ".join(missing)))
    for key, allowed in _TYPES.items():
        if key in data and (not isinstance(data[key], allowed) or isinstance(data[key], bool)):
            raise WorkspaceError(f"run.json: {key} is {data[key]!r}")
    if data["kind"] not in KINDS or data["state"] not in STATES:
        raise WorkspaceError("run.json: unknown kind or state ({}, {})".format(data["kind"], data["state"]))
    known = {item.name for item in fields(RunRecord)} - {"extra"}
    record = RunRecord(
        **{key: value for key, value in data.items() if key in known},
        extra={key: value for key, value in data.items() if key not in known},
    )
    try:
        parse_time(record.created)
    except ValueError as error:
        raise WorkspaceError(f"run.json: created is {record.created!r}") from error
    return record


def format_time(moment: datetime) -> str:
    """A moment as UTC ISO 8601 with microseconds and a final Z."""
    return moment.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def parse_time(text: str) -> datetime:
    """The reverse of format_time; raises ValueError."""
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=timezone.utc)
