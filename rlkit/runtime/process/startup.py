"""How long the start took, from the process's birth to the first iteration, and where the time went."""

from __future__ import annotations

import logging
import os
import time
from pathlib import Path

from rlkit.runtime.process.stopping import StopAtOnce
from rlkit.runtime.process.waiting import Waiting

log = logging.getLogger("rlkit")


class Startup:
    """Named laps; between them a start that was told to stop gives up. A process has one: `startup`."""

    def __init__(self, stop: StopAtOnce | None = None) -> None:
        self._waiting = Waiting(log.info)
        self._last = time.perf_counter() - process_age()
        self.restart(stop or StopAtOnce())
        self._reported = stop is None  # nothing starts yet

    def restart(self, stop: StopAtOnce) -> None:
        """A start begins, which `stop` may break off.

        What came before it is called configuration: since the process's birth, in a sweep since the last run's end.
        """
        self.stop = stop
        self._laps: list[tuple[str, float]] = []
        self.lap("configuration")
        self._reported = False

    def begin(self, what: str) -> None:
        """What comes next, up to the next lap, in words that are said where it takes long."""
        self._waiting.begin(what)

    def lap(self, name: str) -> None:
        """What happened since the last lap was `name`. Raises Stopped where a signal has come meanwhile."""
        self._waiting.end()
        now = time.perf_counter()
        self._laps.append((name, now - self._last))
        self._last = now
        self.stop.check()

    def over(self) -> None:
        """The run has ended: nothing more is said of its start, what stopped it stops no other; the next begins."""
        self._waiting.end()
        self.stop, self._reported = StopAtOnce(), True
        self._last = time.perf_counter()

    def report(self, last_lap: str) -> None:
        """Tell once how long it took: at the end of the first iteration, or of a test's first step."""
        if self._reported:
            return
        self._reported = True
        self.lap(last_lap)
        total = sum(seconds for _, seconds in self._laps)
        split = ", ".join(f"{name} {seconds:.1f}" for name, seconds in self._laps)
        log.info("started in %.1f s: %s", total, split)


def process_age() -> float:
    """Seconds since this process began (Linux, 10 ms steps); 0 where the system does not tell."""
    try:
        started = int(Path("/proc/self/stat").read_text().rsplit(")", 1)[1].split()[19])
        uptime = float(Path("/proc/uptime").read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return 0.0
    return max(0.0, uptime - started / os.sysconf("SC_CLK_TCK"))


startup = Startup()
