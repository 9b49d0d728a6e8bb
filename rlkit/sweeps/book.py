"""A sweep while it goes on: what is written down of its jobs, and the lines that are said of them."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Sequence

from rlkit.errors import BAD_REQUEST, FAILED, interrupted_by
from rlkit.numbers import number
from rlkit.packages import train_command
from rlkit.sweeps.processes import Ended
from rlkit.sweeps.table import job_words, print_table
from rlkit.untrusted import printable
from rlkit.workspace import age
from rlkit.workspace.store import record as runs
from rlkit.workspace.sweeps import OVER, PRUNED, JobNow, Sweep, SweepJob

_SAY = 30.0  # seconds between two lines of how far the jobs are
_LAST_LINES = 5  # of what a failed job printed


class Book:
    """What happens to the jobs, in sweep.json and on the console.

    several: whether jobs run at a time, so that this is all that is said of them here.
    """

    def __init__(self, sweep: Sweep, *, several: bool, total: int | None = None) -> None:
        self.sweep, self._several, self._total = sweep, several, total
        self._said = time.monotonic()
        self._reasons: dict[int, str] = {}  # why jobs were told to end

    def started(self, job: SweepJob, console: Path | None) -> None:
        """A job begins."""
        self.sweep.update(job.number, state=runs.RUNNING, reason=None)
        where = f" ({console})" if console is not None else ""
        words = " ".join(job_words(self.sweep.record, job)) or "as it is"
        total = "" if self._total is None else f" of {self._total}"
        self._say(f"job {job.number}{total}: {words}{where}")

    def pruned(self, job: int, reason: str) -> None:
        """A job was told to end since it does not get anywhere."""
        self._reasons[job] = reason

    def ended(self, end: Ended) -> JobNow:
        """A job's process is over; returns how it stands."""
        its = self.now(end.job.number)
        state, reason = _outcome(end.status, its)
        if end.job.number in self._reasons and state == runs.INTERRUPTED:
            state, reason = PRUNED, self._reasons[end.job.number]
        run = None if its.run is None else its.run.name
        self.sweep.update(end.job.number, state=state, reason=reason, run=run)
        self._say_end(end, state, reason)
        return self.now(end.job.number)

    def now(self, job: int) -> JobNow:
        """How a job stands by now."""
        return self.sweep.now()[job]

    def look(self, running: Sequence[SweepJob]) -> None:
        """Say now and then how far the jobs are, where they do not say it here themselves."""
        if not self._several or time.monotonic() - self._said < _SAY:
            return
        self._said = time.monotonic()
        jobs = self.sweep.now()
        self._say("; ".join(f"job {job.number} {_progress(jobs[job.number])}" for job in running))

    def sum_up(self, stopped_by: int | None) -> int:
        """Show the table and the command that goes on; returns the exit status."""
        jobs = self.sweep.now()
        print_table(self.sweep.path, self.sweep.record, jobs)
        left = [its for its in jobs if its.state not in OVER]
        if left:
            self._say(f"{len(left)} of {len(jobs)} jobs are not done; go on with them:")
            self._say(f"  {train_command()} -m sweep={self.sweep.name}")
        if stopped_by is not None:
            return interrupted_by(stopped_by)
        return FAILED if left else 0

    def _say_end(self, end: Ended, state: str, reason: str | None) -> None:
        its = self.now(end.job.number)
        best = its.run.record.best_return if its.run is not None and its.run.record is not None else None
        score = "" if best is None else f", best return {number(best)}"
        why = f": {reason}" if reason else ""
        self._say(f"job {end.job.number} {state} after {age(end.seconds)}{score}{why}")
        if state == runs.FAILED and end.console is not None:
            lines = end.console.read_text(encoding="utf-8", errors="replace").splitlines()
            for line in [line for line in lines if line.strip()][-_LAST_LINES:]:
                self._say(f"    {line}")

    @staticmethod
    def _say(line: str) -> None:
        print(printable(line), flush=True)


def _outcome(status: int, its: JobNow) -> tuple[str, str | None]:
    """The state of a job whose process ended so, and why."""
    if status == 0:
        return runs.DONE, None
    record = None if its.run is None else its.run.record
    if status < 0:
        memory = "; the system may have run out of memory" if status == -9 else ""
        return runs.INTERRUPTED, f"signal {-status} ended it{memory}"
    if status > 128:
        return runs.INTERRUPTED, None if record is None else record.reason
    if status == BAD_REQUEST:
        return runs.FAILED, "the request was refused"
    return runs.FAILED, f"exit status {status}" if record is None or record.reason is None else record.reason


def _progress(its: JobNow) -> str:
    record = None if its.run is None else its.run.record
    if record is None or record.iterations is None:
        return "starts"
    best = "" if record.best_return is None else f", best return {number(record.best_return)}"
    return f"iteration {record.iterations}{best}"
