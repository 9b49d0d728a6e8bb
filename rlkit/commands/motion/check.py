"""`rlkit motion check`: whether clips are of use, and the part of them that is."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from rlkit.commands.motion.files import (
    Writer,
    add_files,
    add_reading,
    each,
    found,
    read,
    robots_only,
    tell,
    tell_table,
)
from rlkit.errors import FAILED, shown

if TYPE_CHECKING:
    from rlkit.motion.kinematics import Kinematics
    from rlkit.motion.quality import Report

_MEASURED = {
    "soles mm": ("sole_median", 1000.0, "{:+.0f}"),
    "lowest mm": ("sole_lowest", 1000.0, "{:+.0f}"),
    "skate m/s": ("skate_10mm", 1.0, "{:.2f}"),
    "joints rad/s": ("joint_speed", 1.0, "{:.1f}"),
    "at limits": ("at_limits", 1.0, "{:.0%}"),
}


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the files and the options."""
    parser.description = (
        "Measure clips: how high the lowest sole is and how fast it slides, how fast the joints turn, how often they"
        " are at their limits, whether a loop closes. Exit status 1 where a clip is refused."
    )
    add_files(parser)
    parser.add_argument(
        "--cut", type=Path, metavar="FILE.npz|FOLDER", help="write the good part of each clip that has one"
    )
    parser.add_argument("--force", action="store_true", help="overwrite what is there")
    add_reading(parser)


def run(arguments: argparse.Namespace) -> int:
    """Tell the verdicts; 1 where a clip is refused, or a file of several cannot be read."""
    files = found(arguments.files)
    from rlkit.motion.quality import check_clip, cut, exact
    from rlkit.motion.shown.drawable import robot_of_clip

    reports: list[Report] = []
    writer = Writer(arguments.cut, arguments.force) if arguments.cut is not None else None
    known: dict[str, Kinematics] = {}

    def check(path: Path) -> None:
        reading = read(path, arguments)
        for clip in robots_only(path, reading, arguments.cut or Path("clips"), arguments.robot):
            if clip.entry.robot not in known:
                known[clip.entry.robot] = exact(robot_of_clip(clip, arguments.robot))
            report = check_clip(clip, known[clip.entry.robot])
            reports.append(report)
            tell("\n".join(report.lines()), reading.notes)
            if writer is not None and report.usable:
                kept = clip if report.keep is None else cut(clip, *report.keep)
                tell(f"  wrote {shown(writer.write(kept))}")

    status = each(files, "checked", check)
    if reports:
        tell("")
        tell_table([("clip", "verdict", *_MEASURED), *map(_row, reports)])
    return status or (0 if all(report.usable for report in reports) else FAILED)


def _row(report: Report) -> tuple[str, ...]:
    cells = [
        form.format(scale * report.measured[name]) if name in report.measured else ""
        for name, scale, form in _MEASURED.values()
    ]
    return (report.name, report.verdict, *cells)
