"""`rlkit motion retarget`: motions of a person, or of another robot, as a robot can do them."""

from __future__ import annotations

import argparse
from pathlib import Path

from rlkit.commands.motion.convert import says
from rlkit.commands.motion.files import (
    Writer,
    add_files,
    add_origin,
    add_out,
    add_reading,
    asked_of,
    each,
    found,
    tell,
)
from rlkit.errors import shown
from rlkit.motion.errors import MotionError


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the files and the options."""
    parser.description = (
        "Make clips of motions of a person, or of another robot, as a robot can do them. How near it comes is measured:"
        " of a motion that it cannot do the part is kept that it can, or the motion is refused, with the reason."
    )
    add_files(parser)
    add_out(parser)
    parser.add_argument("--whole", action="store_true", help="write all of it, whatever is measured")
    parser.add_argument("--map", metavar="FILE.yaml", help="which joint of the person is which part")
    parser.add_argument("--solver", default="auto", metavar="NAME", help="own, mink or auto (auto)")
    parser.add_argument("--no-foot-lock", action="store_true", help="let standing feet slip")
    parser.add_argument("--table", action="store_true", help="show all that is measured")
    add_origin(parser)
    add_reading(parser)


def run(arguments: argparse.Namespace) -> int:
    """Write the clips; 1 where one of several files is refused."""
    if arguments.robot is None:
        raise MotionError("--robot: name the robot that is to move so: --robot h1, or --robot MODEL.yaml")
    files = found(arguments.files)
    from rlkit.motion.robots import find_robot

    find_robot(arguments.robot)  # an unknown one is refused once, before any file is read
    writer = Writer(arguments.out, arguments.force)
    return each(files, "retargeted", lambda path: _retarget(path, writer, arguments))


def _retarget(path: Path, writer: Writer, arguments: argparse.Namespace) -> None:
    from rich.console import Console

    from rlkit.motion.quality import cut
    from rlkit.motion.readers import read_all
    from rlkit.motion.retargeting import retarget
    from rlkit.motion.retargeting.between import as_skeleton
    from rlkit.motion.skeleton import SkeletonMotion

    reading = read_all(path, asked_of(arguments), arguments.format)
    for motion in reading.motions:
        table = arguments.map
        if not isinstance(motion, SkeletonMotion) and motion.entry.robot != arguments.robot:
            motion = as_skeleton(motion)
            table = {part: part for part in motion.names}
        if not isinstance(motion, SkeletonMotion):
            raise MotionError(
                f"{shown(path)} is of robot {motion.entry.robot} already ({reading.format}); try: rlkit motion convert"
                f" {path} --out {arguments.out}"
            )
        writer.place(path.stem)
        clip, report = retarget(
            motion,
            arguments.robot,
            map=table,
            foot_lock=not arguments.no_foot_lock,
            solver=arguments.solver,
            name=path.stem,
        )
        if arguments.table:
            Console().print(report.table())
        verdict = report.verdict
        if verdict.frames is None and not arguments.whole:
            raise MotionError(f"{shown(path)} is {verdict.words}; --whole writes it all the same")
        if verdict.kind == "cut" and verdict.frames is not None and not arguments.whole:
            clip = cut(clip, *verdict.frames)
        written = writer.write(clip)
        tell(
            f"{shown(path)} → {shown(written)}: {reading.format}, {says(clip)}: {verdict.words}",
            reading.notes,
        )
