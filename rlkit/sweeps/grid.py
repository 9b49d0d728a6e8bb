"""Carries out the jobs of a grid: those of a new sweep, or what an earlier one has left to do."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Iterable, Sequence

from rlkit.config.sweep import Spread, Words, check_jobs, common_words, grid, sweep_task
from rlkit.errors import ConfigError
from rlkit.masking import masked
from rlkit.packages import train_command
from rlkit.sweeps.book import Book
from rlkit.sweeps.launcher import ProcessLauncher
from rlkit.sweeps.processes import Processes
from rlkit.sweeps.request import Request
from rlkit.sweeps.score import measure_of
from rlkit.sweeps.shares import share_by_others
from rlkit.workspace.store.record import RUNNING
from rlkit.workspace.sweeps import JOB_VARIABLE, OVER, RECORD, Sweep, SweepJob, new_record

if TYPE_CHECKING:
    from hydra.core.utils import JobReturn


def carry_out_grid(
    launcher: Any, folder: Path, request: Request, settings: Sequence[Spread], at_once: int | None
) -> int:
    """Check every job, then carry out those that are not done; the exit status. Raises RlkitError before any starts.

    at_once: jobs that are handed to a launcher of others together.
    """
    jobs = grid(settings)
    checked = check_jobs(request.words, jobs, print)
    shares = launcher.shares() if isinstance(launcher, ProcessLauncher) else []
    measure = measure_of(None, checked[0].training.best_by)
    sweep = opened(folder, request, settings, jobs, sweeper="basic", measure=str(measure))
    typed = {tuple(map(masked, job)): job for job in jobs}
    try:
        for job in jobs:
            if tuple(map(masked, job)) not in {known.words for known in sweep.record.jobs}:
                sweep.add(job)
        left = [
            SweepJob(its.job.number, typed[its.job.words])
            for its in sweep.now()
            if its.state not in (*OVER, RUNNING) and its.job.words in typed
        ]
        book = Book(sweep, several=len(shares) > 1, total=len(jobs))
        if isinstance(launcher, ProcessLauncher):
            processes = Processes(sweep.path, shares, request.options)
            waiting = iter(left)
            stopped_by = processes.carry_out(
                lambda: next(waiting, None), book.started, book.ended, lambda: book.look(processes.running)
            )
            return book.sum_up(stopped_by)
        by_others(launcher, sweep, left, at_once)
        return book.sum_up(None)
    finally:
        sweep.close()


def opened(
    folder: Path,
    request: Request,
    settings: Sequence[Spread],
    jobs: Sequence[Words],
    *,
    sweeper: str,
    measure: str,
) -> Sweep:
    """The sweep of this folder: a new one, or the one that is in it. Raises WorkspaceError."""
    if os.path.lexists(folder / RECORD):
        sweep = Sweep.take_up(folder)
        if sweep.record.sweeper != sweeper:
            sweep.close()
            raise ConfigError(
                f"{folder} is a sweep of hydra/sweeper={sweep.record.sweeper}, not of {sweeper}"
            )
        print(f"going on with the sweep {sweep.name}")
        return sweep
    words = [word for word in request.words.argv if not word.startswith("hydra.sweep.dir=")]
    record = new_record(
        sweep_task(request.words),
        command=request.command,
        words=words,
        common=common_words(settings),
        jobs=jobs,
        sweeper=sweeper,
        measure=measure,
    )
    sweep = Sweep.begin(folder, record)
    many = f": {len(jobs)} jobs" if jobs else ""
    print(f"sweep {sweep.name}{many}; `rlkit sweep {sweep.name}` shows it", flush=True)
    return sweep


def batches(jobs: Sequence[SweepJob], size: int | None) -> Iterable[Sequence[SweepJob]]:
    """The jobs in pieces, in one where no size is given."""
    size = size if type(size) is int and size > 0 else max(1, len(jobs))
    return (jobs[start : start + size] for start in range(0, len(jobs), size))


def by_others(launcher: Any, sweep: Sweep, jobs: Sequence[SweepJob], at_once: int | None) -> None:
    """Hand jobs to a launcher that is not ours, and write down what it returns of those that left no run.

    Raises ConfigError where the launcher does not reach its cluster.
    """
    ray = getattr(launcher, "ray_cfg", None)
    if ray is not None:  # the launcher has a number of its own, which a Ray that runs already refuses
        ray.init.setdefault("object_store_memory", None)
    for batch in batches(jobs, at_once):
        # Variables tell a run which job it is and what its cores are, wherever it runs; Hydra sets them there.
        share = [f"+hydra.job.env_set.{name}='{value}'" for name, value in share_by_others(launcher).items()]
        words = [
            [*job.words, f"+hydra.job.env_set.{JOB_VARIABLE}='{sweep.name}/{job.number}'", *share]
            for job in batch
        ]
        try:
            made = launcher.launch(words, initial_job_idx=batch[0].number)
        except ConnectionError as error:
            raise ConfigError(
                [f"{error}; when it can be reached: {train_command()} -m sweep={sweep.name}"]
            ) from error
        for job, done in zip(batch, made):
            _write_down(sweep, job, done)


def _write_down(sweep: Sweep, job: SweepJob, done: JobReturn) -> None:
    from hydra.core.utils import JobStatus

    status = done._return_value
    failed = done.status != JobStatus.COMPLETED or (type(status) is int and status != 0)
    its = sweep.now()[job.number]
    run = None if its.run is None else its.run.name
    state = its.state if its.run is not None else "failed" if failed else "done"
    reason = f"{type(status).__name__}: {status}" if failed and isinstance(status, BaseException) else None
    sweep.update(job.number, state=state, run=run, reason=reason)
