"""Videos made one after another beside a training, out of its way: another process, at the lowest priority."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Callable, Iterable, Sequence

from rlkit.media.gl import last_line
from rlkit.media.render import command

MAX_WAITING = 4
TIMEOUT_SECONDS = 1800.0  # at the lowest priority beside a training that takes every core
_POLL_SECONDS = 0.1
_END_SECONDS = 2.0


@dataclass(frozen=True)
class Finished:
    """A video that was made (ok), or not: `message` then says why in one line."""

    out: Path
    gif: Path | None
    ok: bool
    message: str


@dataclass(frozen=True)
class _Job:
    words: Sequence[str]
    out: Path
    gif: Path | None

    def failed(self, message: str) -> Finished:
        return Finished(self.out, self.gif, False, message)


@dataclass(frozen=True)
class _Running:
    job: _Job
    process: subprocess.Popen
    output: IO[bytes]
    started: float


class RenderQueue:
    """Renders saved recordings in the background; `poll` does the work, no thread is needed.

    Nothing that goes wrong with a video is raised: it is told as a Finished. When more than `max_waiting` wait,
    the oldest of them is given up. A video that takes longer than `timeout` s is ended.
    """

    def __init__(self, max_waiting: int = MAX_WAITING, timeout: float = TIMEOUT_SECONDS) -> None:
        self._max_waiting, self._timeout = max_waiting, timeout
        self._waiting: deque[_Job] = deque()
        self._running: _Running | None = None
        self._finished: list[Finished] = []
        self._gently = True

    def submit(
        self,
        sources: Sequence[Path],
        out: Path,
        *,
        gif: Path | None = None,
        size: tuple[int, int] = (640, 480),
        camera: str | None = None,
        trusted: Iterable[str] = (),
    ) -> None:
        """Have a video made of these recordings (see rlkit.media.video.write_video), when its turn comes."""
        self._waiting.append(_Job(command(sources, out, gif, size, camera, trusted), out, gif))
        self._advance()
        if len(self._waiting) > self._max_waiting:
            given_up = self._waiting.popleft()
            self._finished.append(given_up.failed("newer episodes came faster than videos can be made here"))

    def poll(self) -> list[Finished]:
        """What was finished since the last call; starts the next. Does not block."""
        self._advance()
        finished, self._finished = self._finished, []
        return finished

    def wait(
        self, tell: Callable[[str], None], given_up: Callable[[], bool] = lambda: False
    ) -> list[Finished]:
        """Make all that is left, now at normal priority; `tell` hears of each video that begins.

        given_up: asked now and then whether to leave what is not made yet.
        """
        self._gently = False
        if self._running:
            _hurry(self._running.process.pid)
        finished, told = self.poll(), None
        while self._running and not given_up():
            if told is not self._running:
                told = self._running
                tell(f"rendering {told.job.out.name} ({len(self._waiting)} more to come)")
            time.sleep(_POLL_SECONDS)
            finished += self.poll()
        return finished

    def close(self) -> None:
        """End the video that is being made, and forget those that wait."""
        self._waiting.clear()
        if self._running:
            self._stop(self._running)
            self._running.output.close()
            self._running = None

    def _advance(self) -> None:
        running = self._running
        if running and running.process.poll() is None:
            if time.monotonic() - running.started < self._timeout:
                return
            self._stop(running)
            self._settle(running, f"it was not done within {self._timeout:g} s")
        elif running:
            self._settle(running, None)
        while self._waiting and self._running is None:
            job = self._waiting.popleft()
            try:
                self._running = _start(job, self._gently)
            except OSError as error:
                self._finished.append(job.failed(f"its process could not be started: {error}"))

    def _settle(self, running: _Running, problem: str | None) -> None:
        running.output.seek(0)
        said = last_line(running.output.read().decode("utf-8", "replace"))
        running.output.close()
        self._running = None
        status = running.process.returncode
        if problem is None and status:
            problem = said or (f"signal {-status} ended it" if status < 0 else f"exit status {status}")
        job = running.job
        self._finished.append(job.failed(problem) if problem else Finished(job.out, job.gif, True, said))

    def _stop(self, running: _Running) -> None:
        """End the process and its ffmpeg: politely, so that they clean up, then by force."""
        process = running.process
        with suppress(subprocess.TimeoutExpired):
            process.terminate()
            process.wait(_END_SECONDS)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _start(job: _Job, gently: bool) -> _Running:
    """Start in a session of its own: a Ctrl-C in the terminal is for the training alone."""
    output = tempfile.TemporaryFile()  # noqa: SIM115  (closed when the process has ended)
    try:
        process = subprocess.Popen(
            job.words, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        )
    except OSError:
        output.close()
        raise
    if gently:
        _step_aside(process.pid)
    return _Running(job, process, output, time.monotonic())


def _step_aside(pid: int) -> None:
    """Let the process run only where nothing else wants to."""
    with suppress(ProcessLookupError):
        try:
            os.sched_setscheduler(pid, os.SCHED_IDLE, os.sched_param(0))
        except (AttributeError, PermissionError):  # not Linux, or a container that forbids it
            os.setpriority(os.PRIO_PROCESS, pid, 19)


def _hurry(pid: int) -> None:
    """Give every thread of the process and its children the normal priority again, where the system lets us."""
    with suppress(OSError, AttributeError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            os.sched_setscheduler(int(task.name), os.SCHED_OTHER, os.sched_param(0))
            for child in (task / "children").read_text().split():
                _hurry(int(child))
