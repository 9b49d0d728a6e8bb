"""`rlkit zoo`: the trained policies that come with rlkit, their cards, and how a run becomes one."""

from __future__ import annotations

import argparse

from rlkit.commands.zoo import add, show

HELP = "list the policies that come with rlkit; show one's card, make one of a run"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the actions with their options."""
    parser.description = (
        "List the trained policies that come with rlkit. `rlkit demo NAME` shows one at work; zoo:NAME stands for it"
        " wherever a checkpoint is asked for. docs/zoo.md is the guide."
    )
    parser.set_defaults(action=show.run_list)
    actions = parser.add_subparsers(
        title="actions", metavar="ACTION", description="`rlkit zoo ACTION -h` explains each"
    )
    for name, says, module, action in (
        ("show", "show the card of a policy", show, show.run_show),
        ("add", "make a policy with its card of a training run and its test", add, add.run),
    ):
        added = actions.add_parser(name, help=says, description=f"{says[0].upper()}{says[1:]}.")
        module.configure(added)
        added.set_defaults(action=action)


def run(arguments: argparse.Namespace) -> int:
    """Do what was asked, by default list them; raises RlkitError for a refusal."""
    return arguments.action(arguments)
