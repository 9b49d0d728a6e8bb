"""The charts of one run: every metric has its place, by its name."""

from __future__ import annotations

from typing import Mapping, Sequence

import numpy as np

from rlkit.report.charts import Chart
from rlkit.report.gather import RunData
from rlkit.report.lines import run_views
from rlkit.report.metrics import AXES, Metrics

_ROWS_OF_TASKS = ("return", "success", "length", "timeout")
# time/evaluation is not among them: evaluations count in no rate.
_PARTS_OF_AN_ITERATION = ("time/physics", "time/env", "time/policy", "time/update")


def charts_of(run: RunData) -> dict[str, list[Chart]]:
    """Charts by the heading that they stand under; the last heading holds what no other has."""
    draw = _Drawer(run)
    rewards = sorted(draw.named("reward/"), key=lambda name: -abs(run.metrics.last(name) or 0.0))
    endings = {name.split("/", 1)[1]: name for name in [*draw.named("success/"), *draw.named("failure/")]}
    endings.update({"time-out": "episode/timeout", "time-out, evaluation": "eval/timeout"})
    shown = {
        "Learning": [
            draw("Return", {"training": "episode/return", "evaluation": "eval/return"}, raw=True),
            draw("Success", {"training": "episode/success", "evaluation": "eval/success"}, raw=True, share=True),
        ],
        "Rewards": [draw("Reward terms", _labels(rewards), wide=True, note="weighted, summed over an episode")],
        "Episodes": [
            draw("Length", {"training": "episode/length", "evaluation": "eval/length"}, raw=True),
            draw("How episodes end", endings, share=True),
        ],
        "Evaluations": draw.each([name for name in draw.named("eval/") if name not in draw.drawn]),
        "Tasks": [draw.tasks(quantity) for quantity in _ROWS_OF_TASKS],
        "Learner": draw.each([name for kind in ("losses/", "policy/", "style/") for name in draw.named(kind)]),
        "Speed": [
            draw("Env steps per second", {"": "rate/env_steps_per_s"}),
            draw("Where the time goes", _labels(_PARTS_OF_AN_ITERATION), share=True, metrics=_shares(run.metrics)),
        ],
    }  # fmt: skip
    counts = [name for name in run.metrics.names if name.endswith("/count")]
    rest = [name for name in run.metrics.names if name not in draw.drawn and name not in counts]
    shown["Other metrics"] = draw.each(rest)
    found = {title: [chart for chart in charts if chart is not None] for title, charts in shown.items()}
    return {title: charts for title, charts in found.items() if charts}


class _Drawer:
    """Makes charts of a run's metrics and remembers which it has drawn."""

    def __init__(self, run: RunData) -> None:
        self.run = run
        self.drawn: list[str] = []

    def __call__(
        self,
        title: str,
        lines: Mapping[str, str],
        *,
        raw: bool = False,
        share: bool = False,
        wide: bool = False,
        note: str = "",
        metrics: Metrics | None = None,
    ) -> Chart | None:
        """A chart of several metrics, `{label: name}`; None where the run has none of them."""
        metrics = metrics or self.run.metrics
        there = {label: name for label, name in lines.items() if name in metrics.columns}
        self.drawn += there.values()
        if not there:
            return None
        flat = [label for label, name in there.items() if not _moves(metrics, name)] if len(there) > 2 else []
        there = {label: name for label, name in there.items() if label not in flat} or there
        views = run_views(metrics, list(there.values()), list(there), self.run.envs, raw)
        unit = "" if share else self.run.unit(list(there.values()))
        return Chart(title, views, _note(note, flat), share, wide, self.run.joins, unit)

    def named(self, prefix: str) -> list[str]:
        """The metrics whose names begin so."""
        return [name for name in self.run.metrics.names if name.startswith(prefix)]

    def each(self, names: Sequence[str]) -> list[Chart | None]:
        """A chart for each metric."""
        return [self(name, {"": name}) for name in names]

    def tasks(self, quantity: str) -> Chart | None:
        """One quantity of every task of a run with several."""
        names = [name for name in self.named("task/") if name.endswith(f"/{quantity}")]
        lines = {name.split("/", 1)[1].rpartition("/")[0]: name for name in names}
        return self(f"{quantity.capitalize()} by task", lines, share=quantity in ("success", "timeout"))


def _labels(names: Sequence[str]) -> dict[str, str]:
    return {name.split("/", 1)[1]: name for name in names}


def _note(note: str, flat: Sequence[str]) -> str:
    return "; ".join(part for part in (note, f"always 0: {', '.join(flat)}" if flat else "") if part)


def _moves(metrics: Metrics, name: str) -> bool:
    return bool(np.nan_to_num(metrics.columns[name]).any())


def _shares(metrics: Metrics) -> Metrics:
    """The parts of an iteration as shares of their sum in each row."""
    parts = [name for name in _PARTS_OF_AN_ITERATION if name in metrics.columns]
    times = {name: np.nan_to_num(metrics.columns[name]) for name in parts}
    total = sum(times.values(), np.zeros(len(metrics)))
    known = np.where(total > 0, total, np.nan)
    axes = {axis: metrics.columns[axis] for axis in AXES if axis in metrics.columns}
    return Metrics({**axes, **{name: column / known for name, column in times.items()}})
