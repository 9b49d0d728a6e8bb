"""How long the start took, from the process's birth to the first iteration, and where the time went."""

from __future__ import annotations

import logging
import os
import time
from pathlib import Path
from typing import List, Optional, Tuple

from rlkit.runtime.stopping import StopAtOnce
from rlkit.runtime.waiting import Waiting

log = logging.getLogger("rlkit")


class Startup:
    """A stopwatch with named laps; between them a start that was told to stop gives up."""

    def __init__(self, stop: Optional[StopAtOnce] = None) -> None:
        self.stop = stop or StopAtOnce()
        self._laps: List[Tuple[str, float]] = [("configuration", process_age())]
        self._last = time.perf_counter()
        self._reported = False
        self._waiting = Waiting(log.info)

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
        """Nothing more is said, however far the start has come."""
        self._waiting.end()

    def first_iteration_done(self) -> None:
        """Report once, after the first iteration."""
        self._report("first iteration")

    def first_step_done(self) -> None:
        """Report once, after the first step of a test: there is something to see."""
        self._report("first step")

    def _report(self, last_lap: str) -> None:
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
