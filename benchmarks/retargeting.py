"""How near robots come to recorded people, and how long it takes: a row a file and robot.

The files are your own, of any format that rlkit reads; none is shipped. The aims, for walking and running: the ankles
within 5 mm in the mean, the lowest sole of a standing foot within 10 mm of the ground, 5 ms of CPU time a frame.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from rlkit.commands.motion.files import tell_table
from rlkit.motion.readers import read_any
from rlkit.motion.retargeting import RetargetReport, retarget
from rlkit.motion.skeleton import SkeletonMotion

COLUMNS = ("clip", "robot", "solver", "frames", "ankles, mm", "worst", "pelvis, mm", "sole, mm", "skate before",
           "after", "at limit", "rad/s", "CPU ms", "verdict")  # fmt: skip


def main() -> None:
    """Retarget each file to each robot by each solver, and print the figures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.retargeting", description=__doc__)
    parser.add_argument("files", metavar="FILE", type=Path, nargs="+")
    parser.add_argument(
        "--robots", metavar="ROBOT", nargs="+", default=["h1"], help="names, or files (.yaml)"
    )
    parser.add_argument("--solvers", nargs="+", default=["own"], choices=["own", "mink"])
    arguments = parser.parse_args()
    rows: list[tuple[str, ...]] = []
    for file in arguments.files:
        motion = read_any(file)
        if not isinstance(motion, SkeletonMotion):
            print(f"{file} is a robot's already")
            continue
        for robot in arguments.robots:
            for solver in arguments.solvers:
                _, report = retarget(motion, robot, solver=solver)
                rows.append((file.stem, Path(robot).stem, solver, *figures(report)))
    tell_table([COLUMNS, *rows])


def figures(report: RetargetReport) -> list[str]:
    """The cells of a row after the solver's."""
    measures = report.measures
    ankles = np.concatenate([measures.position[ankle] for ankle in ("left_ankle", "right_ankle")])
    return [
        str(report.entry.frames),
        f"{1e3 * ankles.mean():.1f}",
        f"{1e3 * ankles.max():.1f}",
        f"{1e3 * measures.position['pelvis'].mean():.1f}",
        f"{1e3 * measures.sole.min():.0f} .. {1e3 * measures.sole.max():.0f}",
        f"{report.skate_before:.3f}",
        f"{measures.skate:.3f}",
        f"{measures.at_limit.mean(axis=0).max():.0%}",
        f"{measures.speed.max():.1f}",
        f"{report.cpu_ms:.1f}",
        report.verdict.kind,
    ]


if __name__ == "__main__":
    main()
