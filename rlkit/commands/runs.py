"""`rlkit runs`: the runs of a workspace: list, look at, compare, pin, find and delete them."""

from __future__ import annotations

import argparse
from typing import Callable

from rlkit.commands import runs_diff, runs_prune, runs_show
from rlkit.commands.options import add_root
from rlkit.commands.runs_page import print_runs
from rlkit.packages import train_command
from rlkit.untrusted import printable
from rlkit.workspace import (
    RUN_KINDS,
    RUN_STATES,
    WorkspaceError,
    find_run,
    list_runs,
    pin_run,
    pinned_names,
    pins_of,
    resolve,
    runs_as_json,
    start_above,
    unpin,
)

HELP = "list, show, diff, pin and prune runs"

_DESCRIPTION = "List every run of the archive, the newest first; or do something with some of them."
_RUN = (
    "latest, latest_train, latest_test, a run's name or its pin's, a part that only one has, "
    "or a path to it or into it"
)
_SHARED = ("task", "kind", "state", "json")  # what stands before the action, as in `rlkit runs --json show X`

Action = Callable[[argparse.Namespace], int]


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options, and the actions with theirs."""
    parser.description = _DESCRIPTION
    add_root(parser)
    _add_filters(parser, default=None)
    _add_json(parser, default=False)
    parser.set_defaults(action=_list, takes=_SHARED)
    actions = parser.add_subparsers(
        title="actions", metavar="ACTION", description="`rlkit runs ACTION -h` explains each"
    )

    def add(name: str, action: Action, says: str, takes: tuple[str, ...] = ()) -> argparse.ArgumentParser:
        added = actions.add_parser(name, help=says, description=says[0].upper() + says[1:] + ".")
        # Suppressed defaults let what was typed before the action stand.
        add_root(added, argparse.SUPPRESS)
        added.set_defaults(action=action, takes=takes)
        return added

    listing = add("list", _list, "list the runs, as `rlkit runs` alone does", _SHARED)
    _add_filters(listing)
    _add_json(listing)
    show = add("show", runs_show.run, runs_show.HELP, ("json",))
    show.add_argument("ref", metavar="RUN", help=_RUN)
    _add_json(show)
    diff = add("diff", runs_diff.run, runs_diff.HELP, ("json",))
    diff.add_argument("ref", metavar="RUN", help=_RUN)
    diff.add_argument("other", metavar="RUN", help="the run to compare it with")
    _add_json(diff)
    pin = add("pin", _pin, "keep a run in sight in runs/pinned/, where it is never pruned")
    pin.add_argument("ref", metavar="RUN", help=_RUN)
    pin.add_argument("name", metavar="NAME", nargs="?", help="the name to pin it under (the run's own)")
    unpinning = add("unpin", _unpin, "let a pinned run go back to the recent ones in runs/")
    unpinning.add_argument("ref", metavar="NAME|RUN", help="a pin's name, or a run to free of all its pins")
    path = add("path", _path, "print where a run lies, for the shell: cd $(rlkit runs path latest)")
    path.add_argument("ref", metavar="RUN", help=_RUN)
    path.add_argument(
        "--checkpoint",
        type=_which,
        metavar="best|last|N",
        help="print where this checkpoint of it lies instead",
    )
    prune = add("prune", runs_prune.run, runs_prune.HELP, ("task", "kind", "state"))
    _add_filters(prune)
    runs_prune.configure(prune)


def _add_filters(parser: argparse.ArgumentParser, default: object = argparse.SUPPRESS) -> None:
    parser.add_argument("--task", metavar="TASK", default=default, help="only runs of this task")
    parser.add_argument("--kind", choices=RUN_KINDS, default=default, help="only training or only test runs")
    parser.add_argument("--state", choices=RUN_STATES, default=default, help="only runs in this state")


def _add_json(parser: argparse.ArgumentParser, default: object = argparse.SUPPRESS) -> None:
    parser.add_argument("--json", action="store_true", default=default, help="print JSON for programs")


def _which(text: str) -> str:
    if text in ("best", "last") or (text.isascii() and text.isdigit()):
        return text
    raise argparse.ArgumentTypeError(f"{text!r} is no checkpoint; allowed are best, last and an iteration")


def run(arguments: argparse.Namespace) -> int:
    """Do what was asked, by default list the runs; raises WorkspaceError when there is no such root."""
    if not arguments.root.is_dir():
        raise WorkspaceError(
            f"--root {arguments.root}: there is no such folder; give the one that holds runs_all/"
        )
    for option in _SHARED:
        if getattr(arguments, option) and option not in arguments.takes:
            raise WorkspaceError(f"--{option} means nothing here; `rlkit runs -h` shows what goes with what")
    return arguments.action(arguments)


def _list(arguments: argparse.Namespace) -> int:
    rows = list_runs(arguments.root, task=arguments.task, kind=arguments.kind, state=arguments.state)
    if arguments.json:
        print(runs_as_json(rows))
    elif rows:
        print_runs(rows)
    else:
        _print_nothing(arguments)
    return 0


def _print_nothing(arguments: argparse.Namespace) -> None:
    filters = [f"--{key} {value}" for key in ("task", "kind", "state") if (value := getattr(arguments, key))]
    if filters and list_runs(arguments.root):
        print(f"No run fits {' '.join(filters)}; `rlkit runs` shows all.")
    else:
        task = f" task={arguments.task}" if arguments.task else ""
        above = start_above(arguments.root)
        what = f"But {above}" if above else f"Start one:\n  {train_command()}{task}"
        print(f"No runs in {arguments.root.resolve()} yet. {what}")


def _pin(arguments: argparse.Namespace) -> int:
    path = find_run(arguments.ref, arguments.root)
    done = pin_run(path, arguments.name, root=arguments.root)
    name = arguments.name or ", ".join(pins_of(path, arguments.root) or [path.name])
    print(printable(f"{path.name} is {'now' if done else 'already'} pinned as {name}"))
    return 0


def _unpin(arguments: argparse.Namespace) -> int:
    if arguments.ref in pinned_names(arguments.root):
        pins = [arguments.ref]
    else:
        path = find_run(arguments.ref, arguments.root)
        pins = pins_of(path, arguments.root)
        if not pins:
            print(printable(f"{path.name} is not pinned"))
    for pin in pins:
        unpin(pin, root=arguments.root)
        print(f"{pin} is no longer pinned")
    return 0


def _path(arguments: argparse.Namespace) -> int:
    path = find_run(arguments.ref, arguments.root)
    if arguments.checkpoint is not None:
        path = resolve(f"{path}:{arguments.checkpoint}", root=arguments.root).checkpoint
    print(path)
    return 0
