"""metrics.jsonl as columns of numbers, read without torch."""

from __future__ import annotations

import errno
import json
import math
import os
from array import array
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from rlkit.untrusted import open_regular
from rlkit.workspace import WorkspaceError

ROWS = 50_000
"""More lines than this are thinned while they are read: a chart shows POINTS of them."""

AXES = ("env_steps", "wall_time", "iteration")
"""What a curve can be drawn over; every line of metrics.jsonl has them."""

_EVALUATED = b'"eval/return"'
_MOST_COLUMNS = 2000
_CHUNK = 1 << 20  # bytes; a line is shorter
_MOST_BYTES = 1 << 34  # some million lines: half a minute


@dataclass(frozen=True)
class Metrics:
    """Columns `[rows]` by name, NaN where a line lacks the number or has null; AXES are always there."""

    columns: dict[str, np.ndarray] = field(default_factory=dict)
    skipped: int = 0  # lines that could not be read, as a kill leaves one

    def __len__(self) -> int:
        return len(self.columns["iteration"]) if self.columns else 0

    @property
    def names(self) -> list[str]:
        """The metrics in the order in which they first appear."""
        return [name for name in self.columns if name not in AXES]

    def last(self, name: str) -> float | None:
        """The newest number of a column; None where there is none."""
        column = self.columns.get(name)
        numbers = column[np.isfinite(column)] if column is not None else np.empty(0)
        return float(numbers[-1]) if len(numbers) else None


def read_metrics(path: Path) -> Metrics:
    """Read a metrics.jsonl; empty where there is no such file. Raises WorkspaceError where it may not be read.

    Of a file with more than ROWS lines every n-th is read, with every one that holds an evaluation and the last: memory
    and time do not grow with the length of a training.
    """
    try:
        with open_regular(path) as file:
            size = os.fstat(file.fileno()).st_size
            if size > _MOST_BYTES:
                raise OSError(errno.EFBIG, f"it has {size:,} bytes; at most {_MOST_BYTES:,} are read")
            lines = sum(chunk.count(b"\n") for chunk in iter(lambda: file.read(_CHUNK), b""))
            stride = 1 + lines // ROWS
            file.seek(0)
            return _thinned(file, stride)
    except FileNotFoundError:
        return Metrics()
    except OSError as error:
        raise WorkspaceError(f"{path} cannot be read: {error.strerror}") from error


def continued(before: Metrics, after: Metrics) -> Metrics:
    """The rows of a run before the iteration with which its continuation `after` begins, then those of `after`."""
    if not len(after):
        return Metrics(before.columns, before.skipped + after.skipped)
    if not len(before):
        return Metrics(after.columns, before.skipped + after.skipped)
    kept = before.columns["iteration"] < after.columns["iteration"][0]
    columns = {}
    for name in [*before.columns, *(name for name in after.columns if name not in before.columns)]:
        parts = (
            before.columns.get(name, np.full(len(before), np.nan))[kept],
            after.columns.get(name, np.full(len(after), np.nan)),
        )
        columns[name] = np.concatenate(parts)
    return Metrics(columns, before.skipped + after.skipped)


def _thinned(file: BinaryIO, stride: int) -> Metrics:
    table = _Table()
    line, evaluations = b"", 0
    for number, line in enumerate(iter(lambda: file.readline(_CHUNK), b"")):
        evaluated = stride > 1 and _EVALUATED in line
        evaluations += evaluated
        if number % stride == 0 or (evaluated and evaluations <= ROWS):
            table.add(line)
            line = b""
    if line:
        table.add(line)
    return table.metrics()


class _Table:
    """Columns that grow row by row, so that no row is kept as a dict of its own."""

    def __init__(self) -> None:
        self._columns: dict[str, array[float]] = {name: array("d") for name in AXES}
        self._rows = self._skipped = 0

    def add(self, line: bytes) -> None:
        """Take a line, or count it as skipped."""
        row = _row(line)
        if row is None:
            self._skipped += 1
            return
        for name, value in row.items():
            if name not in self._columns and len(self._columns) < _MOST_COLUMNS:
                self._columns[name] = array("d")
            number = _number(value)
            if not math.isnan(number) and name in self._columns:
                self._padded(name).append(number)
        self._rows += 1

    def _padded(self, name: str) -> array[float]:
        column = self._columns[name]
        column.extend([math.nan] * (self._rows - len(column)))
        return column

    def metrics(self) -> Metrics:
        """All rows that were added."""
        if not self._rows:
            return Metrics(skipped=self._skipped)
        return Metrics({name: np.array(self._padded(name)) for name in self._columns}, self._skipped)


def _row(line: bytes) -> dict[str, Any] | None:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(row, dict) or not all(math.isfinite(_number(row.get(axis))) for axis in AXES):
        return None
    return row


def _number(value: Any) -> float:
    """NaN for what is no number, or too large for one."""
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return math.nan
    try:
        return float(value)
    except OverflowError:
        return math.nan
