"""A training's end of a tracker: it puts lines into a queue and goes on, whatever becomes of them."""

from __future__ import annotations

import json
import logging
import math
import queue
import subprocess
import tempfile
import threading
import time
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any, Callable, Mapping

from rlkit.config.schema.trackers import TRACKERS
from rlkit.masking import masked
from rlkit.packages import python
from rlkit.runtime.progress.writer import Writer
from rlkit.runtime.trackers.api import Job, Opened
from rlkit.untrusted import in_one_line

log = logging.getLogger("rlkit")

MOST_WAITING = 2000  # lines, about 2 kB each
PATIENCE = 60.0  # seconds at the end, in which a tracker may take what is left
IMPATIENCE = 10.0  # the same where somebody wants it to end, or something has failed
_POLL = 0.02

_CODE = "from rlkit.runtime.trackers.worker import main; main()"


class TrackerProcess(Writer):
    """Writes to a tracker in another process. Nothing here raises or waits but `close`, and that not for long.

    A tracker that fails, or is behind by MOST_WAITING lines, costs one warning and is told no more.
    """

    def __init__(
        self,
        job: Job,
        remember: Callable[[Opened], None],
        *,
        videos: bool = True,
        most_waiting: int = MOST_WAITING,
        patience: float = PATIENCE,
    ) -> None:
        """remember: hears, in the training's thread, where the tracker has the run. videos: whether it gets them."""
        self._label = TRACKERS[job.tracker].label
        self._remember, self._videos, self._patience = remember, videos, patience
        self._lines: queue.Queue[str] = queue.Queue(most_waiting)
        self._answers: queue.SimpleQueue[Opened] = queue.SimpleQueue()
        self._over = False  # told no more
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the process
        try:
            self._process = subprocess.Popen(
                python(_CODE),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                text=True,
                start_new_session=True,
            )
        except OSError as error:
            self._process = None
            self._give_up(f"cannot be started ({error})")
            return
        self._put(asdict(job))
        self._listener = threading.Thread(target=self._listen, daemon=True)
        for thread in (self._listener, threading.Thread(target=self._feed, daemon=True)):
            thread.start()

    def write(self, iteration: int, env_steps: int, wall_time: float, metrics: Mapping[str, float]) -> None:
        """Tell it the numbers of an iteration; wall_time [s]."""
        numbers = {"env_steps": env_steps, "wall_time": wall_time, **metrics}
        # JSON of Python's own takes inf and nan too.
        self._put(("write", [iteration, {name: _plain(value) for name, value in numbers.items()}]))

    def add_video(self, name: str, path: Path, iteration: int) -> None:
        """Tell it of a GIF or an MP4."""
        if self._videos:
            self._put(("video", [name, str(path.absolute()), iteration]))

    def add_file(self, name: str, path: Path, facts: Mapping[str, Any]) -> None:
        """Tell it of a file to be kept."""
        self._put(("file", [name, str(path.absolute()), dict(facts)]))

    def close(self, state: str) -> None:
        """Let it take what is left, for `patience` seconds at most (IMPATIENCE if not done), then end it."""
        self._patience = self._patience if state == "done" else min(self._patience, IMPATIENCE)
        self._put(("close", [state]))
        if self._process is None:
            return
        try:
            self._wait()
        finally:
            if self._process.poll() is None:
                self._process.kill()
            self._process.wait()
            self._listener.join(1.0)
            self._look(ended_is_well=True)
            self._over = True
            for stream in (self._process.stdin, self._process.stdout, self._errors):
                with suppress(OSError):  # what was not taken any more
                    if stream is not None:
                        stream.close()

    def _wait(self) -> None:
        assert self._process is not None
        started = time.monotonic()
        told = False
        while not self._over and self._process.poll() is None:
            waited = time.monotonic() - started
            if waited > self._patience:
                self._give_up(f"has not taken everything after {self._patience:.0f} s")
                return
            if waited > 2.0 and not told:
                log.info("waiting for %s to take the last numbers ...", self._label)
                told = True
            time.sleep(_POLL)
            self._look(ended_is_well=True)

    def _put(self, message: Any) -> None:
        self._look()
        if self._over:
            return
        try:
            self._lines.put_nowait(json.dumps(message) + "\n")
        except queue.Full:
            self._give_up(f"is {self._lines.maxsize} iterations behind")

    def _look(self, *, ended_is_well: bool = False) -> None:
        """See how it stands: whether it has opened, or ended."""
        with suppress(queue.Empty):
            self._remember(self._answers.get_nowait())
        if self._over or self._process is None:
            return
        status = self._process.poll()
        if status is None or (status == 0 and ended_is_well):
            return
        self._give_up(f"has failed: {self._last_words() or f'exit status {status}'}")

    def _give_up(self, why: str) -> None:
        """The one warning."""
        self._over = True
        log.warning(
            "%s %s; it is told no more, and the training goes on: metrics.jsonl and TensorBoard have everything",
            self._label,
            why,
        )

    def _last_words(self) -> str:
        self._errors.seek(0)
        lines = self._errors.read().decode("utf-8", "replace").strip().splitlines()
        return in_one_line(masked(lines[-1]))[:400] if lines else ""

    # In threads of their own, which wait where this process must not.

    def _feed(self) -> None:
        assert self._process is not None and self._process.stdin is not None
        with suppress(OSError, ValueError):  # it has ended, or was closed: `_look` says why
            while True:
                self._process.stdin.write(self._lines.get())
                self._process.stdin.flush()

    def _listen(self) -> None:
        assert self._process is not None and self._process.stdout is not None
        with suppress(OSError, ValueError):
            line = self._process.stdout.readline()
            if line.endswith("\n"):
                self._answers.put(Opened(**json.loads(line)))


def _plain(value: float) -> float:
    """numpy's and torch's numbers as Python's own."""
    number = float(value)
    return int(number) if math.isfinite(number) and isinstance(value, int) else number
