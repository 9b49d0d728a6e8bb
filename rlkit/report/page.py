"""The page around the charts: its head, its parts, and what every report says in the same words."""

from __future__ import annotations

from pathlib import Path
from typing import Sequence

from rlkit.report.charts import COLORS, Chart, figure
from rlkit.report.markup import Child, Markup, element

_FOLDER = Path(__file__).parent
_SWITCH = (("env_steps", "env steps"), ("wall_time", "training time"), ("iteration", "iterations"))


def document(title: str, *children: Child) -> str:
    """A whole page with its style and script inside: it needs no other file, and no network."""
    style, script = ((_FOLDER / name).read_text(encoding="utf-8") for name in ("page.css", "page.js"))
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("title", title),
        element("style", Markup(style + _palette())),
    )
    script_element = element("script", Markup(script))
    body = element("body", element("main", *children), script_element, data_view="env_steps")
    return "<!doctype html>\n" + element("html", head, body, lang="en") + "\n"


def header(kicker: str, title: str, *lines: Child) -> Markup:
    """The top of a page."""
    return element("header", element("p", kicker, class_="kicker"), element("h1", title), *lines)


def section(title: str, *children: Child, note: str = "") -> Markup:
    """A part of the page under its heading."""
    below = element("p", note, class_="note") if note else None
    return element("section", element("h2", title), below, *children)


def tiles(facts: Sequence[tuple[str, Child, str]]) -> Markup:
    """Large facts in a row: (what, value, words below)."""
    cells = [
        element("div", element("dt", what), element("dd", value, element("small", below) if below else None))
        for what, value, below in facts
    ]
    return element("dl", *cells, class_="tiles")


def view_switch() -> Markup:
    """The choice of what all charts are drawn over."""
    choices = [
        element(
            "label",
            element("input", type="radio", name="view", value=value, checked=value == "env_steps"),
            label,
        )
        for value, label in _SWITCH
    ]
    return element("fieldset", element("span", "Curves over"), *choices, class_="views")


def charts(shown: Sequence[Chart], small: bool = False) -> Markup | None:
    """Charts side by side; None where there are none."""
    figures: list[Markup] = [figure(chart) for chart in shown]
    return element("div", *figures, class_="charts small" if small else "charts") if figures else None


def _palette() -> str:
    light = "".join(f"--c{index}:{color};" for index, (color, _) in enumerate(COLORS))
    dark = "".join(f"--c{index}:{color};" for index, (_, color) in enumerate(COLORS))
    return f":root{{{light}}}@media (prefers-color-scheme: dark){{:root{{{dark}}}}}"


def duration(seconds: float | None) -> str:
    """A span of time for people: 42 s, 12:05 min, 3:07 h."""
    if seconds is None:
        return "–"
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02d} min" if minutes < 100 else f"{minutes // 60}:{minutes % 60:02d} h"
