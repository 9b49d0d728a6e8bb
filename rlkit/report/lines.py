"""From columns of numbers to lines that can be drawn: smoothing, thinning, means over seeds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, List, Sequence

import numpy as np

from rlkit.report.metrics import AXES, Metrics

POINTS = 500
"""At most so many points a line: a chart is not more pixels wide."""


@dataclass(frozen=True)
class Line:
    """A line to draw over one axis: `[points]` each, finite; `low` and `high` bound its band."""

    name: str
    x: np.ndarray
    y: np.ndarray
    low: np.ndarray | None = None
    high: np.ndarray | None = None
    faint: bool = False  # drawn behind the others, without a key in the legend


_OVER_EPISODES = ("episode", "reward", "metric", "success", "failure", "task")  # groups of such means

Views = Dict[str, List[Line]]
"""The lines of a chart for each of AXES."""


def window_mean(values: np.ndarray, weights: np.ndarray, least: float) -> np.ndarray:
    """Weighted means over the latest rows that together weigh at least `least`; NaN before there are enough.

    values, weights: `[rows]`. With episodes as weights and the number of envs as `least` these are the means that
    training displays.
    """
    weights = np.where(np.isfinite(values), weights, 0.0)
    weighed = np.concatenate([[0.0], np.cumsum(weights)])
    summed = np.concatenate([[0.0], np.cumsum(np.where(weights > 0, values, 0.0) * weights)])
    first = np.searchsorted(weighed, weighed[1:] - least, side="right") - 1
    enough = first >= 0
    first = np.maximum(first, 0)
    weight = weighed[1:] - weighed[first]
    return np.where(enough, (summed[1:] - summed[first]) / np.where(weight > 0, weight, 1.0), np.nan)


def smoothed(metrics: Metrics, name: str, envs: int) -> np.ndarray:
    """A metric as it is drawn, `[rows]`: means over episodes by `window_mean`, everything else as it was measured.

    The window is as many episodes as there are envs; all there are while fewer have ended.
    """
    values = metrics.columns[name]
    counts = _episodes(metrics, name)
    if counts is None:
        return values
    return window_mean(values, counts, max(1.0, min(float(envs), counts.sum())))


def run_views(metrics: Metrics, names: Sequence[str], labels: Sequence[str], envs: int, raw: bool) -> Views:
    """One line for each metric of one run, thinned to POINTS means; with `raw` also what is behind a smoothed one."""
    views: Views = {axis: [] for axis in AXES}
    for name, label in zip(names, labels):
        values = smoothed(metrics, name, envs)
        for axis in AXES:
            at = metrics.columns[axis]
            if raw and _episodes(metrics, name) is not None:  # which smoothing changes
                views[axis].append(Line(label, *extremes(at, metrics.columns[name]), faint=True))
            views[axis].append(Line(label, *means(at, values)))
    return views


def means(x: np.ndarray, y: np.ndarray, points: int = POINTS) -> tuple[np.ndarray, np.ndarray]:
    """The finite points of a curve, `[n]` each; where there are more than `points`, means over equal stretches."""
    x, y = _finite(x, y)
    if len(x) <= points:
        return x, y
    edges = np.linspace(0, len(x), points + 1).astype(int)
    sizes = np.diff(edges)
    return np.add.reduceat(x, edges[:-1]) / sizes, np.add.reduceat(y, edges[:-1]) / sizes


def extremes(x: np.ndarray, y: np.ndarray, points: int = POINTS) -> tuple[np.ndarray, np.ndarray]:
    """The finite points of a curve, `[n]` each; of more than `points` the least and greatest of equal stretches."""
    x, y = _finite(x, y)
    if len(x) <= points:
        return x, y
    edges = np.linspace(0, len(x), points // 2 + 1).astype(int)
    kept = []
    for start, stop in zip(edges[:-1], edges[1:]):
        kept += sorted({start + int(y[start:stop].argmin()), start + int(y[start:stop].argmax())})
    return x[kept], y[kept]


def band(name: str, curves: Sequence[tuple[np.ndarray, np.ndarray]], points: int = POINTS) -> Line | None:
    """Mean, least and greatest of several curves `(x, y)`, `[n]` each, interpolated on a common grid.

    The grid covers what all of them have, so that no mean jumps where one ends; None where they share nothing.
    """
    curves = [_finite(x, y) for x, y in curves]
    if not curves or any(not len(x) for x, _ in curves):
        return None
    start, stop = max(x[0] for x, _ in curves), min(x[-1] for x, _ in curves)
    if start > stop:
        return None
    if len(curves) == 1:
        return Line(name, *means(*curves[0], points))
    grid = np.linspace(start, stop, points) if stop > start else np.array([start])
    values = np.stack([np.interp(grid, x, y) for x, y in curves])
    return Line(name, grid, values.mean(0), values.min(0), values.max(0))


def reached(x: np.ndarray, y: np.ndarray, level: float) -> float | None:
    """The x at which a curve (x, y: `[n]`) first is at least `level`; None where it never is."""
    above = np.flatnonzero(y >= level)
    return float(x[above[0]]) if len(above) else None


def _episodes(metrics: Metrics, name: str) -> np.ndarray | None:
    """How many episodes each row's number is a mean over; None for what is no mean over episodes."""
    group, _, quantity = name.rpartition("/")
    if quantity == "count" or group.split("/")[0] not in _OVER_EPISODES:
        return None
    count = metrics.columns.get(f"{group}/count" if group.startswith("task/") else "episode/count")
    return None if count is None else np.nan_to_num(count)


def _finite(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    known = np.isfinite(x) & np.isfinite(y)
    return x[known], y[known]
