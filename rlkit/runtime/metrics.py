"""Metrics of a run: one JSON line an iteration, and the same numbers for TensorBoard.

Names (docs/metrics.md): `episode/*`, `reward/<term>`, `success/<criterion>`, `failure/<criterion>`,
`losses/*`, `policy/*`, `time/*`, `rate/*`. This is the only module that knows trackers.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Mapping, TextIO

from tensorboard.compat.proto.summary_pb2 import Summary  # pyright: ignore[reportAttributeAccessIssue]
from torch.utils.tensorboard.writer import SummaryWriter


class MetricsWriter:
    """Appends to `metrics.jsonl` and to TensorBoard's event file; both are readable after a kill."""

    def __init__(self, jsonl: Path, summaries: Path, *, first_iteration: int) -> None:
        """first_iteration: the first to be written; lines from it on, of a continued run, are dropped."""
        if jsonl.exists():
            _drop_from(jsonl, first_iteration)
        self._file: TextIO = jsonl.open("a", encoding="utf-8")
        self._board = SummaryWriter(str(summaries), purge_step=first_iteration, flush_secs=10)

    def write(self, iteration: int, env_steps: int, wall_time: float, metrics: Mapping[str, float]) -> None:
        """Write one iteration. wall_time: seconds of training so far. Non-finite numbers are null in JSON."""
        line = {"iteration": iteration, "env_steps": env_steps, "wall_time": round(wall_time, 3)}
        line.update({name: value if math.isfinite(value) else None for name, value in metrics.items()})
        self._file.write(json.dumps(line) + "\n")
        self._file.flush()
        for name, value in metrics.items():
            self._board.add_scalar(name, value, iteration)

    def add_gif(self, name: str, gif: Path, iteration: int) -> None:
        """Show a small moving picture in TensorBoard's images."""
        content = gif.read_bytes()
        width, height = int.from_bytes(content[6:8], "little"), int.from_bytes(content[8:10], "little")
        image = Summary.Image(height=height, width=width, colorspace=3, encoded_image_string=content)
        summary = Summary(value=[Summary.Value(tag=name, image=image)])
        self._board._get_file_writer().add_summary(summary, iteration)

    def close(self) -> None:
        """Flush and close both files."""
        self._file.close()
        self._board.close()


def _drop_from(jsonl: Path, iteration: int) -> None:
    """Keep the lines before `iteration`; a line torn by a kill goes too."""
    kept = []
    for line in jsonl.read_text(encoding="utf-8").splitlines():
        try:
            if json.loads(line)["iteration"] < iteration:
                kept.append(line + "\n")
        except (json.JSONDecodeError, KeyError):
            continue
    jsonl.write_text("".join(kept), encoding="utf-8")


def read_metrics(jsonl: Path) -> list[dict[str, float]]:
    """The lines of a `metrics.jsonl`, without one that a kill has torn."""
    rows = []
    for line in jsonl.read_text(encoding="utf-8").splitlines():
        try:
            rows.append(json.loads(line))
        except json.JSONDecodeError:
            continue
    return rows
