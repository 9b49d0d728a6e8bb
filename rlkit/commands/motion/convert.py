"""`rlkit motion convert`: clips out of a robot's motions in files of other programs."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from rlkit.commands.motion.files import (
    Writer,
    add_files,
    add_origin,
    add_out,
    add_reading,
    each,
    found,
    read,
    robots_only,
    tell,
)
from rlkit.errors import shown

if TYPE_CHECKING:
    from rlkit.motion.clip import Clip


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the files and the options."""
    add_files(parser)
    add_out(parser)
    add_origin(parser)
    add_reading(parser)


def run(arguments: argparse.Namespace) -> int:
    """Write the clips; 1 where one of several files is refused."""
    files, writer = found(arguments.files), Writer(arguments.out, arguments.force)

    def convert(path: Path) -> None:
        reading = read(path, arguments)
        for motion in robots_only(path, reading, arguments.out, arguments.robot):
            written = writer.write(motion)
            tell(f"{shown(path)} → {shown(written)}: {reading.format}, {says(motion)}", reading.notes)

    return each(files, "converted", convert)


def says(clip: Clip) -> str:
    """A clip in some words."""
    entry = clip.entry
    loop = ", a loop" if entry.loop else ""
    return f"robot {entry.robot}, {entry.frames} frames at {entry.fps:g} Hz = {entry.duration:.2f} s{loop}"
