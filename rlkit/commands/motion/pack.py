"""`rlkit motion pack`: many clips of one robot in one file."""

from __future__ import annotations

import argparse
from pathlib import Path

from rlkit.commands.motion.files import (
    add_files,
    add_reading,
    counted,
    found,
    read,
    require_free,
    robots_only,
    tell,
)
from rlkit.errors import shown
from rlkit.motion.errors import MotionError
from rlkit.untrusted import expanded


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the files and the options."""
    parser.description = (
        "Put many clips of one robot into one file, which is read in one go; it is written whole, or not at all where"
        " one of them is refused. motion=FILE.npz takes all of it, motion=FILE.npz:NAME one clip."
    )
    add_files(parser)
    parser.add_argument("--out", type=Path, required=True, metavar="FILE.npz", help="where it is written")
    parser.add_argument("--force", action="store_true", help="overwrite what is there")
    add_reading(parser)


def run(arguments: argparse.Namespace) -> int:
    """Write the file; raises MotionError and WorkspaceError for a refusal, and nothing is written then."""
    out = expanded(arguments.out)
    if out.suffix != ".npz":
        raise MotionError(f"--out {shown(out)}: a packed file is an .npz")
    require_free(out, arguments.force)
    if not out.parent.is_dir():
        raise MotionError(f"--out {shown(out)}: there is no folder {shown(out.parent)}")
    files = [path for path in found(arguments.files) if path != out]
    from rlkit.motion.pack import write_pack

    clips = [
        clip for path in files for clip in robots_only(path, read(path, arguments), out, arguments.robot)
    ]
    write_pack(out, clips)
    seconds = sum(clip.entry.duration for clip in clips)
    tell(f"{shown(out)}: {counted(len(clips), 'clip')} of {clips[0].entry.robot}, {seconds:.1f} s")
    return 0
