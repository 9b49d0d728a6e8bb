"""Numbers of several things beside each other: lying bars, the largest first, as inline SVG."""

from __future__ import annotations

import math
from typing import NamedTuple, Sequence

from rlkit.numbers import number
from rlkit.report.markup import Markup, element

MOST = 20
"""Bars in a picture; of more things the largest are drawn."""

_WIDTH, _ROW = 512, 18
_LEFT, _RIGHT = 150, 60  # of the names, and of the numbers behind the bars
_LETTERS = 22  # of a name


class Bar(NamedTuple):
    """One thing: its name, its number, and whether it failed."""

    name: str
    value: float
    failed: bool


def bars(title: str, found: Sequence[Bar], what: str) -> Markup:
    """A <figure> of things that are called `what`; those that failed have another colour, and a cross."""
    finite = sorted((bar for bar in found if _is_finite(bar.value)), key=lambda bar: -bar.value)
    drawn = finite[:MOST]
    words = [f"the largest {MOST} of {len(finite)} {what}"] if len(drawn) < len(finite) else []
    words += ["✗ failed"] if any(bar.failed for bar in drawn) else []
    note = element("span", "; ".join(words), class_="note") if words else None
    heading = element("figcaption", element("h3", title), note)
    if not drawn:
        return element("figure", heading, element("p", "No number.", class_="empty"))
    largest = max(max(abs(bar.value) for bar in drawn), 1e-300)
    rows = [_row(bar, place * _ROW, abs(bar.value) / largest) for place, bar in enumerate(drawn)]
    height = len(drawn) * _ROW
    picture = element(
        "svg",
        *rows,
        class_="bars",
        viewBox=f"0 0 {_WIDTH} {height}",
        role="img",
        aria_label=f"{title} of {what}",
    )
    return element("figure", heading, picture)


def _row(bar: Bar, top: int, share: float) -> Markup:
    middle, end = top + 0.5 * _ROW + 4, _LEFT + share * (_WIDTH - _LEFT - _RIGHT)
    name = bar.name if len(bar.name) <= _LETTERS else f"{bar.name[: _LETTERS - 1]}…"
    return element(
        "g",
        element("title", f"{bar.name}: {number(bar.value)}"),
        element("text", f"✗ {name}" if bar.failed else name, x=_LEFT - 8, y=middle, text_anchor="end"),
        element(
            "rect", x=_LEFT, y=top + 3, width=f"{max(end - _LEFT, 1.0):.1f}", height=_ROW - 6,
            style=f"fill:var(--c{int(bar.failed)})",
        ),
        element("text", number(bar.value), x=f"{end + 6:.1f}", y=middle),
    )  # fmt: skip


def _is_finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number that no float holds
        return False
