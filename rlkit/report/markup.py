"""HTML from Python, where text is escaped unless it says that it is markup."""

from __future__ import annotations

import html
from typing import Iterable, Sequence, Union

_VOID = ("meta", "input")


class Markup(str):
    """Text that is HTML already."""


Child = Union[str, float, int, None]


def element(name: str, /, *children: Child, **attributes: str | float | int | bool | None) -> Markup:
    """One element. `class_` means class and `data_x` data-x; an attribute of None or False is left out."""
    words = [name]
    for key, value in attributes.items():
        if value is None or value is False:
            continue
        key = key.rstrip("_").replace("_", "-")
        words.append(key if value is True else f'{key}="{html.escape(str(value))}"')
    opening = "<{}>".format(" ".join(words))
    return Markup(opening) if name in _VOID else Markup(f"{opening}{join(children)}</{name}>")


def join(children: Iterable[Child]) -> Markup:
    """Children one after another, escaped where they are plain text; None is nothing."""
    there = (child for child in children if child is not None)
    return Markup("".join(part if isinstance(part, Markup) else html.escape(str(part)) for part in there))


def table(head: Sequence[Child], rows: Iterable[Sequence[Child]], class_: str = "") -> Markup:
    """A table; its first column names the rows."""
    lines = [
        element("tr", element("th", row[0], scope="row"), *(element("td", cell) for cell in row[1:]))
        for row in rows
    ]
    top = element("thead", element("tr", *(element("th", cell) for cell in head))) if head else None
    return element(
        "div", element("table", top, element("tbody", *lines), class_=class_ or None), class_="scroll"
    )
