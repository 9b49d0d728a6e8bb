"""What each run.json of an archive held when it was last read: a cache, so that thousands need not be read anew.

An entry counts only while the file's own facts are the ones it was read with; whatever is in doubt is read from
run.json. Nothing is lost with the index. Each user has one, since runs of others may not be theirs to read.
"""

from __future__ import annotations

import json
import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from rlkit.untrusted import read_plain
from rlkit.workspace.store.errors import WorkspaceError
from rlkit.workspace.store.files import write_private
from rlkit.workspace.store.layout import RECORD
from rlkit.workspace.store.record import RUNNING, RunRecord, load_record, parse_record

_VERSION = 1
_MOST_BYTES = 1 << 28
# Writing the index costs as much as reading a hundred records, so it is behind by up to this many.
_SLACK = 50
# A file that is replaced twice within one tick of the clock may have the same facts twice.
_SETTLED_SECONDS = 2.0


class Index:
    """The records of the runs in one archive: look all of them up with `record`, then `save`."""

    def __init__(self, archive: Path) -> None:
        self._path = archive / f".index.{os.geteuid()}.json"
        self._known = _load(self._path)
        self._current: dict[str, Any] = {}
        self._added = 0

    def record(self, run_path: Path) -> RunRecord:
        """The record of a run, read from run.json unless that is the file the index knows. Raises WorkspaceError."""
        known = self._known.get(run_path.name)
        if isinstance(known, list) and len(known) == 2:
            with suppress(OSError, WorkspaceError):
                if known[0] == _facts(os.stat(f"{run_path}/{RECORD}")):  # noqa: PTH116 - of thousands of runs
                    record = parse_record(known[1])
                    self._current[run_path.name] = known
                    return record
        data, facts = load_record(run_path)
        record = parse_record(data)
        if record.state != RUNNING and facts.st_mtime <= time.time() - _SETTLED_SECONDS:
            self._current[run_path.name] = [_facts(facts), data]
            self._added += 1
        return record

    def save(self) -> None:
        """Write the index anew where that pays; an archive that is not ours to write does without."""
        gone = len(self._known) - (len(self._current) - self._added)
        if max(self._added, gone) > _SLACK:
            with suppress(WorkspaceError, ValueError):
                content = {"version": _VERSION, "runs": self._current}
                write_private(self._path, json.dumps(content, separators=(",", ":")))


def _facts(facts: os.stat_result) -> list[int]:
    """What changes with the file, whatever is done to its times afterwards."""
    return [facts.st_mtime_ns, facts.st_ctime_ns, facts.st_size, facts.st_ino]


def _load(path: Path) -> dict[str, Any]:
    """The entries of an index of our own; none where there is any doubt about it."""
    try:
        content = json.loads(read_plain(path, _MOST_BYTES)[0].decode("utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    runs = content.get("runs") if isinstance(content, dict) and content.get("version") == _VERSION else None
    return runs if isinstance(runs, dict) else {}
