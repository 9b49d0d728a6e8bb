"""`hydra/launcher=basic` and `joblib`: jobs are processes on this machine."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Sequence

from hydra.core.utils import JobReturn, JobStatus
from hydra.plugins.launcher import Launcher

from rlkit.config.facts.machine import Machine, available_cores
from rlkit.config.sweep import sweep_task
from rlkit.errors import ConfigError, RlkitError
from rlkit.sweeps.book import Book
from rlkit.sweeps.processes import Processes
from rlkit.sweeps.request import PACKAGE, Request, SweepEnded, asked
from rlkit.sweeps.shares import Share, shares
from rlkit.workspace.store.record import DONE
from rlkit.workspace.sweeps import RECORD, JobNow, Sweep, SweepJob, new_record


class ProcessLauncher(Launcher):
    """Starts jobs as processes on this machine. n_jobs: how many at a time, -1 for one a core."""

    __module__ = PACKAGE

    def __init__(self, n_jobs: Any = 1) -> None:
        super().__init__()
        self.n_jobs = n_jobs

    def setup(self, *, hydra_context: Any, task_function: Any, config: Any) -> None:
        """As Hydra asks for it."""
        self.folder = Path(config.hydra.sweep.dir)

    def shares(self) -> list[Share]:
        """What each of the jobs at a time gets of this machine. Raises ConfigError."""
        if type(self.n_jobs) is not int or not (self.n_jobs == -1 or self.n_jobs >= 1):
            raise ConfigError(
                f"hydra.launcher.n_jobs={self.n_jobs}: needs a whole number >= 1, or -1 for one job a core"
            )
        named = any(word.lstrip("+").startswith("env.device=c") for word in asked().words.overrides)
        gpus = 0 if named else Machine.detect().cuda_devices
        cores = available_cores()
        return shares(cores if self.n_jobs == -1 else self.n_jobs, cores=cores, gpus=gpus)

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """As Hydra asks for it, of a sweeper of others: the value of a job is its run's best return."""
        try:
            return self._launched(asked(), [tuple(words) for words in job_overrides])
        except RlkitError as error:
            raise SweepEnded(2, error) from error

    def _launched(self, request: Request, jobs: Sequence[tuple[str, ...]]) -> list[JobReturn]:
        parts = self.shares()
        if not os.path.lexists(self.folder / RECORD):
            task, words = sweep_task(request.words), request.words.argv
            record = new_record(
                task,
                command=request.command,
                words=words,
                common=(),
                jobs=(),
                sweeper="others",
                measure="return",
            )
            Sweep.begin(self.folder, record).close()
        sweep = Sweep.take_up(self.folder)
        try:
            made = [SweepJob(sweep.add(words).number, words) for words in jobs]
            book, waiting = Book(sweep, several=len(parts) > 1), iter(made)
            processes = Processes(sweep.path, parts, request.options)
            processes.carry_out(
                lambda: next(waiting, None), book.started, book.ended, lambda: book.look(processes.running)
            )
            return [_returned(its) for its in sweep.now()[-len(made) :]]
        finally:
            sweep.close()


def _returned(its: JobNow) -> JobReturn:
    """A job for the sweeper that chose it."""
    if its.state != DONE:
        error = RuntimeError(f"job {its.job.number} {its.state}: {its.job.reason or ''}")
        return JobReturn(overrides=its.job.words, status=JobStatus.FAILED, _return_value=error)
    best = its.run.record.best_return if its.run is not None and its.run.record is not None else None
    return JobReturn(overrides=its.job.words, status=JobStatus.COMPLETED, _return_value=best)
