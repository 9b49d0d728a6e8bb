"""What metrics are written to: metrics.jsonl, TensorBoard, a tracker of others."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, Mapping


class Writer(ABC):
    """Takes the numbers of a training; what of the rest it has no place for, it leaves."""

    @abstractmethod
    def write(self, iteration: int, env_steps: int, wall_time: float, metrics: Mapping[str, float]) -> None:
        """One iteration. wall_time: seconds of training so far. Raises WorkspaceError, where a file of ours fails."""

    def add_video(self, name: str, path: Path, iteration: int) -> None:
        """Show a GIF or an MP4."""

    def add_file(self, name: str, path: Path, facts: Mapping[str, Any]) -> None:
        """Keep a file with the run, and what there is to say of it."""

    @abstractmethod
    def close(self, state: str) -> None:
        """The run is over: done, interrupted or failed."""
