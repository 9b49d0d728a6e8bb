"""`rlkit motion list`: the clips that rlkit brings, and what lists, folders and packed files hold."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Sequence

from rlkit.commands.motion.files import counted, tell, tell_table

if TYPE_CHECKING:
    from rlkit.motion.collection import Choice

_LISTS = Path("conf/motion")


def configure(parser: argparse.ArgumentParser) -> None:
    """Add what to list."""
    parser.description = (
        "List clips with their weights, as `motion=` takes them: those of rlkit and of each list in conf/motion/, or of"
        " what is named."
    )
    parser.add_argument(
        "what", nargs="*", metavar="NAME|FILE|FOLDER|LIST.yaml", help="a name of rlkit's, or a path (all)"
    )


def run(arguments: argparse.Namespace) -> int:
    """Print them; raises MotionError for what is not there."""
    from rlkit.motion.collection import resolve, shipped

    if not arguments.what:
        names = shipped()
        tell(f"{len(names)} clips come with rlkit")
        if names:
            _tell([resolve(name)[0]._replace(weight=1.0) for name in names], names)
    for what in arguments.what or sorted(map(str, _LISTS.glob("*.yaml"))):
        choices = resolve(what)
        seconds = sum(choice.entry.duration for choice in choices)
        tell(f"{what}: {counted(len(choices), 'clip')} of {choices[0].entry.robot}, {seconds:.1f} s")
        _tell(choices, [choice.entry.name for choice in choices])
    return 0


def _tell(choices: Sequence[Choice], names: Sequence[str]) -> None:
    rows: list[Sequence[str]] = [("clip", "weight", "s", "Hz", "loop", "licence")]
    for choice, name in zip(choices, names):
        entry = choice.entry
        loop = "loop" if entry.loop else ""
        rows.append(
            (name, f"{choice.weight:g}", f"{entry.duration:.2f}", f"{entry.fps:g}", loop, entry.licence)
        )
    tell_table(rows)
