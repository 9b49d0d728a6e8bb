"""metrics.jsonl as columns of numbers, read without torch."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, List, Optional

import numpy as np

from rlkit.workspace import WorkspaceError

AXES = ("env_steps", "wall_time", "iteration")
"""What a curve can be drawn over; every line of metrics.jsonl has them."""


@dataclass(frozen=True)
class Metrics:
    """Columns `[rows]` by name, NaN where a line lacks the number or has null; AXES are always there."""

    columns: Dict[str, np.ndarray] = field(default_factory=dict)
    skipped: int = 0  # lines that could not be read, as a kill leaves one

    def __len__(self) -> int:
        return len(self.columns["iteration"]) if self.columns else 0

    @property
    def names(self) -> List[str]:
        """The metrics in the order in which they first appear."""
        return [name for name in self.columns if name not in AXES]

    def last(self, name: str) -> Optional[float]:
        """The newest number of a column; None where there is none."""
        column = self.columns.get(name)
        numbers = column[np.isfinite(column)] if column is not None else np.empty(0)
        return float(numbers[-1]) if len(numbers) else None


def read_metrics(path: Path) -> Metrics:
    """Read a metrics.jsonl; empty where there is no such file. Raises WorkspaceError where it may not be read."""
    rows: List[Dict[str, Any]] = []
    skipped = 0
    try:
        with path.open(encoding="utf-8", errors="replace") as lines:
            for line in lines:
                row = _row(line)
                if row is None:
                    skipped += 1
                else:
                    rows.append(row)
    except FileNotFoundError:
        return Metrics()
    except OSError as error:
        raise WorkspaceError(f"{path} cannot be read: {error.strerror}") from error
    return Metrics(_columns(rows), skipped)


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


def _row(line: str) -> Optional[Dict[str, Any]]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(row, dict) or not all(_is_number(row.get(axis)) for axis in AXES):
        return None
    return row


def _columns(rows: List[Dict[str, Any]]) -> Dict[str, np.ndarray]:
    columns: Dict[str, np.ndarray] = {}
    for index, row in enumerate(rows):
        for name, value in row.items():
            if name not in columns:
                columns[name] = np.full(len(rows), np.nan)
            if _is_number(value):
                columns[name][index] = value
    return columns


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
