"""What became of each scenario of a test or of an evaluation: a table, and a picture of each of its numbers."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path
from typing import Any, Mapping, NamedTuple

from rlkit.numbers import number, percent
from rlkit.report.bars import Bar, bars
from rlkit.report.markup import Markup, element, join, table
from rlkit.untrusted import read_plain

_OPEN_ROWS = 20  # of a table: a longer one is folded up
_BEHIND = ["return", "length [control steps]", "time [s]"]  # the last columns of <scenarios>.csv
_MOST_BYTES = 1 << 26  # of one


class Scenarios(NamedTuple):
    """noun: what one is called. facts: the task's own numbers of an episode, each with its unit. rows: of every
    scenario its name as `scenario`, `success`, the facts, `return` and `seconds`; values may be anybody's."""

    noun: str
    facts: dict[str, str]
    rows: list[Mapping[str, Any]]


def of_test(results: Mapping[str, Any]) -> Scenarios | None:
    """Those in the content of a test's metrics.json; None where there are none."""
    found, facts, units = (results.get(name) for name in ("scenarios", "facts", "units"))
    rows = [row for row in found if isinstance(row, Mapping)] if isinstance(found, list) else []
    if not rows:
        return None
    units = units if isinstance(units, Mapping) else {}
    names = map(str, facts if isinstance(facts, Mapping) else ())
    return Scenarios(
        str(results.get("scenario_noun", "scenario")), {n: str(units.get(n, "")) for n in names}, rows
    )


def of_training(folder: Path) -> tuple[str, Scenarios] | None:
    """Those of the latest evaluation, by the <scenarios>.csv in a run's folder, behind its iteration."""
    for path in sorted(folder.glob("*s.csv")):
        try:
            text = read_plain(path, _MOST_BYTES)[0].decode("utf-8")
            head, *lines = csv.reader(io.StringIO(text))
        except (OSError, ValueError, csv.Error):
            continue
        lines = [line for line in lines if len(line) == len(head) >= 6]
        if lines and head[0] == "iteration" and head[2].startswith("success") and head[-3:] == _BEHIND:
            latest = lines[-1][0]
            return latest, _of_lines(head, [line for line in lines if line[0] == latest])
    return None


def _of_lines(head: list[str], lines: list[list[str]]) -> Scenarios:
    parts = [re.fullmatch(r"(.*?)(?: \[(.*)\])?", name, re.DOTALL) for name in head[3:-3]]
    facts = {part[1]: part[2] or "" for part in parts if part is not None}
    names = ["success", *facts, "return", "length", "seconds"]
    rows: list[Mapping[str, Any]] = [
        {"scenario": line[1], **dict(zip(names, map(_parsed, line[2:])))} for line in lines
    ]
    return Scenarios(head[1], facts, rows)


def _parsed(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def shown(found: Scenarios) -> Markup:
    """The table, the failed ones first and of many folded up; then a picture of each fact."""
    noun, rows = found.noun, sorted(found.rows, key=lambda row: bool(row.get("success")))
    failed = sum(not row.get("success") for row in rows)
    titles = {name: f"{name} [{unit}]" if unit else name for name, unit in found.facts.items()}
    lines = [
        (
            str(row.get("scenario")),
            percent(figure_of(row.get("success"))),
            *(number(figure_of(row.get(name))) for name in (*titles, "return", "seconds")),
        )
        for row in rows
    ]
    head = [noun, "success", *titles.values(), "return", "time [s]"]
    words = f"{failed} of {len(rows)} {noun}s failed"
    folded = element(
        "details", element("summary", words), table(head, lines, "numbers"), open=len(rows) <= _OPEN_ROWS
    )
    return join([folded, _pictures(titles, rows, noun)])


def _pictures(titles: Mapping[str, str], rows: list[Mapping[str, Any]], noun: str) -> Markup | None:
    figures = []
    for name, title in titles.items():
        drawn = [
            Bar(str(row.get("scenario")), value, not row.get("success"))
            for row in rows
            if (value := figure_of(row.get(name))) is not None
        ]
        if len(drawn) > 1:
            figures.append(bars(title.replace("_", " "), drawn, f"{noun}s"))
    return element("div", *figures, class_="charts") if figures else None


def figure_of(value: Any) -> float | None:
    """A value that may be anybody's, as a number; None where it is none."""
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else None
