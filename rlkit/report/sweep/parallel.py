"""Jobs of a sweep as lines across one axis a setting, and how much of their scores each setting explains."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Mapping, NamedTuple, Sequence

import numpy as np

from rlkit.numbers import number
from rlkit.report.charts import ticks
from rlkit.report.markup import Markup, element

_WIDTH, _HEIGHT, _SIDE, _TOP, _BOTTOM = 1040, 320, 70, 34, 16
_FEW = 5  # different values of a number up to which each is a group
_BINS = 4
_DECADES = 100.0  # times the least value from which an axis is logarithmic


@dataclass(frozen=True)
class SweptJob:
    """A job: what sets it apart, by full name as words; its score, None where it has none; its run's folder."""

    number: int
    settings: Mapping[str, str]
    state: str
    score: float | None
    run: Path | None


class _Axis(NamedTuple):
    """A setting: where its values stand, from 0 below to 1 above, and what is written beside it."""

    name: str
    places: Mapping[str, float]
    labels: Sequence[tuple[float, str]]


def parallel(jobs: Sequence[SweptJob], measure: str, *, less: bool = False) -> Markup:
    """A <figure> with an axis for each setting that differs and one for the score, and a line for each job with one.

    less: whether the best score is the least.
    """
    drawn = [job for job in jobs if job.score is not None and math.isfinite(job.score)]
    names = _differing(drawn)
    if not drawn or not names:
        return element("figure", element("p", "Fewer than two jobs have a score.", class_="empty"))
    scores = {str(job.number): float(job.score or 0.0) for job in drawn}
    axes = [_axis(name, {job.settings.get(name, "") for job in drawn}) for name in names]
    axes.append(_numbers(f"best {measure}", scores))
    parts = [part for place, axis in enumerate(axes) for part in _drawn_axis(axis, _x(place, len(axes)))]
    order = sorted(drawn, key=lambda job: (job.score or 0.0) * (-1 if less else 1))
    for job in order:
        keys = [job.settings.get(name, "") for name in names] + [str(job.number)]
        points = [(_x(n, len(axes)), _y(axis.places[key])) for n, (axis, key) in enumerate(zip(axes, keys))]
        place = axes[-1].places[str(job.number)]
        opacity = 0.15 + 0.85 * (1.0 - place if less else place)
        words = ", ".join(f"{name}={value}" for name, value in job.settings.items())
        line = element(
            "polyline",
            points=" ".join(f"{x:.1f},{y:.1f}" for x, y in points),
            class_="curve",
            style=f"stroke:var(--c0);opacity:{opacity:.2f}",
        )
        title = element("title", f"job {job.number}: {words}: {number(job.score)}")
        parts.append(element("g", line, title))
    picture = element(
        "svg",
        *parts,
        class_="parallel",
        viewBox=f"0 0 {_WIDTH} {_HEIGHT}",
        role="img",
        aria_label="jobs as lines",
    )
    return element("figure", picture, class_="wide")


def explained_shares(jobs: Sequence[SweptJob]) -> dict[str, float]:
    """Of each setting that differs the share [0, 1] of the variance of the scores between its values (η²).

    Empty where fewer than three jobs have a score, or all the same.
    """
    scored = [job for job in jobs if job.score is not None and math.isfinite(job.score)]
    scores = np.array([job.score for job in scored], dtype=float)
    if len(scored) < 3 or not scores.std() > 0:
        return {}
    return {
        name: _between(_groups([job.settings.get(name, "") for job in scored]), scores)
        for name in _differing(scored)
    }


def _between(groups: Sequence[int], scores: np.ndarray) -> float:
    """The share of the variance that lies between the means of groups."""
    labels = np.array(groups)
    parts = [scores[labels == label] for label in np.unique(labels)]
    between = sum(len(part) * (part.mean() - scores.mean()) ** 2 for part in parts)
    return float(between / ((scores - scores.mean()) ** 2).sum())


def _groups(words: Sequence[str]) -> list[int]:
    """A number for each word: equal for equal words; of many different numbers equal for neighbours."""
    different = sorted(set(words))
    values = [_number(word) for word in words]
    known = [value for value in values if value is not None]
    if len(different) <= _FEW or len(known) < len(words):
        return [different.index(word) for word in words]
    rank = np.argsort(np.argsort(np.array(known), kind="stable"), kind="stable")
    return (rank * _BINS // len(known)).tolist()


def _differing(jobs: Sequence[SweptJob]) -> list[str]:
    names = dict.fromkeys(name for job in jobs for name in job.settings)
    return [name for name in names if len({job.settings.get(name, "") for job in jobs}) > 1]


def _axis(name: str, words: set[str]) -> _Axis:
    numbers = {word: _number(word) for word in words}
    known = {word: value for word, value in numbers.items() if value is not None}
    if len(known) == len(words):
        return _numbers(name, known)
    ordered = sorted(words)
    places = {word: (place + 0.5) / len(ordered) for place, word in enumerate(ordered)}
    return _Axis(name, places, [(place, word or "–") for word, place in places.items()])


def _numbers(name: str, values: Mapping[str, float]) -> _Axis:
    """An axis of numbers, by their logarithms where they are of several orders of magnitude."""
    low, high = min(values.values()), max(values.values())
    log = low > 0 and high > _DECADES * low
    scale = math.log10 if log else float
    least, span = scale(low), (scale(high) - scale(low)) or 1.0
    marks = sorted(set(values.values()))
    if len(marks) > _FEW:
        powers = range(math.ceil(least), math.floor(scale(high)) + 1) if log else range(0)
        marks = [10.0**power for power in powers] or ticks(low, high)
    labels = [((scale(mark) - least) / span, number(mark)) for mark in marks]
    return _Axis(name, {key: (scale(value) - least) / span for key, value in values.items()}, labels)


def _number(word: str) -> float | None:
    try:
        value = float(word)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _drawn_axis(axis: _Axis, x: float) -> list[Markup]:
    name = axis.name.rpartition(".")[2]
    parts = [
        element("line", class_="mark", x1=f"{x:.1f}", x2=f"{x:.1f}", y1=_TOP, y2=_HEIGHT - _BOTTOM),
        element("text", name, element("title", axis.name), x=f"{x:.1f}", y=_TOP - 14, text_anchor="middle"),
    ]
    for place, label in axis.labels:
        parts.append(element("text", label[:12], x=f"{x + 5:.1f}", y=f"{_y(place) + 3.5:.1f}"))
    return parts


def _x(place: int, axes: int) -> float:
    return _SIDE + place * (_WIDTH - 2 * _SIDE) / max(1, axes - 1)


def _y(share: float) -> float:
    return _TOP + (1.0 - share) * (_HEIGHT - _TOP - _BOTTOM)
