"""`rlkit runs`: the runs of a workspace."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Sequence

from rlkit.workspace import (
    RUN_KINDS,
    RUN_STATES,
    RunRow,
    WorkspaceError,
    list_runs,
    runs_as_json,
    runs_as_table,
)

HELP = "list the runs: task, learner, state, how far, how good, how old, pinned"

# Without a terminal nothing may be cut: the table is for grep and files then.
_PLAIN_WIDTH = 1000


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.description = "List every run of the archive, the newest first."
    parser.add_argument(
        "--root", type=Path, default=Path(), metavar="DIR", help="folder that holds runs_all/ (here)"
    )
    parser.add_argument("--task", metavar="TASK", help="only runs of this task")
    parser.add_argument("--kind", choices=RUN_KINDS, help="only training or only test runs")
    parser.add_argument("--state", choices=RUN_STATES, help="only runs in this state")
    parser.add_argument("--json", action="store_true", help="print a JSON list in place of the table")


def run(arguments: argparse.Namespace) -> int:
    """List the runs; raises WorkspaceError when there is no such root."""
    if not arguments.root.is_dir():
        raise WorkspaceError(
            f"--root {arguments.root}: there is no such folder; give the one that holds runs_all/"
        )
    rows = list_runs(arguments.root, task=arguments.task, kind=arguments.kind, state=arguments.state)
    if arguments.json:
        print(runs_as_json(rows))
    elif rows:
        _print_table(rows)
    else:
        _print_nothing(arguments)
    return 0


def _print_table(rows: Sequence[RunRow]) -> None:
    from rich.console import Console

    console = Console()
    if not console.is_terminal:
        console = Console(width=_PLAIN_WIDTH)
    console.print(runs_as_table(rows))
    for row in rows:
        if row.state == "unreadable":
            console.print(f"{row.path}: {row.reason}", markup=False, highlight=False)


def _print_nothing(arguments: argparse.Namespace) -> None:
    filters = [f"--{key} {value}" for key in ("task", "kind", "state") if (value := getattr(arguments, key))]
    if filters and list_runs(arguments.root):
        print(f"No run fits {' '.join(filters)}; `rlkit runs` shows all.")
    else:
        task = f" task={arguments.task}" if arguments.task else ""
        print(f"No runs in {arguments.root.resolve()} yet. Start one:\n  python train.py{task}")
