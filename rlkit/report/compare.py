"""`rlkit compare`: several runs on one page, those of one kind as a mean and a band."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Callable, Sequence

import numpy as np

from rlkit.numbers import DIGITS, number
from rlkit.report.charts import Chart, swatch
from rlkit.report.gather import RunData, load_runs
from rlkit.report.groups import Group, Outcome, group_runs, group_views, outcome
from rlkit.report.lines import POINTS
from rlkit.report.markup import Child, Markup, element, table
from rlkit.report.page import charts, document, duration, header, section, view_switch
from rlkit.report.settings import differing, show
from rlkit.report.writing import Written, make_folder, write_report
from rlkit.workspace import WorkspaceError

_POINTS_OF_SMALL = 200
_SUCCESS_LEVELS = (0.5, 0.9)
_RETURN_LEVEL = 0.9
_SECTIONS = (
    ("Reward terms", ("reward/",)),
    ("Metrics of the task", ("metric/",)),
    ("Episodes", ("episode/length", "episode/timeout", "success/", "failure/")),
    ("Speed", ("rate/",)),
    ("Learner", ("losses/", "policy/")),
)


def compare_runs(paths: Sequence[Path], out: Path, root: Path = Path()) -> Written:
    """Write the page that compares training runs, and its main curves as PNGs, into the folder `out`.

    Raises WorkspaceError where a run cannot be read or is a test, or the folder cannot be written.
    """
    runs = load_runs(paths, root)
    for run in runs:
        if run.record.kind != "train":
            raise WorkspaceError(
                f"{run.name} is a test; compare takes training runs: rlkit compare"
                f" {shlex.quote(run.record.tested_run or '...')} ..."
            )
    make_folder(out)
    groups = group_runs(runs)
    source = "eval" if all(run.evaluated for run in runs) else "episode"
    title = _title(runs, groups)
    shown = _main_charts(groups, source, short=True)
    curves = [view_switch(), _how_drawn(runs, source)]
    if not shown:
        words = "No metrics yet: none of these runs has a return in its metrics.jsonl."
        curves = [element("p", words, class_="empty")]
    page = document(
        title,
        _top(title, runs, groups),
        *curves,
        section("Learning", charts(shown)) if shown else None,
        _results(groups, source),
        _differences(groups),
        *_more(groups),
        _list(groups),
    )
    return write_report(out, page, _main_charts(groups, source, short=False))


def _title(runs: Sequence[RunData], groups: Sequence[Group]) -> str:
    tasks = " and ".join(dict.fromkeys(run.record.task for run in runs))
    kinds = f"{len(groups)} settings" if len(groups) > 1 else "one setting"
    return f"{tasks}: {len(runs)} runs of {kinds}"


def _top(title: str, runs: Sequence[RunData], groups: Sequence[Group]) -> Markup:
    notes = [element("p", f"{run.name}: {note}", class_="problem") for run in runs for note in run.notes]
    if len({run.record.task for run in runs}) > 1:
        words = "The runs are of different tasks: their returns do not compare, their shares of success may."
        notes.insert(0, element("p", words, class_="problem"))
    rows = [
        (element("span", swatch(index), group.letter), group.name, group.seeds)
        for index, group in enumerate(groups)
    ]
    return header("comparison", title, *notes, table([], rows, "facts"))


def _how_drawn(runs: Sequence[RunData], source: str) -> Markup:
    what = "evaluations" if source == "eval" else "training episodes"
    words = (
        f"Return and success are of {what}. A line is the mean over the runs of a group, its band goes from the "
        "least to the greatest of them; it is drawn as far as all of them got. Runs are interpolated linearly on "
        f"{POINTS} points, {_POINTS_OF_SMALL} in small charts. Means over episodes are over the latest iterations "
        "that hold at least as many episodes as there are envs."
    )
    if source == "episode" and any(run.evaluated for run in runs):
        words += " Some runs have evaluations; training episodes are shown because all have those."
    return element("p", words, class_="note")


def _main_charts(groups: Sequence[Group], source: str, *, short: bool) -> list[Chart]:
    drawn = (
        _chart(groups, f"{source}/return", "Return", short=short),
        _chart(groups, f"{source}/success", "Success", share=True, short=short),
    )
    return [chart for chart in drawn if chart is not None]


def _chart(
    groups: Sequence[Group], metric: str, title: str, *, share: bool = False, short: bool
) -> Chart | None:
    """A metric of all groups, with their letters alone if `short`; None where no run has it."""
    if not any(metric in run.metrics.columns for group in groups for run in group.runs):
        return None
    unit = "" if share else groups[0].runs[0].unit([metric])
    return Chart(title, group_views(groups, metric, short=short), share=share, unit=unit)


def _more(groups: Sequence[Group]) -> list[Markup | None]:
    """Every other metric in a small chart; constant zeros are left out."""
    names = list(dict.fromkeys(name for group in groups for run in group.runs for name in run.metrics.names))
    parts: list[Markup | None] = []
    for title, prefixes in _SECTIONS:
        shares = title == "Episodes"
        drawn = [
            Chart(
                name,
                group_views(groups, name, _POINTS_OF_SMALL, short=True),
                share=shares and name != "episode/length",
                unit=groups[0].runs[0].unit([name]),
            )
            for name in names
            if name.startswith(prefixes) and _moves(groups, name)
        ]
        shown = charts(drawn, small=True)
        parts.append(section(title, shown) if shown else None)
    return parts


def _moves(groups: Sequence[Group], name: str) -> bool:
    columns = (run.metrics.columns.get(name) for group in groups for run in group.runs)
    return any(column is not None and np.nan_to_num(column).any() for column in columns)


# --- the table --------------------------------------------------------------------------------------------


def _results(groups: Sequence[Group], source: str) -> Markup:
    """Mean ± standard deviation over the runs of each group."""
    returns = {group.letter: [outcome(run, f"{source}/return") for run in group.runs] for group in groups}
    success = {group.letter: [outcome(run, f"{source}/success") for run in group.runs] for group in groups}
    measures: list[tuple[str, Callable[[Group], str]]] = [
        ("runs", lambda group: str(len(group.runs))),
        ("best return", lambda group: spread([one.best for one in returns[group.letter]])),
        ("final return", lambda group: spread([one.final for one in returns[group.letter]])),
    ]
    if any(one.best for ones in success.values() for one in ones):
        measures += [
            ("best success", lambda group: spread([one.best for one in success[group.letter]], 100, " %")),
            ("final success", lambda group: spread([one.final for one in success[group.letter]], 100, " %")),
        ]
        for level in _SUCCESS_LEVELS:
            measures.append((f"time to {100 * level:.0f} % success", _time_to(success, level)))
    level = _return_level(groups, returns)
    if level is not None:
        measures.append((f"time to return {number(level)}", _time_to(returns, level)))
    measures += [
        ("training time", lambda group: _mean_time([run.metrics.last("wall_time") for run in group.runs])),
        ("env steps", lambda group: spread([run.metrics.last("env_steps") for run in group.runs], digits=6)),
    ]
    rows = [(name, *(cell(group) for group in groups)) for name, cell in measures]
    note = (
        "Mean ± standard deviation (of the sample) over the runs of a group. Best and final are of the drawn "
        "(smoothed) values. Times are of training alone, until the level was first reached: the mean over the "
        "runs that reached it, and how many did where not all."
    )
    if level is not None:
        note += f" Return {number(level)} is 90 % of the way from the least return drawn to the greatest."
    return section("Results", table(["", *(group.label for group in groups)], rows, "numbers"), note=note)


def spread(values: Sequence[float | None], factor: float = 1.0, unit: str = "", digits: int = DIGITS) -> str:
    """Mean ± standard deviation of the sample, of the values that are known; the mean alone of a single one."""
    known = np.array([value for value in values if value is not None]) * factor
    if not len(known):
        return "–"
    deviation = f" ± {number(float(known.std(ddof=1)))}" if len(known) > 1 else ""
    return number(float(known.mean()), digits) + deviation + unit


def _time_to(outcomes: dict[str, list[Outcome]], level: float) -> Callable[[Group], str]:
    def cell(group: Group) -> str:
        times = [one.seconds_to(level) for one in outcomes[group.letter]]
        known = [time for time in times if time is not None]
        if not known:
            return "not reached"
        return _mean_time(known) + (f" ({len(known)} of {len(times)})" if len(known) < len(times) else "")

    return cell


def _mean_time(seconds: Sequence[float | None]) -> str:
    known = [value for value in seconds if value is not None]
    return duration(float(np.mean(known)) if known else None)


def _return_level(groups: Sequence[Group], outcomes: dict[str, list[Outcome]]) -> float | None:
    """A return that tells fast groups from slow ones; None where returns of several tasks do not compare."""
    if len({run.record.task for group in groups for run in group.runs}) > 1:
        return None
    values = [one.values for ones in outcomes.values() for one in ones if len(one.values)]
    if not values:
        return None
    low, high = min(float(part.min()) for part in values), max(float(part.max()) for part in values)
    return low + _RETURN_LEVEL * (high - low) if high > low else None


# --- settings and runs ------------------------------------------------------------------------------------


def _differences(groups: Sequence[Group]) -> Markup | None:
    if len(groups) < 2:
        return None
    keys = differing([group.settings for group in groups])
    rows = [
        (
            key,
            *(
                element("code", show(group.settings[key])) if key in group.settings else "–"
                for group in groups
            ),
        )
        for key in keys
    ]
    note = (
        "Every setting that is not the same in all groups. Not compared: seeds, threads, how a run is displayed, "
        "saved and resumed."
    )
    if not rows:
        note = "The settings are the same, or are not known."
    return section(
        "What differs", table(["", *(group.letter for group in groups)], rows) if rows else None, note=note
    )


def _list(groups: Sequence[Group]) -> Markup:
    rows: list[Sequence[Child]] = []
    for group in groups:
        for run in group.runs:
            git = run.record.git
            commit = str(git.get("commit") or "–")[:9] + ("*" if git.get("dirty") else "")
            rows.append(
                (
                    run.name,
                    group.letter,
                    str(run.record.seed),
                    element("span", run.state, class_=run.state),
                    number(run.metrics.last("iteration"), 9),
                    run.record.device,
                    element("code", commit, class_="whole"),
                    element("code", run.record.command),
                )
            )
    head = ["run", "group", "seed", "state", "iterations", "device", "code", "command"]
    return section(
        "Runs", table(head, rows), note="A star behind the commit: with changes that were not committed."
    )
