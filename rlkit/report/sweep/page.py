"""`rlkit sweep --html`: a sweep on one page: its jobs as lines, what its settings explain, curves with seeds' bands."""

from __future__ import annotations

from pathlib import Path
from typing import Sequence

from rlkit.numbers import number
from rlkit.report.bars import Bar, bars
from rlkit.report.charts import Chart
from rlkit.report.gather import load_runs
from rlkit.report.groups import group_runs, group_views
from rlkit.report.markup import Markup, element, table
from rlkit.report.page import charts, document, header, section, view_switch
from rlkit.report.sweep.parallel import SweptJob, explained_shares, parallel
from rlkit.report.writing import Written, make_folder, write_report

MOST_CURVES = 14
"""Groups in a chart: there are no more colours and dashes that are easy to tell apart."""

_EXPLAINED = (
    "Share of the variance of the scores that the means of the jobs with equal values explain (η²): 1 if a setting "
    "alone decides, near 0 if it does not matter. Numbers with more than five values are put into four groups of as "
    "many jobs. With few jobs chance explains much; settings that changed together cannot be told apart."
)


def report_sweep(
    name: str,
    command: str,
    jobs: Sequence[SweptJob],
    measure: str,
    out: Path,
    root: Path = Path(),
    *,
    best: str | None = None,
    less: bool = False,
) -> Written:
    """Write the page about a sweep, and its main curves as PNGs, into the folder `out`.

    measure: what the scores are. best: the command of the best job. less: whether less of the measure is better. Raises
    WorkspaceError where a run cannot be read, or the folder cannot be written.
    """
    make_folder(out)
    order = sorted(jobs, key=lambda job: (job.score is None, (job.score or 0.0) * (1 if less else -1)))
    drawn = _curves([job for job in order if job.run is not None], root)
    page = document(
        name,
        header("sweep", name, element("p", element("code", command))),
        section("The best job", element("p", element("code", best))) if best else None,
        section(
            "Jobs as lines",
            parallel(jobs, measure, less=less),
            note=f"A line a job; the best {measure} is the darkest.",
        ),
        _importance(jobs, measure),
        view_switch() if drawn else None,
        section("Learning", charts(drawn), note=_how_drawn(jobs)) if drawn else None,
        _table(order, measure),
    )
    return write_report(out, page, drawn)


def _importance(jobs: Sequence[SweptJob], measure: str) -> Markup | None:
    found = explained_shares(jobs)
    if not found:
        return None
    shown = [Bar(name, share, False) for name, share in found.items()]
    picture = element("div", bars(f"of best {measure}", shown, "settings"), class_="charts")
    return section("What the settings explain", picture, note=_EXPLAINED)


def _curves(jobs: Sequence[SweptJob], root: Path) -> list[Chart]:
    """Return and success over the runs of the best groups."""
    paths = [job.run for job in jobs if job.run is not None]
    runs = [run for run in load_runs(paths, root) if run.record.kind == "train"]
    groups = group_runs(runs)[:MOST_CURVES]
    source = "eval" if runs and all(run.evaluated for run in runs) else "episode"
    found = []
    for metric, title, share in (
        (f"{source}/return", "Return", False),
        (f"{source}/success", "Success", True),
    ):
        if any(metric in run.metrics.columns for group in groups for run in group.runs):
            found.append(
                Chart(title, group_views(groups, metric, short=len(groups) > 6), share=share, wide=True)
            )
    return found


def _how_drawn(jobs: Sequence[SweptJob]) -> str:
    words = "The best first. Runs that differ in the seed alone are a mean with a band from the least to the greatest."
    return f"{words} At most {MOST_CURVES} are drawn." if len(jobs) > MOST_CURVES else words


def _table(jobs: Sequence[SweptJob], measure: str) -> Markup:
    names = list(dict.fromkeys(name for job in jobs for name in job.settings))
    rows = [
        (
            str(job.number),
            *(job.settings.get(name, "") for name in names),
            element("span", job.state, class_=job.state),
            number(job.score),
            "–" if job.run is None else job.run.name,
        )
        for job in jobs
    ]
    head = ["job", *(name.rpartition(".")[2] for name in names), "state", f"best {measure}", "run"]
    return section("Jobs", table(head, rows, "numbers"))
