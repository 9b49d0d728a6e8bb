"""`rlkit sweep`: the sweeps of a workspace, and of one its jobs, its best job's command, and a page about it."""

from __future__ import annotations

import argparse
from pathlib import Path

from rlkit.commands.options import add_root

HELP = "list sweeps; of one show its jobs and the best one's command, or write a page about it"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.description = (
        "List the sweeps; with a name show that sweep's jobs, grouped over seeds, and the best one's command."
    )
    parser.add_argument(
        "sweep", nargs="?", metavar="NAME", help="latest, a sweep's name or a part of it, or a path"
    )
    parser.add_argument(
        "--html", action="store_true", help="write a page: parallel coordinates, importance, curves"
    )
    parser.add_argument(
        "--out", type=Path, metavar="FOLDER", help="where to write it (reports/NAME_<date>_<time>)"
    )
    parser.add_argument("--json", action="store_true", help="print JSON for programs")
    add_root(parser)


def run(arguments: argparse.Namespace) -> int:
    """Do what was asked; raises WorkspaceError where there is no such sweep, or nowhere to write."""
    from rlkit.commands.sweep import show  # only here: other commands need none of it

    return show.run(arguments)
