"""Charts as inline SVG: one drawing for each axis, of which the page shows one."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import NamedTuple, Sequence

import numpy as np

from rlkit.numbers import number, percent
from rlkit.report.lines import Line, Views
from rlkit.report.markup import Markup, element
from rlkit.report.metrics import AXES

# Okabe and Ito's colours, which colour-blind readers tell apart; the second of each pair is for a dark page.
COLORS: tuple[tuple[str, str], ...] = (
    ("#0072b2", "#4aa8e0"),
    ("#d55e00", "#f08a4b"),
    ("#009e73", "#35c79b"),
    ("#b0578d", "#e39cc6"),
    ("#c28800", "#edb944"),
    ("#3a9bd1", "#97d3f5"),
    ("#5f6368", "#b9bdc3"),
)
DASHES = ("", "6 3", "2 3")
"""Lines beyond the last colour begin again with the first, dashed."""

_LEFT, _RIGHT, _TOP, _BOTTOM = 54, 12, 8, 36
_DIGITS_OF_TICKS = 6  # ticks are round, and close to each other far from 0
_AXIS_WORDS = {"env_steps": "env steps", "wall_time": "training time", "iteration": "iteration"}


class Scale(NamedTuple):
    """How numbers are written: divided by `divisor`, with `unit` behind them."""

    divisor: float = 1.0
    unit: str = ""


class Mark(NamedTuple):
    """A moment worth a vertical line, by axis."""

    at: dict[str, float]
    label: str


@dataclass(frozen=True)
class Chart:
    """What a chart shows. `share`: numbers between 0 and 1, written as per cent. `wide`: over the whole page.
    `unit`: of its numbers.
    """

    title: str
    views: Views
    note: str = ""
    share: bool = False
    wide: bool = False
    marks: Sequence[Mark] = field(default_factory=tuple)
    unit: str = ""

    @property
    def names(self) -> list[str]:
        """The lines in the legend."""
        return [line.name for line in self.views[AXES[0]] if not line.faint]

    @property
    def empty(self) -> bool:
        """Whether there is no point to draw."""
        return not any(len(line.x) for lines in self.views.values() for line in lines)


def style_of(index: int) -> tuple[int, str]:
    """The colour (an index of COLORS) and dashes of the line with this index."""
    return index % len(COLORS), DASHES[index // len(COLORS) % len(DASHES)]


def figure(chart: Chart) -> Markup:
    """The chart as a <figure>: heading, legend with the latest numbers, and a drawing for each axis."""
    words = [chart.note] if chart.note else []
    if not chart.empty and y_range(chart).cut:
        words.append("rare extremes cut off")
    note = element("span", "; ".join(words), class_="note") if words else None
    at = element("span", class_="note at")
    heading = element("figcaption", element("h3", chart.title), note, at)
    if chart.empty:
        return element("figure", heading, element("p", "No number yet.", class_="empty"))
    drawings = [_drawing(chart, axis) for axis in AXES]
    classes = "wide" if chart.wide else None
    return element("figure", heading, _legend(chart), *drawings, class_=classes)


def x_scale(axis: str, greatest: float) -> Scale:
    """The unit that an axis is written in."""
    if axis == "wall_time":
        steps = ((7200.0, Scale(3600.0, "h")), (180.0, Scale(60.0, "min")))
        return next((scale for least, scale in steps if greatest >= least), Scale(1.0, "s"))
    steps = ((1e6, Scale(1e6, "million")), (1e4, Scale(1e3, "thousand")))
    return next((scale for least, scale in steps if greatest >= 2 * least), Scale())


def x_label(axis: str, scale: Scale) -> str:
    """What is written under an axis."""
    return _AXIS_WORDS[axis] + (f" [{scale.unit}]" if scale.unit else "")


def ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Round numbers (1, 2 or 5 times a power of ten) between low and high, `about` so many."""
    rough = (high - low) / max(1, about)
    if not rough > 0:
        return [low]
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * 0.999)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [index * step for index in range(first, last + 1)]


