"""Metrics of a run: one JSON line an iteration, and the same numbers for TensorBoard and trackers.

Names (docs/metrics.md): `episode/*`, `reward/<term>`, `success/<criterion>`, `failure/<criterion>`,
`losses/*`, `policy/*`, `time/*`, `rate/*`. Trackers of others: rlkit.runtime.trackers.
"""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any, BinaryIO, Mapping, Sequence

from tensorboard.compat.proto.summary_pb2 import (
    Summary,  # pyright: ignore[reportAttributeAccessIssue]
    SummaryMetadata,  # pyright: ignore[reportAttributeAccessIssue]
)

from rlkit.runtime.progress.event_file import EventFile, append
from rlkit.runtime.progress.writer import Writer
from rlkit.workspace import write_atomic
from rlkit.workspace.store.errors import explained

# What `write` wrote, told without parsing all of it
_OURS = re.compile(rb'\{"iteration": (\d{1,18}), .*\}\n')


class MetricsWriter:
    """Writes to `metrics.jsonl`, to TensorBoard's event file and to trackers; the files are readable after a kill."""

    def __init__(
        self, jsonl: Path, summaries: Path, *, first_iteration: int, units: Mapping[str, str] | None = None
    ) -> None:
        """first_iteration: the first to be written; lines from it on, of a continued run, are dropped. units: of the
        metrics that have one, by name; TensorBoard shows them.

        Raises WorkspaceError where the files cannot be written.
        """
        self.state = "failed"  # what `close` tells, unless somebody knows better
        lines = JsonLines(jsonl, first_iteration=first_iteration)
        self._writers: list[Writer] = [
            lines,
            TensorBoard(summaries, first_iteration=first_iteration, units=units or {}),
        ]

    def add(self, trackers: Sequence[Writer]) -> None:
        """Write to these too, and first: they never fail, and a full disk is no reason to tell them nothing."""
        self._writers[:0] = trackers

    def write(self, iteration: int, env_steps: int, wall_time: float, metrics: Mapping[str, float]) -> None:
        """Write one iteration. wall_time: seconds of training so far. Non-finite numbers are null in JSON.

        Raises WorkspaceError where the disk does not take the line: no part of it is then left.
        """
        for writer in self._writers:
            writer.write(iteration, env_steps, wall_time, metrics)

    def add_video(self, name: str, path: Path, iteration: int) -> None:
        """Show a GIF or an MP4: small moving pictures among TensorBoard's images, both where trackers show videos."""
        for writer in self._writers:
            writer.add_video(name, path, iteration)

    def add_file(self, name: str, path: Path, facts: Mapping[str, Any]) -> None:
        """Give a file to the trackers."""
        for writer in self._writers:
            writer.add_file(name, path, facts)

    def close(self) -> None:
        """Close the files, and tell the trackers the state."""
        for writer in reversed(self._writers):
            writer.close(self.state)


class JsonLines(Writer):
    """metrics.jsonl: one JSON object an iteration."""

    def __init__(self, path: Path, *, first_iteration: int) -> None:
        """first_iteration: lines from it on are dropped. Raises WorkspaceError."""
        self._path = path
        with explained(f"write {path}"):
            if path.exists():
                _drop_from(path, first_iteration)
            self._file = path.open("ab", buffering=0)

    def write(self, iteration: int, env_steps: int, wall_time: float, metrics: Mapping[str, float]) -> None:
        line = {"iteration": iteration, "env_steps": env_steps, "wall_time": round(wall_time, 3)}
        line.update({name: value if math.isfinite(value) else None for name, value in metrics.items()})
        with explained(f"write {self._path}"):
            append(self._file, (json.dumps(line) + "\n").encode("utf-8"))

    def close(self, state: str) -> None:
        self._file.close()


class TensorBoard(Writer):
    """TensorBoard's event file."""

    def __init__(self, folder: Path, *, first_iteration: int, units: Mapping[str, str]) -> None:
        """first_iteration: what older files say from it on is not shown. units: by names of metrics, told once each, in
        the description that stands behind a chart's name. Raises WorkspaceError."""
        self._folder = folder
        self._untold = {
            name: SummaryMetadata(summary_description=f"in {unit}") for name, unit in units.items()
        }
        with explained(f"write {folder}"):
            self._events = EventFile(folder, first_step=first_iteration)

    def write(self, iteration: int, env_steps: int, wall_time: float, metrics: Mapping[str, float]) -> None:
        values = (
            Summary.Value(tag=name, simple_value=value, metadata=self._untold.pop(name, None))
            for name, value in metrics.items()
        )
        with explained(f"write {self._folder}"):
            self._events.add(iteration, values)

    def add_video(self, name: str, path: Path, iteration: int) -> None:
        if path.suffix != ".gif":
            return
        with explained(f"show {path} in TensorBoard"):
            content = path.read_bytes()
            width, height = int.from_bytes(content[6:8], "little"), int.from_bytes(content[8:10], "little")
            image = Summary.Image(height=height, width=width, colorspace=3, encoded_image_string=content)
            self._events.add(iteration, [Summary.Value(tag=name, image=image)])

    def close(self, state: str) -> None:
        self._events.close()


def _drop_from(jsonl: Path, iteration: int) -> None:
    """Keep the lines before `iteration`; one torn by a kill goes too. Nothing is written where all are kept."""

    def write(target: BinaryIO) -> None:
        with jsonl.open("rb") as lines:
            target.writelines(line for line in lines if _is_before(line, iteration))

    with jsonl.open("rb") as lines:
        drops = any(not _is_before(line, iteration) for line in lines)
    if drops:
        write_atomic(jsonl, write)


def _is_before(line: bytes, iteration: int) -> bool:
    ours = _OURS.fullmatch(line)
    if ours:
        return int(ours[1]) < iteration
    try:
        return line.endswith(b"\n") and json.loads(line)["iteration"] < iteration
    except (ValueError, LookupError, TypeError, RecursionError):
        return False
