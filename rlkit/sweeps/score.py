"""How good a job is: one number, from its run's record, and on the way there from its metrics."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from rlkit.config.schema.ranking import Measure, parse
from rlkit.errors import ConfigError
from rlkit.workspace import RunEntry


def measure_of(text: str | None, best_by: str) -> Measure:
    """The metric that jobs are compared by; by default the first of training.bestBy that is not success.

    Success alone would not tell jobs apart that never succeed. Raises ConfigError where `text` is no metric.
    """
    try:
        asked = parse(best_by if text is None else text)
    except ValueError as error:
        raise ConfigError(f"hydra.sweeper.measure: {error}") from error
    first, *others = asked
    if text is not None and others:
        raise ConfigError(f"hydra.sweeper.measure={text}: one metric; write hydra.sweeper.measure={first}")
    return first if text is not None else next((m for m in asked if m.metric != "success"), first)


def score_of(run: RunEntry | None, measure: Measure) -> float | None:
    """The measure of a run's best policy, as run.json has it; of another metric the best that metrics.jsonl has."""
    if run is None or run.record is None:
        return None
    record = run.record
    short = {"return": record.best_return, "success": record.best_success}
    if measure.metric in short:
        return short[measure.metric]
    for name, value in record.best_by.items():
        if name.lstrip("-") in _names(measure):
            return value
    from rlkit.report.metrics import read_metrics  # only here: numpy comes with it

    columns = read_metrics(run.path / "metrics.jsonl").columns
    found = next((columns[name] for name in _names(measure) if name in columns), None)
    known = [] if found is None else [value for value in found.tolist() if math.isfinite(value)]
    return (min if measure.less else max)(known) if known else None


class Course:
    """A measure while a training goes on: means over so many iterations each, as they come in metrics.jsonl."""

    def __init__(self, metrics: Path, measure: Measure, every: int) -> None:
        self._path, self._names, self._every = metrics, _names(measure), every
        self._offset, self._values, self._end = 0, [], every

    def news(self) -> list[tuple[int, float]]:
        """(iteration, mean over the `every` iterations up to it) of what was written since the last call.

        Spans without a finite number are left out.
        """
        found: list[tuple[int, float]] = []
        for row in self._rows():
            iteration = row.get("iteration")
            if not isinstance(iteration, int):
                continue
            while iteration > self._end:
                found += self._closed()
            value = next((row[name] for name in self._names if isinstance(row.get(name), (int, float))), None)
            if value is not None and math.isfinite(value):
                self._values.append(float(value))
            if iteration == self._end:
                found += self._closed()
        return found

    def _closed(self) -> list[tuple[int, float]]:
        values, end = self._values, self._end
        self._values, self._end = [], self._end + self._every
        return [(end, sum(values) / len(values))] if values else []

    def _rows(self) -> list[dict[str, Any]]:
        """The whole lines that came since."""
        try:
            with self._path.open("rb") as file:
                file.seek(self._offset)
                content = file.read()
        except OSError:  # there is none yet
            return []
        whole = content[: content.rfind(b"\n") + 1]
        self._offset += len(whole)
        rows = []
        for line in whole.splitlines():
            try:
                row = json.loads(line)
            except ValueError:
                continue
            rows += [row] if isinstance(row, dict) else []
        return rows


def _names(measure: Measure) -> tuple[str, ...]:
    """What the metric may be called in metrics.jsonl, that of evaluations first."""
    return tuple(dict.fromkeys((measure.source(evaluated=True), measure.source(evaluated=False))))
