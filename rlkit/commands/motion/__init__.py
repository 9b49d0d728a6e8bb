"""`rlkit motion`: recorded motions: read those of others, look at them, check them, give them to a robot."""

from __future__ import annotations

import argparse
import importlib
from typing import NamedTuple

HELP = "recorded motions: convert, check, show, retarget, pack, record and list clips"


class Action(NamedTuple):
    """A module here with `configure` and `run`, and what the help says of it."""

    module: str
    says: str


ACTIONS = {
    "convert": Action("convert", "make clips of a robot's motions in files of others"),
    "retarget": Action("retarget", "make clips of a person's motions, as a robot can do them"),
    "check": Action("check", "tell whether clips are of use: soles, skating, limits, speeds"),
    "show": Action("show", "tell what is in a motion's file; play it, film it"),
    "pack": Action("pack", "put many clips into one file"),
    "record": Action("record", "make clips of what a policy has done, from a run's recordings"),
    "list": Action("listing", "list the clips that rlkit brings, and what lists of clips hold"),
}


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the actions with their options."""
    parser.description = "Recorded motions for robots to follow; docs/motion.md is the guide."
    actions = parser.add_subparsers(
        title="actions", metavar="ACTION", description="`rlkit motion ACTION -h` explains each"
    )
    actions.required = True
    for name, action in ACTIONS.items():
        added = actions.add_parser(
            name, help=action.says, description=action.says[0].upper() + action.says[1:] + "."
        )
        module = importlib.import_module(f"rlkit.commands.motion.{action.module}")
        module.configure(added)
        added.set_defaults(action=module.run)


def run(arguments: argparse.Namespace) -> int:
    """Do what was asked; raises MotionError and WorkspaceError for a refusal."""
    return arguments.action(arguments)