class Range(NamedTuple):
    """The least and greatest y to draw; `cut` where rare values beyond are left out."""

    low: float
    high: float
    cut: bool = False


def y_range(chart: Chart) -> Range:
    """What to draw of a chart that is not empty, with some air; of what is faint only the middle 98 % count.

    Where the outermost 2 % would take more than two thirds of the height they are cut off.
    """
    lines = next(lines for axis in AXES if (lines := [line for line in chart.views[axis] if len(line.y)]))
    faint = [np.percentile(line.y, [1, 99]) for line in lines if line.faint]
    parts = [
        part for line in lines if not line.faint for part in (line.y, line.low, line.high) if part is not None
    ]
    values = np.concatenate(parts or faint)
    low = float(min(part.min() for part in parts + faint))
    high = float(max(part.max() for part in parts + faint))
    if chart.share:
        return Range(0.0, max(high * 1.05, 0.02) if high < 0.9 else 1.0)
    inner = np.percentile(values, [1, 99])
    cut = len(values) > 50 and high - low > 3 * (inner[1] - inner[0]) > 0
    if cut:
        low, high = float(inner[0]), float(inner[1])
    if 0 < low < 0.5 * high:
        low = 0.0
    elif 0 > high > 0.5 * low:
        high = 0.0
    air = 0.05 * (high - low) or 0.5 * max(abs(high), 1e-3)
    return Range(low - air if low else low, high + air if high or not low else high, cut)


def _legend(chart: Chart) -> Markup:
    """Keys with the latest numbers; those may differ by axis, so `data-last` has one for each of AXES."""
    views = [[line for line in chart.views[axis] if not line.faint] for axis in AXES]
    keys = []
    for index, lines in enumerate(zip(*views)):
        latest = [_latest(line, chart) for line in lines]
        shown = element("b", latest[0], data_last="|".join(latest))
        keys.append(element("li", swatch(index), lines[0].name, " ", shown))
    return element("ul", *keys, class_="legend")


def _latest(line: Line, chart: Chart) -> str:
    last = float(line.y[-1]) if len(line.y) else None
    if chart.share:
        return percent(last)
    return f"{number(last)} {chart.unit}".rstrip() if last is not None else number(last)


def swatch(index: int) -> Markup:
    """A piece of the line with this index, for a legend."""
    stroke = _stroke([(0, 5), (18, 5)], *style_of(index))
    return element("svg", stroke, class_="swatch", viewBox="0 0 18 10")


def _drawing(chart: Chart, axis: str) -> Markup:
    """One SVG. Its data attributes let the script turn a place in it into numbers."""
    width, height = (1040, 300) if chart.wide else (512, 240)
    lines = chart.views[axis]
    left = min((float(line.x[0]) for line in lines if len(line.x)), default=0.0)
    right = max((float(line.x[-1]) for line in lines if len(line.x)), default=1.0)
    left, right = (0.0, right) if left < 0.2 * right else (left, right)
    right = right if right > left else left + 1.0
    low, high, _ = y_range(chart)
    frame = _Frame(left, right, low, high, width, height)
    scale = x_scale(axis, right)
    percent = Scale(0.01, "%") if chart.share else Scale()
    parts = [*_grid(frame, axis, scale, percent), *_y_label(frame, chart.unit), *_marks(chart, frame, axis)]
    index = 0
    for line in sorted(lines, key=lambda line: not line.faint):  # what is faint lies below
        parts += _curve(line, frame, index)
        index += 0 if line.faint else 1
    cursor = element("line", class_="cursor", y1=_TOP, y2=height - _BOTTOM)
    return element(
        "svg", *parts, cursor, class_=f"plot {axis}", viewBox=f"0 0 {width} {height}", role="img",
        aria_label=f"{chart.title} over {_AXIS_WORDS[axis]}",
        data_x=f"{left / scale.divisor:.8g} {right / scale.divisor:.8g} {x_label(axis, scale)}",
        data_y=f"{low / percent.divisor:.8g} {high / percent.divisor:.8g} {percent.unit or chart.unit}",
        data_frame=f"{_LEFT} {width - _RIGHT} {_TOP} {height - _BOTTOM}",
    )  # fmt: skip


