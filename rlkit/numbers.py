"""How measured numbers are written for people, wherever they stand: tables, pages, the console."""

from __future__ import annotations

import math

DIGITS = 3


def percent(share: float | None) -> str:
    """A share between 0 and 1 as per cent, as `number` writes it; a dash for None."""
    return "–" if share is None else f"{number(100 * share)} %"


def number(value: float | None, digits: int = DIGITS) -> str:
    """`digits` significant digits, thousands set apart; a dash for None and for what is no finite number."""
    if value is None or not math.isfinite(value):
        return "–"
    if value == 0:
        return "0"
    places = digits - 1 - math.floor(math.log10(abs(value)))
    if not -9 < places < 10:
        return f"{value:.{digits - 1}g}"
    text = f"{round(value, places):,.{max(0, places)}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
