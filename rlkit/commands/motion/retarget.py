"""`rlkit motion retarget`: motions of a person, or of another robot, as a robot can do them."""

from __future__ import annotations

import argparse
import shlex
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Union

from rlkit.commands.motion.convert import says
from rlkit.commands.motion.files import (
    Writer,
    add_files,
    add_origin,
    add_out,
    add_reading,
    each,
    found,
    read,
    tell,
    tell_table,
)
from rlkit.errors import shown
from rlkit.motion.errors import MotionError
from rlkit.packages import how_to_install
from rlkit.untrusted import expanded

if TYPE_CHECKING:
    from rlkit.motion.clip import Clip
    from rlkit.motion.readers import Reading
    from rlkit.motion.retargeting.report import RetargetReport
    from rlkit.motion.skeleton import SkeletonMotion

    Motion = Union[Clip, SkeletonMotion]


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
    parser.add_argument(
        "--solver",
        default="auto",
        metavar="NAME",
        help="own, mink where installed, or auto: rlkit's choice, own (auto)",
    )
    parser.add_argument("--no-foot-lock", action="store_true", help="let standing feet slip")
    parser.add_argument("--table", action="store_true", help="show all that is measured of each clip")
    parser.add_argument(
        "--pictures",
        type=Path,
        metavar="FOLDER",
        help="draw the person, the robot and the errors of each clip, and of several one picture of all errors",
    )
    add_origin(parser)
    add_reading(parser, robot="the robot that is to move so; it must be named")


def run(arguments: argparse.Namespace) -> int:
    """Write the clips, then tell the errors of several; 1 where one of several is refused."""
    if arguments.robot is None:
        raise MotionError("--robot: name the robot that is to move so: --robot h1, or --robot MODEL.yaml")
    if arguments.pictures is not None and find_spec("matplotlib") is None:
        raise MotionError(f"--pictures needs matplotlib: {how_to_install('plot')}")
    files = found(arguments.files)
    from rlkit.motion.robots import find_robot

    find_robot(arguments.robot)  # an unknown one is refused once, before any file is read
    work = _Work(arguments)
    status = each(files, "retargeted", lambda path: work.do(path, bar=len(files) == 1))
    work.tell_errors()
    return status


class _Work:
    """Motions that become clips one after the other, and what was measured of each, the refused ones too."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self.arguments = arguments
        self.writer = Writer(arguments.out, arguments.force)
        self.reports: list[RetargetReport] = []

    def do(self, path: Path, *, bar: bool) -> int:
        """All motions of a file; returns the exit status. Raises MotionError for one motion that is refused."""
        reading = read(path, self.arguments)
        names = [path.stem]
        if len(reading.motions) > 1:  # clips have names of their own, people are numbered
            names = [getattr(motion, "name", f"{path.stem}_{k}") for k, motion in enumerate(reading.motions)]
        named = list(zip(names, reading.motions))
        return each(named, f"of {path.name}", lambda one: self._retarget(path, reading, *one), bar=bar)

    def _retarget(self, path: Path, reading: Reading, name: str, motion: Motion) -> None:
        from rlkit.motion.quality import cut
        from rlkit.motion.retargeting import retarget

        arguments = self.arguments
        skeleton, parts = self._skeleton(path, reading, motion)
        stem = self.writer.place(name).stem
        clip, report = retarget(
            skeleton,
            arguments.robot,
            map=parts,
            foot_lock=not arguments.no_foot_lock,
            solver=arguments.solver,
            name=name,
        )
        self._show(report, stem)
        verdict, whole = report.verdict, arguments.whole
        if verdict.frames is None and not whole:
            raise MotionError(f"{shown(path)} is {verdict.words}; --whole writes it all the same")
        if verdict.kind == "cut" and verdict.frames is not None and not whole:
            clip = cut(clip, *verdict.frames)
        written = self.writer.write(clip)
        tell(
            f"{shown(path)} → {shown(written)}: {reading.format}, {says(clip)}: {verdict.words}",
            reading.notes,
        )

    def _skeleton(
        self, path: Path, reading: Reading, motion: Motion
    ) -> tuple[SkeletonMotion, dict[str, str] | str | None]:
        """Whose motion it is, and which of its joints are which part."""
        from rlkit.motion.retargeting.between import as_skeleton
        from rlkit.motion.skeleton import SkeletonMotion

        if isinstance(motion, SkeletonMotion):
            return motion, self.arguments.map
        if motion.entry.robot == self.arguments.robot:
            raise MotionError(
                f"{shown(path)} is of robot {motion.entry.robot} already ({reading.format}); try: rlkit motion convert"
                f" {shlex.quote(str(path))} --out {shlex.quote(str(self.arguments.out))}"
            )
        skeleton = as_skeleton(motion)
        return skeleton, {part: part for part in skeleton.names}

    def _show(self, report: RetargetReport, stem: str) -> None:
        self.reports.append(report)
        if self.arguments.table:
            from rich.console import Console

            Console().print(report.table())
        if self.arguments.pictures is not None:
            report.picture(self._pictures() / f"{stem}.png")

    def tell_errors(self) -> None:
        """Of several clips a row each, and one picture of all, the worst first."""
        if len(self.reports) < 2:
            return
        from rlkit.motion.retargeting.overview import HEAD, draw_errors, row, worst_first

        reports = worst_first(self.reports)
        tell("")
        tell_table([HEAD, *map(row, reports)])
        if self.arguments.pictures is not None:
            path = self._pictures() / "errors.png"
            draw_errors(reports, path)
            tell(f"errors of all: {shown(path)}")

    def _pictures(self) -> Path:
        folder = expanded(self.arguments.pictures)
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise MotionError(f"--pictures {shown(folder)}: {error.strerror}") from error
        return folder
