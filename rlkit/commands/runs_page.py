"""How `rlkit runs` prints: tables and pages by rich, whole lines where no terminal is there to read them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, Mapping, Sequence

from rlkit.workspace import RunRow, printable, runs_as_table

if TYPE_CHECKING:
    from rich.console import Console

# Without a terminal nothing may be cut: the table is for grep and files then.
_PLAIN_WIDTH = 1000


def console() -> Console:
    """A console on stdout: as wide as the terminal, or wide enough for everything."""
    from rich.console import Console

    made = Console(highlight=False)
    return made if made.is_terminal else Console(width=_PLAIN_WIDTH, highlight=False)


def print_runs(rows: Sequence[RunRow]) -> None:
    """The table of the runs, and below it why some of them cannot be read."""
    page = console()
    page.print(runs_as_table(rows))
    for row in rows:
        if row.state == "unreadable":
            page.print(printable(f"{row.path}: {row.reason}"), markup=False)


def flat(nested: Mapping[Any, Any], separator: str, before: str = "") -> Dict[str, Any]:
    """A mapping of mappings as one mapping with full names; lists and empty mappings stay values."""
    found: Dict[str, Any] = {}
    for key, value in nested.items():
        name = f"{before}{key}"
        if isinstance(value, Mapping) and value:
            found.update(flat(value, separator, f"{name}{separator}"))
        else:
            found[name] = value
    return found
