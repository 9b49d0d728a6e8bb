"""The `rlkit` command: what there is to do with runs besides training them."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from typing import Optional, Sequence

from rlkit.workspace import WorkspaceError, printable

COMMANDS = ("runs", "report", "compare", "view", "replay", "export", "sim2sim", "doctor")
"""Modules of rlkit.commands, in the order that the help lists them."""


def main(argv: Optional[Sequence[str]] = None) -> int:
    """Run one `rlkit` command; returns the exit status, 2 for a request that cannot be met."""
    arguments = _parser().parse_args(argv)
    try:
        status = arguments.command(arguments)
        sys.stdout.flush()
    except WorkspaceError as error:
        print(f"rlkit: {printable(str(error))}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:  # `rlkit runs | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="rlkit", description="Look at runs, and take out of them what you need."
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    commands.required = True
    for name in COMMANDS:
        module = importlib.import_module(f"rlkit.commands.{name}")
        command = commands.add_parser(name, help=module.HELP, description=module.HELP)
        module.configure(command)
        command.set_defaults(command=module.run)
    return parser


if __name__ == "__main__":
    if not getattr(sys.flags, "safe_path", False):
        del sys.path[0]  # the current folder, which may be somebody else's run
    sys.exit(main())
