"""`rlkit runs diff RUN RUN`: in what two runs were made differently."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any, Mapping, Tuple

from rlkit.commands.runs_config import read_config
from rlkit.commands.runs_page import console, flat
from rlkit.untrusted import printable
from rlkit.workspace import RunRecord, WorkspaceError, find_run, read_record

HELP = "show in what two runs were made differently: settings, code, versions, command"

_ABSENT = "(absent)"
_SECTIONS = {"config": "settings", "git": "git", "versions": "versions", "command": "command"}
Sides = Tuple[Mapping[str, Any], Mapping[str, Any]]


def run(arguments: argparse.Namespace) -> int:
    """Print the differences; raises WorkspaceError when a run or its files cannot be read."""
    paths = [find_run(ref, arguments.root) for ref in (arguments.ref, arguments.other)]
    first, second = (_made(path) for path in paths)
    found = {section: _differing((first[section], second[section])) for section in _SECTIONS}
    if arguments.json:
        # A side without the key lacks it here too: null is a value of its own.
        print(json.dumps({"runs": [path.name for path in paths], **found}, indent=2, default=str))
    else:
        _print([path.name for path in paths], found)
    return 0


def _made(path: Path) -> dict[str, dict[str, Any]]:
    """How a run was made, by section and full name."""
    try:
        record = read_record(path)
    except WorkspaceError as error:
        raise WorkspaceError(f"{path}: {error}") from error
    config = read_config(path)
    if not config:
        raise WorkspaceError(f"{path} has no config.yaml, so that there are no settings to compare")
    config.pop("composed", None)  # the words typed: `command` and the settings themselves tell
    return {
        "config": flat(config, "."),
        "git": {key: value for key, value in record.git.items() if key in ("commit", "branch", "dirty")},
        "versions": _versions(record),
        "command": {"command": record.command},
    }


def _versions(record: RunRecord) -> dict[str, Any]:
    machine = {"python": record.python, "platform": record.platform, "device": record.device}
    return {**machine, **record.packages}


def _differing(sides: Sides) -> dict[str, dict[str, Any]]:
    """The keys whose values differ, with the value of each run that has the key."""
    first, second = sides
    absent = object()
    return {
        key: {name: side[key] for name, side in zip(("first", "second"), sides) if key in side}
        for key in sorted({*first, *second})
        if first.get(key, absent) != second.get(key, absent)
    }


def _print(names: list[str], found: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    if not any(found.values()):
        print(
            printable(
                f"{names[0]} and {names[1]} were made alike: settings, code, versions and command are equal"
            )
        )
        return
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for heading in ("", *names):
        table.add_column(Text(printable(heading)), overflow="fold")
    for section in _SECTIONS:
        for key, values in found[section].items():
            cells = [_shown(values[side]) if side in values else _ABSENT for side in ("first", "second")]
            table.add_row(*(Text(printable(cell)) for cell in (key, *cells)))
        if found[section]:
            table.add_section()
    page = console()
    page.print(table)
    equal = [title for section, title in _SECTIONS.items() if not found[section]]
    if equal:
        page.print("equal: {}".format(", ".join(equal)))


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, default=str)
