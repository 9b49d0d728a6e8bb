"""Hot reload: which checkpoint of a run that still trains is newer than the one that plays."""

from __future__ import annotations

import logging
import re
import time
from pathlib import Path
from typing import Tuple

from rlkit.runtime.checkpoints.head import CheckpointError, read_head
from rlkit.workspace import Resolved, checkpoints_in, read_entry

log = logging.getLogger("rlkit")

_ONE_FILE = re.compile(r".+(\.pth|:(best|last|\d+))")

Stamp = Tuple[int, int]
"""Time of change [ns] and size: another file when either differs. Checkpoints are replaced whole."""


class Follower:
    """Looks, every `interval` seconds at most, for a checkpoint that is newer than the one playing.

    asked: what the user typed. A run is followed by its newest checkpoint, a file (or `run:best`) by itself. A file
    that cannot be read is reported once and passed over.
    """

    def __init__(self, asked: str, source: Resolved, interval: float) -> None:
        self._run = source.run_path
        self._file = source.checkpoint if self._run is None or _ONE_FILE.fullmatch(asked) else None
        self._interval = interval
        self._seen: dict[Path, Stamp] = {path: stamp for path in self._files() if (stamp := _stamp(path))}
        self._looked = time.monotonic()

    @property
    def what(self) -> str:
        """What is followed, in words."""
        return str(self._file) if self._file is not None else f"run {self._run.name if self._run else '?'}"

    @property
    def live(self) -> bool:
        """Whether somebody still trains what is followed."""
        return self._run is not None and read_entry(self._run).state == "running"

    def newer(self, playing: int) -> Path | None:
        """A checkpoint that came since the last look: of a run the one of the highest iteration, if above `playing`."""
        if time.monotonic() - self._looked < self._interval:
            return None
        return self.newer_now(playing)

    def newer_now(self, playing: int) -> Path | None:
        """The same, without waiting for the interval to pass."""
        self._looked = time.monotonic()
        best: Path | None = None
        for path in self._files():
            stamp = _stamp(path)
            if stamp is None or stamp == self._seen.get(path):
                continue
            self._seen[path] = stamp
            try:
                iteration = read_head(path).iteration
            except CheckpointError as error:
                log.warning("passed over: %s", error)
                continue
            if self._file is not None or iteration > playing:
                best, playing = path, iteration
        return best

    def _files(self) -> tuple[Path, ...]:
        if self._file is not None:
            return (self._file,)
        assert self._run is not None
        return tuple(checkpoints_in(self._run / "nn").values())


def _stamp(path: Path) -> Stamp | None:
    """None where the file is just not there."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size
