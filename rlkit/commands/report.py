"""`rlkit report`: a page about one run."""

from __future__ import annotations

import argparse
from pathlib import Path

from rlkit.commands.options import add_root
from rlkit.untrusted import printable
from rlkit.workspace import find_run, refuse_links

HELP = "write a page about a run: curves, settings, videos, tests, origin"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.description = "Write one page that opens offline, and the main curves as PNGs beside it."
    parser.add_argument(
        "run", metavar="RUN", help="latest, a run's name or part of it, a pinned name, or a path"
    )
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="where to write (<run>/report)")
    add_root(parser)


def run(arguments: argparse.Namespace) -> int:
    """Write the report; raises WorkspaceError where there is no such run or nowhere to write."""
    path = find_run(arguments.run, arguments.root)
    from rlkit.report import report_run

    if arguments.out is None:
        refuse_links(path / "report")
    written = report_run(path, arguments.out or path / "report", arguments.root)
    print(printable(written.text))
    return 0
