"""How `rlkit runs` prints: as wide as the terminal, in whole lines where none is there to read them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Iterator, Mapping, Sequence

from rich.cells import cell_len, chop_cells

from rlkit.numbers import number, percent
from rlkit.untrusted import in_one_line, printable
from rlkit.workspace import RunRow, age, size

if TYPE_CHECKING:
    from rich.console import Console

# Without a terminal nothing may be cut: the table is for grep and files then.
_PLAIN_WIDTH = 1000
_NARROWEST = 20  # cells of a name in one line
_HEADINGS = ["name", "task", "learner", "state", "iterations", "best return", "success", "age", "pinned"]
_STATE, _NUMBERS = _HEADINGS.index("state"), (4, 5, 6, 7)  # columns: the coloured one, those flush right
_STYLES = {"running": "32", "failed": "31", "interrupted": "33", "unreadable": "31"}


def console() -> Console:
    """A console on stdout: as wide as the terminal, or wide enough for everything."""
    from rich.console import Console

    made = Console(highlight=False)
    return made if made.is_terminal else Console(width=_PLAIN_WIDTH, highlight=False)


def print_runs(rows: Sequence[RunRow], sizes: Mapping[str, int] | None = None) -> None:
    """The table of the runs, and below it why some of them cannot be read.

    `sizes` [bytes] by path, where given, are the last column.
    """
    cells = [_HEADINGS, *(_cells(row) for row in rows)]
    if any(row.best_by for row in rows):  # only where a training was told to go by something else
        cells = [
            line + [best_by(row.best_by) or "-" if row else "best by"]
            for line, row in zip(cells, (None, *rows))
        ]
    if sizes is not None:
        cells = [line + [size(sizes[row.path]) if row else "size"] for line, row in zip(cells, (None, *rows))]
    right = [*_NUMBERS, len(cells[0]) - 1] if sizes is not None else _NUMBERS
    for line in _aligned(cells, right, console().width, colour=console().color_system is not None):
        print(line)
    for row in rows:
        if row.state == "unreadable":
            print(printable(f"{row.path}: {row.reason}"))


def _cells(row: RunRow) -> list[str]:
    pins = ["yes" if pin == row.name else pin for pin in row.pinned]
    return [
        row.name,
        row.task or "-",
        row.learner or "-",
        row.state,
        "-" if row.iterations is None else str(row.iterations),
        "-" if row.best_return is None else number(row.best_return),
        "-" if row.best_success is None else percent(row.best_success),
        "-" if row.age_seconds is None else age(row.age_seconds),
        ", ".join(pins) or "-",
    ]


def best_by(values: Mapping[str, float]) -> str:
    """What the best policy is best by, with the values, and which way they are better."""
    named = (
        f"{name.lstrip('-')} {number(value)}{' (less)' * name.startswith('-')}"
        for name, value in values.items()
    )
    return ", ".join(named)


def _aligned(table: list[list[str]], right: Sequence[int], width: int, colour: bool) -> Iterator[str]:
    """The lines of a table; where it is wider than the page its longest names go on in the next line.

    rich's table takes a millisecond a row, and an archive has thousands.
    """
    table = [[in_one_line(cell) for cell in line] for line in table]
    widths = [max(map(cell_len, column)) for column in zip(*table)]
    rest = sum(widths) + 2 * (len(widths) - 1) - widths[0]
    widths[0] = min(widths[0], max(_NARROWEST, width - rest))
    for row, line in enumerate(table):
        name, *more = chop_cells(line[0], widths[0]) or [""]
        cells = [
            f"{' ' * pad}{cell}" if place in right else f"{cell}{' ' * pad}"
            for place, cell in enumerate([name, *line[1:]])
            for pad in [widths[place] - cell_len(cell)]
        ]
        if colour:
            style = "1" if row == 0 else _STYLES.get(line[_STATE])
            cells[_STATE] = f"\x1b[{style}m{cells[_STATE]}\x1b[0m" if style else cells[_STATE]
        yield "  ".join(cells).rstrip()
        yield from more


def flat(nested: Mapping[Any, Any], separator: str, before: str = "") -> dict[str, Any]:
    """A mapping of mappings as one mapping with full names; lists and empty mappings stay values."""
    found: dict[str, Any] = {}
    for key, value in nested.items():
        name = f"{before}{key}"
        if isinstance(value, Mapping) and value:
            found.update(flat(value, separator, f"{name}{separator}"))
        else:
            found[name] = value
    return found
