"""run.json: what a run is, how it was made, and how far it got."""

from __future__ import annotations

import json
import math
import os
import re
from dataclasses import asdict, dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Mapping

from rlkit.untrusted import all_printable, parse_json, read_plain
from rlkit.workspace.store.errors import WorkspaceError
from rlkit.workspace.store.files import write_private
from rlkit.workspace.store.layout import KINDS, RECORD

SCHEMA = 1
RUNNING, DONE, INTERRUPTED, FAILED = "running", "done", "interrupted", "failed"
STATES: tuple[str, ...] = (RUNNING, DONE, INTERRUPTED, FAILED)
LAST_SEQUENCE = 10**12  # what is beyond is no place of ours

_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", re.ASCII)
_OPTIONAL_INT, _OPTIONAL_TEXT = (int, type(None)), (str, type(None))


class LostRecord(WorkspaceError):
    """run.json is missing or damaged, where PermissionError, a newer schema or another program are not meant."""


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
    sequence: int | None = None  # its place among the archive's runs; None before there was one
    process_started: str | None = None  # tells this process from a later one with the same pid
    git: dict[str, Any] = field(default_factory=dict)
    python: str = ""
    platform: str = ""
    packages: dict[str, str] = field(default_factory=dict)
    parent: str | None = None  # the run whose checkpoint this one started from
    skills: str | None = None  # the run whose policy drives the robot
    reason: str | None = None  # why it was interrupted or failed
    finished: str | None = None
    reached: str | None = None  # the condition of training.until that ended it
    iterations: int | None = None
    best_return: float | None = None
    best_success: float | None = None  # share of successes, where the task tells of any
    # Other metrics that it is best by; "-" first: less is better
    best_by: dict[str, float] = field(default_factory=dict)
    saved: dict[str, int] = field(default_factory=dict)  # "last" | "best" -> iteration of that checkpoint
    checkpoint: str | None = None  # a test run's: the file that was tested
    tested_run: str | None = None  # a test run's: the name of the run that the file belongs to
    chosen: dict[str, Any] = field(default_factory=dict)  # settings left to this machine -> their values
    code: dict[str, Any] = field(default_factory=dict)  # of classes that are not rlkit's own
    units: dict[str, str] = field(default_factory=dict)  # of the metrics that have one, by name
    tracker: dict[str, Any] = field(default_factory=dict)  # its name, and the run's id, url and place there
    starts: list[dict[str, Any]] = field(default_factory=list)  # when, where and from which iteration
    # The name of the sweep and the number of the job that it is
    sweep: dict[str, Any] = field(default_factory=dict)
    schema: int = SCHEMA
    extra: dict[str, Any] = field(default_factory=dict)  # keys we do not know, kept as they were

    def to_json(self) -> str:
        """The text of run.json."""
        data = asdict(self)
        extra = data.pop("extra")
        return json.dumps({**extra, **data}, indent=2, allow_nan=False) + "\n"


_TYPES: Mapping[str, tuple[type, ...]] = {
    **dict.fromkeys(
        ("name", "task", "kind", "learner", "state", "created", "updated", "command", "cwd"), (str,)
    ),
    **dict.fromkeys(("host", "device", "python", "platform"), (str,)),
    **dict.fromkeys(("pid", "seed", "schema"), (int,)),
    **dict.fromkeys(("process_started", "parent", "skills", "reason", "finished", "reached"), _OPTIONAL_TEXT),
    **dict.fromkeys(("checkpoint", "tested_run"), _OPTIONAL_TEXT),
    **dict.fromkeys(("sequence", "iterations"), _OPTIONAL_INT),
    **dict.fromkeys(
        ("git", "packages", "best_by", "saved", "chosen", "code", "units", "tracker", "sweep"), (dict,)
    ),
    **dict.fromkeys(("best_return", "best_success"), (float, int, type(None))),
    "starts": (list,),
}
_REQUIRED = ("name", "task", "kind", "learner", "state", "created", "updated", "command", "cwd")
_REQUIRED += ("pid", "seed", "host", "device")


def read_record(run_path: Path) -> RunRecord:
    """Read a run's run.json; raises WorkspaceError that says in a few words what is wrong with it.

    That is a LostRecord where the file is missing or damaged.
    """
    return parse_record(load_record(run_path)[0])


def load_record(run_path: Path) -> tuple[Any, os.stat_result]:
    """What run.json holds, as yet unchecked, and the facts of the file it was read from. Raises WorkspaceError."""
    try:
        content, facts = read_plain(run_path / RECORD)
    except FileNotFoundError:
        raise LostRecord("no run.json") from None
    except OSError as error:
        raise WorkspaceError(f"run.json cannot be read: {error.strerror}") from error
    try:
        return all_printable(parse_json(content, _finite)), facts
    except ValueError as error:
        raise LostRecord("run.json is not whole JSON") from error


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} is no number of JSON")
    return number


def write_record(run_path: Path, record: RunRecord) -> None:
    """Replace a run's run.json in one step; raises WorkspaceError."""
    write_private(run_path / RECORD, record.to_json())


def parse_record(data: Any) -> RunRecord:
    """Check what run.json holds. Raises WorkspaceError."""
    if not isinstance(data, dict) or not isinstance(data.get("schema"), int):
        raise WorkspaceError("run.json is not one of ours")
    if data["schema"] > SCHEMA:
        raise WorkspaceError(
            "run.json has schema {}, newer than this rlkit's {}".format(data["schema"], SCHEMA)
        )
    missing = [key for key in _REQUIRED if key not in data]
    if missing:
        raise LostRecord("run.json lacks {}".format(", ".join(missing)))
    for key, allowed in _TYPES.items():
        if key in data and type(data[key]) not in allowed:  # a bool is no int here
            raise LostRecord(f"run.json: {key} is {data[key]!r}")
    if data["kind"] not in KINDS or data["state"] not in STATES:
        raise LostRecord("run.json: unknown kind or state ({}, {})".format(data["kind"], data["state"]))
    if not 0 < (data.get("sequence") or 1) <= LAST_SEQUENCE:
        raise LostRecord("run.json: sequence is {}".format(data["sequence"]))
    _check_inside(data)
    try:
        parse_time(data["created"])
    except ValueError as error:
        raise LostRecord("run.json: created is {!r}".format(data["created"])) from error
    extra = {key: value for key, value in data.items() if key not in _TYPES}
    return RunRecord(**{key: data[key] for key in data if key in _TYPES}, extra=extra)


def _check_inside(data: Mapping[str, Any]) -> None:
    """Raise LostRecord for what the lists and sections of a record cannot hold."""
    if not all(isinstance(iteration, int) for iteration in data.get("saved", {}).values()):
        raise LostRecord("run.json: saved is {!r}".format(data["saved"]))
    if not all(type(value) in (int, float) for value in data.get("best_by", {}).values()):
        raise LostRecord("run.json: best_by is {!r}".format(data["best_by"]))
    if not all(isinstance(start, dict) for start in data.get("starts", [])):
        raise LostRecord("run.json: starts is {!r}".format(data["starts"]))


def format_time(moment: datetime) -> str:
    """A moment as UTC ISO 8601 with microseconds and a final Z."""
    return moment.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def parse_time(text: str) -> datetime:
    """The reverse of format_time; raises ValueError."""
    if _MOMENT.fullmatch(text) is None:
        raise ValueError(f"{text!r} is no moment in UTC with microseconds")
    return datetime.fromisoformat(f"{text[:-1]}+00:00")
