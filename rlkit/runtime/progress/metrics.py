"""Metrics of a run: one JSON line an iteration, and the same numbers for TensorBoard.

Names (docs/metrics.md): `episode/*`, `reward/<term>`, `success/<criterion>`, `failure/<criterion>`,
`losses/*`, `policy/*`, `time/*`, `rate/*`. This is the only module that knows trackers.
"""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import BinaryIO, Mapping

from tensorboard.compat.proto.summary_pb2 import Summary  # pyright: ignore[reportAttributeAccessIssue]

from rlkit.runtime.progress.event_file import EventFile, append
from rlkit.workspace import write_atomic
from rlkit.workspace.store.errors import explained

# What `write` wrote, told without parsing all of it
_OURS = re.compile(rb'\{"iteration": (\d{1,18}), .*\}\n')


class MetricsWriter:
    """Appends to `metrics.jsonl` and to TensorBoard's event file; both are readable after a kill."""

    def __init__(self, jsonl: Path, summaries: Path, *, first_iteration: int) -> None:
        """first_iteration: the first to be written; lines from it on, of a continued run, are dropped.

        Raises WorkspaceError where the file cannot be written.
        """
        self._path = jsonl
        with explained(f"write {jsonl}"):
            if jsonl.exists():
                _drop_from(jsonl, first_iteration)
            self._events = EventFile(summaries, first_step=first_iteration)
            self._file = jsonl.open("ab", buffering=0)

    def write(self, iteration: int, env_steps: int, wall_time: float, metrics: Mapping[str, float]) -> None:
        """Write one iteration. wall_time: seconds of training so far. Non-finite numbers are null in JSON.

        Raises WorkspaceError where the disk does not take the line: no part of it is then left.
        """
        line = {"iteration": iteration, "env_steps": env_steps, "wall_time": round(wall_time, 3)}
        line.update({name: value if math.isfinite(value) else None for name, value in metrics.items()})
        with explained(f"write {self._path}"):
            append(self._file, (json.dumps(line) + "\n").encode("utf-8"))
            values = (Summary.Value(tag=name, simple_value=value) for name, value in metrics.items())
            self._events.add(iteration, values)

    def add_gif(self, name: str, gif: Path, iteration: int) -> None:
        """Show a small moving picture in TensorBoard's images."""
        with explained(f"show {gif} in TensorBoard"):
            content = gif.read_bytes()
            width, height = int.from_bytes(content[6:8], "little"), int.from_bytes(content[8:10], "little")
            image = Summary.Image(height=height, width=width, colorspace=3, encoded_image_string=content)
            self._events.add(iteration, [Summary.Value(tag=name, image=image)])

    def close(self) -> None:
        """Close both files."""
        self._file.close()
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
