"""`rlkit compare`: a page about several runs."""

from __future__ import annotations

import argparse
import shlex
from datetime import datetime
from pathlib import Path

from rlkit.commands.options import add_root
from rlkit.untrusted import printable
from rlkit.workspace import WorkspaceError, called, find_run

HELP = "write a page that compares runs: curves with bands over seeds, settings that differ, a table"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.description = (
        "Write one page that opens offline, and the main curves as PNGs beside it. "
        "Runs that differ in nothing but the seed are drawn as one mean with a band."
    )
    parser.add_argument(
        "runs",
        nargs="+",
        metavar="RUN",
        help="a run's name or part of it, a pinned name, or a path; two or more",
    )
    parser.add_argument(
        "--out", type=Path, metavar="FOLDER", help="where to write (reports/compare_<date>_<time>)"
    )
    add_root(parser)


def run(arguments: argparse.Namespace) -> int:
    """Write the comparison; raises WorkspaceError for fewer than two runs, or nowhere to write."""
    paths = list(dict.fromkeys(find_run(ref, arguments.root) for ref in arguments.runs))
    if len(paths) < 2:
        raise WorkspaceError(
            f"only one run to compare, {paths[0].name}; name two or more, or look at it alone: "
            f"rlkit report {shlex.quote(called(paths[0]))}"
        )
    from rlkit.report import compare_runs

    stamp = datetime.now().strftime("%Y%m%d_%H%M%S")
    out = arguments.out or arguments.root / "reports" / f"compare_{stamp}"
    written = compare_runs(paths, out, arguments.root)
    print(printable(written.text))
    return 0