class _Frame(NamedTuple):
    """Where numbers lie in a drawing of width × height."""

    left: float
    right: float
    low: float
    high: float
    width: int
    height: int

    def x(self, value: np.ndarray) -> np.ndarray:
        return _LEFT + (value - self.left) / (self.right - self.left) * (self.width - _LEFT - _RIGHT)

    def y(self, value: np.ndarray) -> np.ndarray:
        inside = np.clip(value, self.low, self.high)
        return _TOP + (self.high - inside) / (self.high - self.low) * (self.height - _TOP - _BOTTOM)

    def points(self, x: np.ndarray, y: np.ndarray) -> list[tuple[float, float]]:
        return list(zip(self.x(x).tolist(), self.y(y).tolist()))


def _grid(frame: _Frame, axis: str, x: Scale, y: Scale) -> list[Markup]:
    parts = []
    bottom = frame.height - _BOTTOM
    for value in ticks(frame.low / y.divisor, frame.high / y.divisor):
        at = round(float(frame.y(np.array(value * y.divisor))), 2)
        parts.append(element("line", class_="grid", x1=_LEFT, x2=frame.width - _RIGHT, y1=at, y2=at))
        text = number(value, _DIGITS_OF_TICKS) + y.unit
        parts.append(element("text", text, x=_LEFT - 7, y=at + 3.5, text_anchor="end"))
    for value in ticks(frame.left / x.divisor, frame.right / x.divisor, frame.width // 100):
        at = round(float(frame.x(np.array(value * x.divisor))), 2)
        parts.append(
            element("text", number(value, _DIGITS_OF_TICKS), x=at, y=bottom + 16, text_anchor="middle")
        )
    middle = (_LEFT + frame.width - _RIGHT) / 2
    label = element("text", x_label(axis, x), class_="label", x=middle, y=bottom + 31, text_anchor="middle")
    return [*parts, label]


def _y_label(frame: _Frame, unit: str) -> list[Markup]:
    """The unit beside the numbers of the axis, upwards."""
    if not unit:
        return []
    middle = (_TOP + frame.height - _BOTTOM) / 2
    place = {"x": 10, "y": middle, "transform": f"rotate(-90 10 {middle:g})"}
    return [element("text", f"[{unit}]", class_="label", text_anchor="middle", **place)]


def _marks(chart: Chart, frame: _Frame, axis: str) -> list[Markup]:
    parts = []
    for mark in chart.marks:
        if frame.left < mark.at[axis] < frame.right:
            at = round(float(frame.x(np.array(mark.at[axis]))), 1)
            line = element("line", class_="mark", x1=at, x2=at, y1=_TOP, y2=frame.height - _BOTTOM)
            parts.append(element("g", line, element("title", mark.label)))
    return parts


def _curve(line: Line, frame: _Frame, index: int) -> list[Markup]:
    color, dashes = style_of(index)
    parts = []
    if line.low is not None and line.high is not None:
        around = frame.points(line.x, line.high) + frame.points(line.x, line.low)[::-1]
        parts.append(element("polygon", points=_text(around), class_="band", style=f"fill:var(--c{color})"))
    points = frame.points(line.x, line.y)
    if len(points) == 1:
        (x, y), kind = points[0], "faint" if line.faint else "curve"
        points = [(x - 3, y), (x + 3, y)] if kind == "curve" else []
    parts.append(_stroke(points, color, dashes, faint=line.faint))
    return parts


def _stroke(points: Sequence[tuple[float, float]], color: int, dashes: str, faint: bool = False) -> Markup:
    return element(
        "polyline",
        points=_text(points),
        class_="faint" if faint else "curve",
        style=f"stroke:var(--c{color})",
        stroke_dasharray=dashes or None,
    )


def _text(points: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x:.1f},{y:.2f}" for x, y in points)
