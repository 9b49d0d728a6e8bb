"""A sweep as a table: a line a job, and one for the jobs that differ in nothing but the seed."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, median, stdev
from typing import TYPE_CHECKING, Sequence

from rlkit.config.schema.ranking import Measure, parse
from rlkit.numbers import number
from rlkit.packages import train_command
from rlkit.sweeps.score import score_of
from rlkit.untrusted import printable
from rlkit.workspace import age
from rlkit.workspace.store.record import DONE, parse_time
from rlkit.workspace.sweeps import PRUNED, JobNow, SweepJob, SweepRecord

if TYPE_CHECKING:
    from rich.table import Table

_SEED = "training.seed="
_PLAIN_WIDTH = 1000  # without a terminal nothing is cut: the table is for grep and files then
_STYLES = {"failed": "red", "interrupted": "yellow", "pruned": "yellow", "running": "green"}


@dataclass(frozen=True)
class Row:
    """A job with its score: of its best policy so far, None where it has none."""

    its: JobNow
    words: tuple[str, ...]
    score: float | None

    @property
    def kind(self) -> tuple[str, ...]:
        """What it differs in besides the seed."""
        return tuple(word for word in self.words if not word.lstrip("+").startswith(_SEED))


@dataclass(frozen=True)
class Kind:
    """Jobs that differ in nothing but the seed: their words, and the scores of those that have one."""

    words: tuple[str, ...]
    scores: tuple[float, ...]
    jobs: int


def measure_of_sweep(record: SweepRecord) -> Measure:
    """The metric that its jobs are compared by; the return where sweep.json tells none."""
    try:
        return parse(record.measure)[0]
    except ValueError:
        return Measure("return")


def job_words(record: SweepRecord, job: SweepJob) -> tuple[str, ...]:
    """What sets a job apart from the others of its sweep."""
    return tuple(word.lstrip("+") for word in record.own_words(job))


def rows_of(record: SweepRecord, jobs: Sequence[JobNow]) -> list[Row]:
    """The jobs with their scores."""
    measure = measure_of_sweep(record)
    return [Row(its, job_words(record, its.job), score_of(its.run, measure)) for its in jobs]


def kinds_of(rows: Sequence[Row], measure: Measure) -> list[Kind]:
    """The kinds of jobs, the best mean first; those without a score last."""
    found: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        found.setdefault(row.kind, []).append(row)
    kinds = [
        Kind(words, tuple(row.score for row in its if row.score is not None), len(its))
        for words, its in found.items()
    ]
    sign = 1 if measure.less else -1
    return sorted(kinds, key=lambda kind: sign * mean(kind.scores) if kind.scores else float("inf"))


def best_of(rows: Sequence[Row], measure: Measure) -> Row | None:
    """The best of the jobs that were not given up; None where none has a score."""
    scored = [row for row in rows if row.score is not None and row.its.state != PRUNED]
    choose = min if measure.less else max
    return choose(scored, key=lambda row: row.score or 0.0) if scored else None


def command_of(job: SweepJob) -> str:
    """The command of a job alone, without its sweep."""
    return shlex.join([*train_command().split(), *job.words])


def counts(jobs: Sequence[JobNow]) -> str:
    """How many jobs are in which state, in words."""
    states = [its.state for its in jobs]
    return ", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(sorted(states)))


def print_table(path: Path, record: SweepRecord, jobs: Sequence[JobNow]) -> None:
    """Print the jobs, the kinds where there are several seeds, and the command of the best job."""
    from rich.console import Console

    console = Console(highlight=False)
    console = console if console.is_terminal else Console(width=_PLAIN_WIDTH, highlight=False)
    rows, measure = rows_of(record, jobs), measure_of_sweep(record)
    kinds = kinds_of(rows, measure)
    console.print(printable(f"sweep {path.name}: {counts(jobs)}"), markup=False)
    console.print(_jobs(rows, measure))
    if len(kinds) < len(rows) and len(kinds) > 1:
        console.print(_kinds(kinds, measure))
    best = best_of(rows, measure)
    if best is not None:
        run = "" if best.its.run is None else f" ({best.its.run.name})"
        said = f"best: job {best.its.job.number}, {measure.metric} {number(best.score)}{run}"
        console.print(printable(said), markup=False)
        console.print(printable(f"  {command_of(best.its.job)}"), markup=False, soft_wrap=True)


def _jobs(rows: Sequence[Row], measure: Measure) -> Table:
    from rich.text import Text

    names = list(dict.fromkeys(word.partition("=")[0] for row in rows for word in row.words))
    table = _table(
        ["job", *map(_short, names), "state", f"best {measure.metric}", "iterations", "time", "run"]
    )
    for row in rows:
        own = {word.partition("=")[0]: word.partition("=")[2] for word in row.words}
        record = None if row.its.run is None else row.its.run.record
        cells = [
            str(row.its.job.number),
            *(own.get(name, "") for name in names),
            Text(row.its.state, style=_STYLES.get(row.its.state, "")),
            number(row.score),
            "–" if record is None or record.iterations is None else str(record.iterations),
            _time(row.its),
            "–" if row.its.run is None else row.its.run.name,
        ]
        table.add_row(*(cell if isinstance(cell, Text) else Text(printable(cell)) for cell in cells))
    return table


def _kinds(kinds: Sequence[Kind], measure: Measure) -> Table:
    table = _table(["over seeds", "jobs", f"mean {measure.metric}", "median", "spread"])
    for kind in kinds:
        scores = kind.scores
        table.add_row(
            " ".join(f"{_short(name)}={value}" for name, _, value in (w.partition("=") for w in kind.words)),
            str(kind.jobs),
            number(mean(scores)) if scores else "–",
            number(median(scores)) if scores else "–",
            number(stdev(scores)) if len(scores) > 1 else "–",
        )
    return table


def _table(heads: Sequence[str]) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, show_edge=False)
    for head in heads:
        table.add_column(head, overflow="fold")
    return table


def _short(name: str) -> str:
    return name.rpartition(".")[2]


def _time(its: JobNow) -> str:
    """From the start of a job's run to its end, or to what is known last of it."""
    record = None if its.run is None else its.run.record
    if record is None:
        return "–"
    until = record.finished if its.state in (DONE, PRUNED) and record.finished else record.updated
    try:
        return age((parse_time(until) - parse_time(record.created)).total_seconds())
    except ValueError:
        return "–"
