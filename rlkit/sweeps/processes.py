"""The jobs of a sweep as processes on this machine: so many at a time, none of which can end another."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, NamedTuple, Sequence

from rlkit.packages import python, starts_script
from rlkit.runtime.process.stopping import StopRequest
from rlkit.sweeps.shares import Share
from rlkit.workspace.sweeps import JOB_VARIABLE, SweepJob

_POLL = 0.1  # seconds between two looks at the processes
_LOOK = 2.0  # seconds between two looks at what the jobs have written
_START = "sys.argv[0] = {name!r}\nfrom rlkit.{module} import main\nsys.exit(main())"


class Ended(NamedTuple):
    """How a job's process ended. status: as of subprocess, minus the number of a signal that killed it."""

    job: SweepJob
    status: int
    seconds: float
    console: Path | None  # what it printed, None where it printed here


@dataclass
class _Running:
    job: SweepJob
    process: subprocess.Popen[bytes]
    share: Share
    began: float
    console: Path | None


class Processes:
    """Starts jobs, `len(shares)` at a time, until there are no more or somebody says stop.

    folder: the sweep's, where what several jobs at a time print is kept, a file each. options: words for all of them.
    """

    def __init__(self, folder: Path, shares: Sequence[Share], options: Sequence[str] = ()) -> None:
        self._folder, self._options = folder, tuple(options)
        self._free: list[Share] = list(shares)
        self._running: dict[int, _Running] = {}
        self._alone = len(shares) == 1

    @property
    def running(self) -> list[SweepJob]:
        """The jobs that are under way."""
        return [running.job for running in self._running.values()]

    def carry_out(
        self,
        next_job: Callable[[], SweepJob | None],
        started: Callable[[SweepJob, Path | None], None],
        ended: Callable[[Ended], Any],
        look: Callable[[], None] = lambda: None,
    ) -> int | None:
        """Carry out what next_job gives, until it gives None; returns the signal that ended it earlier, if one did.

        look: called now and then. The first signal is handed on to all jobs, which save and end; so is a second one,
        which ends them at once.
        """
        stop = StopRequest(lambda: self._signal_all(stop.signal))
        looked, more = time.monotonic(), True
        with stop:
            while more or self._running:
                try:
                    while more and self._free and not stop.asked:
                        job = next_job()
                        more = job is not None
                        if job is not None:
                            self._start(job, started)
                    more = more and not stop.asked
                    self._collect(ended)
                    if time.monotonic() - looked > _LOOK:
                        look()
                        looked = time.monotonic()
                    if self._running:
                        time.sleep(_POLL)
                except KeyboardInterrupt:
                    self._signal_all(signal.SIGINT)
        return stop.signal if stop.asked else None

    def end(self, number: int) -> None:
        """Ask the job of this number to save and end."""
        if number in self._running:
            self._signal(self._running[number], signal.SIGTERM)

    def _start(self, job: SweepJob, started: Callable[[SweepJob, Path | None], None]) -> None:
        share = self._free.pop(0)
        console = None if self._alone else self._folder / f"job_{job.number}.log"
        started(job, console)
        environment = {**os.environ, **share, JOB_VARIABLE: f"{self._folder.name}/{job.number}"}
        with _appended(console) as output:
            process = subprocess.Popen(
                _command([*self._options, *job.words]),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=environment,
                start_new_session=True,  # Ctrl-C comes from here alone: twice means at once
                preexec_fn=_end_with_parent if sys.platform == "linux" else None,
            )
        self._running[job.number] = _Running(job, process, share, time.monotonic(), console)

    def _collect(self, ended: Callable[[Ended], Any]) -> None:
        for running in list(self._running.values()):
            status = running.process.poll()
            if status is not None:
                del self._running[running.job.number]
                self._free.append(running.share)
                seconds = time.monotonic() - running.began
                ended(Ended(running.job, status, seconds, running.console))

    def _signal_all(self, number: int) -> None:
        for running in list(self._running.values()):
            self._signal(running, number)

    @staticmethod
    def _signal(running: _Running, number: int) -> None:
        if running.process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                running.process.send_signal(number)


def _command(words: Sequence[str]) -> list[str]:
    """What trains with these words in another process, called what a user would call it."""
    if starts_script():
        return [*python(_START.format(name="train.py", module="app")), *words]
    return [*python(_START.format(name="rlkit", module="cli")), "train", *words]


@contextlib.contextmanager
def _appended(console: Path | None) -> Any:
    """The file that a job prints to, for its owner's eyes; None, which is where this process prints, without one."""
    if console is None:
        sys.stdout.flush()
        yield None
        return
    descriptor = os.open(console, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _end_with_parent() -> None:
    """In the new process, on Linux: be told to save and end where the sweep's process is gone."""
    import ctypes

    set_death_signal = 1  # PR_SET_PDEATHSIG of <linux/prctl.h>
    ctypes.CDLL(None).prctl(set_death_signal, signal.SIGTERM)
