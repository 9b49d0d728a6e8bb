"""What a tracker of others is to a training. It runs in a process of its own: worker.py, told by process.py."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Mapping


@dataclass(frozen=True)
class Job:
    """The run that a tracker is to open: plain values, secrets masked already.

    tracker: its row in rlkit.config.schema.trackers. folder: where it may put files of its own. id: of the tracker's
    run that is continued, None for a new one. process: whose use of the machine is measured, where `system` is asked.
    config: settings and how the run came about, nested.
    """

    tracker: str
    name: str
    folder: str
    project: str
    process: int
    mode: str = "online"
    id: str | None = None
    entity: str | None = None
    url: str | None = None
    group: str | None = None
    tags: tuple[str, ...] = ()
    notes: str | None = None
    system: bool = True
    config: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Opened:
    """Where the tracker has the run: its id there, its page and its files, None where there are none."""

    id: str
    url: str | None = None
    folder: str | None = None


class Tracker(ABC):
    """One run of one tracker. What its package raises ends its process, and is told as one warning."""

    @abstractmethod
    def __init__(self, job: Job) -> None:
        """Open the run; the package is imported here."""

    @property
    @abstractmethod
    def opened(self) -> Opened:
        """Where it is."""

    @abstractmethod
    def write(self, iteration: int, metrics: Mapping[str, float]) -> None:
        """Numbers of an iteration; they may be inf or nan."""

    @abstractmethod
    def add_video(self, name: str, path: Path, iteration: int) -> None:
        """Show a GIF or an MP4."""

    @abstractmethod
    def add_file(self, name: str, path: Path, facts: Mapping[str, Any]) -> None:
        """Keep a file with the run."""

    @abstractmethod
    def close(self, state: str) -> None:
        """End it as done, interrupted or failed; everything that was told is taken then."""


def flat(settings: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested settings by their full names, as training.seed."""
    found: dict[str, Any] = {}
    for key, value in settings.items():
        name = f"{prefix}{key}"
        found.update(flat(value, f"{name}.") if isinstance(value, Mapping) else {name: value})
    return found
