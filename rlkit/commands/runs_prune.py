"""`rlkit runs prune`: delete runs for good, after showing which."""

from __future__ import annotations

import argparse
import re
import sys
from datetime import timedelta
from pathlib import Path

from rlkit.commands.runs_page import print_runs
from rlkit.settings import same_fields
from rlkit.untrusted import printable
from rlkit.workspace import (
    Deleter,
    PruneFilters,
    PrunePlan,
    RunEntry,
    WorkspaceError,
    finish_deletions,
    folder_size,
    list_runs,
    plan_prune,
    size,
)

HELP = "delete runs for good, after showing which; never a pinned or running one, nor the latest"

_FILTERS = ("--keep N", "--older-than 30d", "--state failed", "--kind test", "--task TASK")
_SPANS = {"min": 60.0, "h": 3600.0, "d": 86400.0, "w": 7 * 86400.0}


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options that no other action of `rlkit runs` has."""
    parser.description = (
        "Delete the runs that fit all the filters. Spared are pinned and running ones, what latest_train and "
        "latest_test show, what a pinned or running run was started from, what a kept test tested, and the "
        "skills (task.skills) of a run that holds no copy of them."
    )
    parser.add_argument(
        "--keep", type=_count, metavar="N", help="but not the N newest of those that fit task, kind and state"
    )
    parser.add_argument(
        "--older-than", type=_span, metavar="SPAN", help="only runs started longer ago: 90min, 12h, 30d, 4w"
    )
    parser.add_argument("--dry-run", action="store_true", help="only show what would be deleted")
    parser.add_argument("--yes", action="store_true", help="do not ask")


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of runs; for example 10")
    return int(text)


def _span(text: str) -> timedelta:
    match = re.fullmatch(r"(\d{1,6})(min|h|d|w)", text)
    if match is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no span of time; for example 90min, 12h, 30d or 4w")
    return timedelta(seconds=int(match.group(1)) * _SPANS[match.group(2)])


def run(arguments: argparse.Namespace) -> int:
    """Show what would go, ask, delete. Raises WorkspaceError for a request without a filter or an answer."""
    filters = same_fields(PruneFilters, arguments)
    if filters == PruneFilters():
        raise WorkspaceError(
            "say which runs to delete: {}; several narrow it down. For example\n"
            "  rlkit runs prune --kind train --keep 10 --dry-run".format(", ".join(_FILTERS))
        )
    plan = plan_prune(arguments.root, filters)
    sizes = {run.path: folder_size(run.path) for run in plan.delete}
    _print_plan(arguments.root, plan, sizes)
    if arguments.dry_run or (sizes and not _agreed(arguments, sizes)):
        return 0
    left_over = finish_deletions(arguments.root)
    if left_over:
        print(f"finished a deletion that was cut short: {size(left_over)} freed")
    return _delete(arguments.root, plan.delete, sizes) if sizes else 0


def _print_plan(root: Path, plan: PrunePlan, sizes: dict[Path, int]) -> None:
    if plan.delete:
        rows = [row for row in list_runs(root) if Path(row.path) in sizes]
        print_runs(rows, {str(path): count for path, count in sizes.items()})
    for run, reason in reversed(plan.spared):
        print(printable(f"spared: {run.name} ({reason})"))
    print(f"to delete: {_total(sizes)}")


def _agreed(arguments: argparse.Namespace, sizes: dict[Path, int]) -> bool:
    if arguments.yes:
        return True
    if not sys.stdin.isatty():
        raise WorkspaceError(
            "nothing was deleted: there is no terminal to ask on; add --yes to delete without asking"
        )
    try:
        answer = input(f"delete {_total(sizes)}? [y/N] ")
    except EOFError:
        answer = ""
    if answer.strip().lower() in ("y", "yes"):
        return True
    print("nothing was deleted")
    return False


def _delete(root: Path, runs: list[RunEntry], sizes: dict[Path, int]) -> int:
    """Delete the runs, the oldest first, and say what came of it, also when it is cut short.

    What cannot be deleted keeps no other run from it; the exit status then is 1.
    """
    deleter, deleted, freed, status = Deleter(root), 0, 0, 0
    try:
        for run in runs:
            try:
                reason = deleter.delete(run.path)
            except WorkspaceError as error:
                reason, status = str(error), 1
            if reason is not None:
                print(printable(f"spared: {run.name} ({reason})"))
                continue
            deleted += 1
            freed += sizes[run.path]
    finally:
        print(f"deleted {deleted} of {_runs(len(runs))}, {size(freed)} freed")
    return status


def _total(sizes: dict[Path, int]) -> str:
    return f"{_runs(len(sizes))}, {size(sum(sizes.values()))}" if sizes else "nothing"


def _runs(count: int) -> str:
    return "1 run" if count == 1 else f"{count} runs"
