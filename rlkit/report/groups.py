"""Runs of one kind together: those that differ in nothing but the seed. What is repeated stands for itself."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Sequence

import numpy as np

from rlkit.report.gather import RunData
from rlkit.report.lines import POINTS, Line, Views, band, reached, smoothed
from rlkit.report.metrics import AXES
from rlkit.report.settings import compared, differing, show, typed

_MOST_IN_A_NAME = 3


@dataclass(frozen=True)
class Group:
    """Runs whose settings are equal but for the seed, or one run: a letter for short, and what sets it apart."""

    letter: str
    name: str
    runs: tuple[RunData, ...]
    settings: dict[str, Any]

    @property
    def label(self) -> str:
        """Letter and name."""
        return f"{self.letter}: {self.name}"

    @property
    def seeds(self) -> str:
        """The seeds in words."""
        seeds = ", ".join(str(run.record.seed) for run in self.runs)
        return f"{len(self.runs)} runs, seeds {seeds}" if len(self.runs) > 1 else f"1 run, seed {seeds}"


@dataclass(frozen=True)
class Outcome:
    """What one run came to by one metric: the best and the latest of its smoothed values, and when it got where."""

    best: float | None
    final: float | None
    seconds: np.ndarray
    values: np.ndarray

    def seconds_to(self, level: float) -> float | None:
        """Training time [s] until the metric first was at least `level`; None where it never was."""
        return reached(self.seconds, self.values, level)


def group_runs(runs: Sequence[RunData]) -> list[Group]:
    """Groups in the order of their first runs.

    Runs with the same settings and the same seed tell nothing of the spread over seeds: each is a group of its own.
    """
    found: dict[str, list[RunData]] = {}
    for run in runs:
        # A run whose settings are unknown is like no other.
        key = [run.record.task, run.record.learner, compared(run.config) or str(run.path)]
        found.setdefault(json.dumps(key, sort_keys=True, default=str), []).append(run)
    members = [part for alike in found.values() for part in _by_seed(alike)]
    settings = [compared(group[0].config) for group in members]
    names = _names(members, settings)
    return [
        Group(chr(ord("A") + index) if index < 26 else f"A{index}", name, tuple(group), flat)
        for index, (name, group, flat) in enumerate(zip(names, members, settings))
    ]


def _by_seed(runs: list[RunData]) -> list[list[RunData]]:
    """All together where their seeds differ, else each alone."""
    different = len({run.record.seed for run in runs}) == len(runs)
    return [runs] if different else [[run] for run in runs]


def group_views(groups: Sequence[Group], metric: str, points: int = POINTS, *, short: bool) -> Views:
    """One line a group: the mean over its runs, with a band from the least to the greatest.

    It is named by the group's letter if `short`, else by its label.
    """
    views: Views = {axis: [] for axis in AXES}
    for group in groups:
        having = [run for run in group.runs if metric in run.metrics.columns]
        for axis in AXES:
            curves = [(run.metrics.columns[axis], smoothed(run.metrics, metric, run.envs)) for run in having]
            name = group.letter if short else group.label
            line = band(name, curves, points)
            views[axis].append(line or Line(name, np.empty(0), np.empty(0)))
    return views


def outcome(run: RunData, metric: str) -> Outcome:
    """How one run did by one metric."""
    if metric not in run.metrics.columns:
        return Outcome(None, None, np.empty(0), np.empty(0))
    values = smoothed(run.metrics, metric, run.envs)
    known = np.isfinite(values)
    seconds, values = run.metrics.columns["wall_time"][known], values[known]
    if not len(values):
        return Outcome(None, None, seconds, values)
    return Outcome(float(values.max()), float(values[-1]), seconds, values)


def _names(members: Sequence[list[RunData]], settings: Sequence[dict[str, Any]]) -> list[str]:
    if len(members) == 1:
        return [members[0][0].record.task if len(members[0]) > 1 else members[0][0].name]
    keys = differing(settings)
    if len(keys) <= _MOST_IN_A_NAME:
        names = [
            ", ".join(f"{key.rpartition('.')[2]}={show(flat.get(key))}" for key in keys) for flat in settings
        ]
    else:
        names = _names_as_typed(members)
    return [
        _named(name, group, name in names[:i] + names[i + 1 :])
        for i, (name, group) in enumerate(zip(names, members))
    ]


def _named(name: str, group: Sequence[RunData], taken: bool) -> str:
    """With the run's own name where it is the only one, or nothing else sets it apart."""
    if len(group) > 1 and name and not taken:
        return name
    return f"{group[0].name} ({name})" if name else group[0].name


def _names_as_typed(members: Sequence[list[RunData]]) -> list[str]:
    """What was asked for in one group and not in all: many settings differ where a task or learner was chosen."""
    words = [
        [f"{name}={value}" for name, value in _chosen(group[0]) if name.split(".")[0] != "logging"]
        for group in members
    ]
    common = set(words[0]).intersection(*words[1:])
    return [", ".join(word for word in own if word not in common and "seed=" not in word) for own in words]


def _chosen(run: RunData) -> list[tuple[str, str]]:
    composed = run.section("composed")
    choices = composed.get("choices") if isinstance(composed.get("choices"), dict) else {}
    chosen = {str(name): str(value) for name, value in (choices or {}).items()}
    chosen.update(typed(run.config))
    return list(chosen.items())
