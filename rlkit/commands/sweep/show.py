"""What `rlkit sweep` shows: the sweeps, or the jobs of one; and the page about it."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

from rlkit.numbers import number
from rlkit.packages import train_command
from rlkit.sweeps.table import best_of, command_of, counts, measure_of_sweep, print_table, rows_of
from rlkit.untrusted import printable
from rlkit.workspace import RunEntry, WorkspaceError, start_above
from rlkit.workspace.store.scan import all_runs
from rlkit.workspace.sweeps import (
    OVER,
    JobNow,
    SweepRecord,
    find_sweep,
    is_live_sweep,
    jobs_now,
    read_sweep,
    sweep_folders,
    workspace_of,
)


def run(arguments: argparse.Namespace) -> int:
    """Do what was asked; raises WorkspaceError where there is no such sweep, or nowhere to write."""
    if arguments.sweep is None:
        if arguments.html or arguments.out is not None:
            raise WorkspaceError("a page is about one sweep; name it: rlkit sweep latest --html")
        return _list(arguments.root, as_json=arguments.json)
    path = find_sweep(arguments.sweep, arguments.root)
    record = read_sweep(path)
    jobs = jobs_now(path, record, all_runs(workspace_of(path)), live=is_live_sweep(path))
    if arguments.json:
        print(json.dumps(_facts(path, record, jobs), indent=2))
        return 0
    if arguments.html or arguments.out is not None:
        return _write(arguments, path, record, jobs)
    print_table(path, record, jobs)
    if any(its.state not in OVER for its in jobs) and not is_live_sweep(path):
        print(printable(f"go on with it: {train_command()} -m sweep={path.name}"))
    return 0


def _list(root: Path, *, as_json: bool) -> int:
    """The sweeps, the newest first."""
    folders, runs = sweep_folders(root), all_runs(root)
    found, unreadable = [], []
    for folder in folders:
        try:
            record = read_sweep(folder)
        except WorkspaceError as error:
            unreadable.append(str(error))
            continue
        found.append((folder, record, jobs_now(folder, record, runs, live=is_live_sweep(folder))))
    found.sort(key=lambda one: one[1].created, reverse=True)
    if as_json:
        print(json.dumps([_facts(*one) for one in found], indent=2))
        return 0
    for folder, record, jobs in found:
        print(printable(f"{folder.name}  {record.task}  {counts(jobs)}{_best(record, jobs)}"))
    for problem in unreadable:
        print(printable(problem))
    if not folders:
        above = start_above(root)
        what = f"But {above}" if above else f"Start one:\n  {train_command()} -m seed=1,2,3"
        print(f"No sweeps in {root.resolve()} yet. {what}")
    return 0


def _best(record: SweepRecord, jobs: list[JobNow]) -> str:
    measure = measure_of_sweep(record)
    best = best_of(rows_of(record, jobs), measure)
    return "" if best is None else f"  best {measure.metric} {number(best.score)} (job {best.its.job.number})"


def _facts(path: Path, record: SweepRecord, jobs: list[JobNow]) -> dict[str, object]:
    """A sweep for programs."""
    rows, measure = rows_of(record, jobs), measure_of_sweep(record)
    best = best_of(rows, measure)
    return {
        "name": path.name,
        "task": record.task,
        "created": record.created,
        "command": record.command,
        "measure": record.measure,
        "best": None if best is None else best.its.job.number,
        "best_command": None if best is None else command_of(best.its.job),
        "jobs": [
            {**asdict(row.its.job), "state": row.its.state, "run": _name(row.its.run), "score": row.score}
            for row in rows
        ],
    }


def _name(run: RunEntry | None) -> str | None:
    return None if run is None else run.name


def _write(arguments: argparse.Namespace, path: Path, record: SweepRecord, jobs: list[JobNow]) -> int:
    from rlkit.report import SweptJob, report_sweep

    rows, measure = rows_of(record, jobs), measure_of_sweep(record)
    made = [
        SweptJob(
            row.its.job.number,
            {word.partition("=")[0]: word.partition("=")[2] for word in row.words},
            row.its.state,
            row.score,
            None if row.its.run is None else row.its.run.path,
        )
        for row in rows
    ]
    best = best_of(rows, measure)
    stamp = datetime.now().strftime("%Y%m%d_%H%M%S")
    out = arguments.out or arguments.root / "reports" / f"{path.name}_{stamp}"
    command = None if best is None else command_of(best.its.job)
    written = report_sweep(
        path.name, record.command, made, measure.metric, out, arguments.root, best=command, less=measure.less
    )
    print(printable(written.text))
    return 0
