"""`rlkit sim2sim`: how a policy does on simulators that it was not trained on."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from rlkit.commands.options import add_root, add_trust
from rlkit.workspace import WorkspaceError

HELP = "test a run's policy on other simulators beside its own"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the run, the words and the options."""
    parser.description = (
        "Play a policy on the simulator that it was trained on and on others, and compare returns, lengths and"
        " successes; from the same first states where they run on the same device (device=cpu makes sure). The numbers"
        " go into sim2sim.json in the run's folder too. Words as a training takes them: sim=NAME for each other"
        " simulator; episodes=64 of each; seed=N of the first states (the training's); device=auto."
    )
    parser.add_argument("ref", metavar="RUN", help="as checkpoint= takes it: latest, a run, run:best, a file")
    parser.add_argument(
        "words", metavar="WORD", nargs="*", help="sim=NAME, again for another; episodes=, seed=, device="
    )
    add_root(parser)
    add_trust(parser)


def run(arguments: argparse.Namespace) -> int:
    """Compare; 1 where it failed on a simulator. Raises WorkspaceError for a refusal."""
    simulators, settings = read_words(arguments.words)
    from rlkit.crosscheck.request import read_request

    comparison = read_request(arguments.ref, arguments.root, simulators, trusted=arguments.trust, **settings)
    from rich.console import Console

    from rlkit.crosscheck.sim2sim import compare  # torch and the simulators come with it
    from rlkit.runtime.process.logs import start_logging, stop_logging

    console = Console(soft_wrap=not sys.stdout.isatty())
    start_logging("info", console, None)
    try:
        results = compare(comparison, console)
    finally:
        stop_logging()
    return 1 if any("error" in result for result in results) else 0


def read_words(words: list[str]) -> tuple[list[str], dict[str, Any]]:
    """The simulators, and what else is asked for; raises WorkspaceError for a word that is not understood."""
    simulators: list[str] = []
    settings: dict[str, Any] = {}
    for word in words:
        key, _, value = word.partition("=")
        if key == "sim" and value:
            simulators.append(value)
        elif key == "device" and value:
            settings[key] = value
        elif key in ("episodes", "seed") and value.isdigit() and (key == "seed" or 1 <= int(value) <= 100000):
            settings[key] = int(value)
        else:
            raise WorkspaceError(
                f"{word}: not understood; allowed are sim=NAME (again for another), episodes=64 (1 to 100000),"
                " seed=0 and device=cpu"
            )
    return simulators, settings
