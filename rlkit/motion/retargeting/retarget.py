"""From a person's motion to a clip of a robot."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Callable, Mapping

import numpy as np

from rlkit.motion.clip import Clip, make_clip
from rlkit.motion.errors import MotionError
from rlkit.motion.retargeting import loops
from rlkit.motion.retargeting.figure import Figure
from rlkit.motion.retargeting.footlock import locked
from rlkit.motion.retargeting.measures import Measures, Sticks, measured, sides
from rlkit.motion.retargeting.mink_solver import mink_step
from rlkit.motion.retargeting.parts import robot_map, skeleton_map
from rlkit.motion.retargeting.person import person_of
from rlkit.motion.retargeting.report import RetargetReport
from rlkit.motion.retargeting.rows import Rows
from rlkit.motion.retargeting.solver import Step, follow, least_squares
from rlkit.motion.retargeting.targets import Targets, targets_of, within_reach
from rlkit.motion.robots import find_robot
from rlkit.motion.skeleton import SkeletonMotion
from rlkit.nearest import did_you_mean

SOLVERS: Mapping[str, Callable[[Figure, Rows], Step]] = {
    "auto": least_squares,  # as exact as mink here, and nothing to install
    "own": least_squares,
    "mink": mink_step,
}
Progress = Callable[[int, int], None]
_LEAD = 0.4  # s of a loop's cycle before the one that is kept


def retarget(
    motion: SkeletonMotion,
    robot: str | Path,
    *,
    map: Mapping[str, str] | str | Path | None = None,
    iterations: int = 3,
    foot_lock: bool = True,
    solver: str = "auto",
    name: str | None = None,
    progress: Progress | None = None,
) -> tuple[Clip, RetargetReport]:
    """The motion as this robot can do it, at the same rate, and how near it is to the person's.

    robot: a name, or a .yaml with `model` and `retargeting`. map: which joint plays which part; None finds a known
    skeleton. iterations: of a frame, the first has 200. foot_lock: feet that stand keep their spot. solver: "own",
    "mink" or "auto". name: the clip's; None takes the source's. progress: called with frames done and to do.
    The clip of a looping motion loops exactly. What a robot cannot do comes out wrong: read the report's verdict.
    Raises MotionError for a robot, a skeleton or a solver that is not known or lacks a part.
    """
    if solver not in SOLVERS:
        raise MotionError(
            f"there is no solver {solver}{did_you_mean(solver, SOLVERS)}; known are {', '.join(SOLVERS)}"
        )
    found = find_robot(robot)
    figure = Figure(found, robot_map(found, robot))
    joints = skeleton_map(motion.names, map)
    motion = _at_its_own_rate(motion)
    frames = len(motion.pos)
    whole, lead, kept = motion, 0, slice(0, frames)
    if motion.loop:
        # Cycles before and after let contacts go on across the seam; the end of the one before leads the solver in.
        whole, kept = loops.repeated(loops.closed(motion), 3), slice(frames - 1, 2 * frames - 1)
        lead = min(frames - 1, round(_LEAD * motion.fps))
    person = person_of(whole, joints)
    started = time.process_time()
    free = within_reach(targets_of(person, figure), figure)
    told = _Told(progress, lead + frames + foot_lock * frames)
    led = free.part(kept.start - lead, kept.stop)
    poses = _solved(figure, led, SOLVERS[solver], iterations, told)[lead:]
    targets = free.part(kept.start, kept.stop)
    skate_before = measured(figure, poses, targets).skate if foot_lock else None
    if foot_lock:
        targets = within_reach(locked(free, figure), figure).part(kept.start, kept.stop)
        poses = _solved(figure, targets, SOLVERS[solver], iterations, told, poses)
    cpu = time.process_time() - started
    poses, seam = _closed(figure, poses) if motion.loop else (poses, None)
    poses, targets = _on_the_ground(figure, poses, targets)
    clip = _clip(figure, poses, motion, name)
    measures = measured(figure, poses, targets)
    sticks = _sticks(whole, kept, joints, measures, figure)
    return clip, RetargetReport(clip.entry, measures, sticks, skate_before, 1e3 * cpu / frames, seam)


def _clip(figure: Figure, poses: np.ndarray, motion: SkeletonMotion, name: str | None) -> Clip:
    return make_clip(
        figure.robot,
        poses[:, figure.root : figure.root + 3],
        poses[:, figure.root + 3 : figure.root + 7],
        poses[:, figure.joints],
        fps=motion.fps,
        loop=motion.loop,
        source=motion.source,
        licence=motion.licence,
        name=name or Path(motion.source).stem,
    )


def _at_its_own_rate(motion: SkeletonMotion) -> SkeletonMotion:
    """Without frames that repeat the one before, where every second does, as in Isaac Gym's AMP clips."""
    pos, quat = motion.pos, motion.quat
    pairs = len(pos) // 2 * 2
    if pairs < 4 or not all(np.array_equal(a[0:pairs:2], a[1:pairs:2]) for a in (pos, quat)):
        return motion
    return replace(motion, pos=pos[::2], quat=quat[::2], fps=0.5 * motion.fps)


class _Told:
    """Frames done so far."""

    def __init__(self, progress: Progress | None, total: int) -> None:
        self._progress, self._total, self._done = progress, total, 0

    def frame(self) -> None:
        self._done += 1
        if self._progress:
            self._progress(self._done, self._total)


def _solved(
    figure: Figure,
    targets: Targets,
    solver: Callable[[Figure, Rows], Step],
    iterations: int,
    told: _Told,
    starts: np.ndarray | None = None,
) -> np.ndarray:
    """Poses `[T, nq]`."""
    rows = Rows(figure, targets)
    poses = []
    for pose in follow(figure, rows, solver(figure, rows), iterations, starts):
        poses.append(pose)
        told.frame()
    return np.stack(poses)


def _closed(figure: Figure, poses: np.ndarray) -> tuple[np.ndarray, float]:
    root = slice(figure.root, figure.root + 3), slice(figure.root + 3, figure.root + 7)
    closed = poses.copy()
    closed[:, root[0]], closed[:, root[1]], closed[:, figure.joints], gap = loops.close_seam(
        poses[:, root[0]], poses[:, root[1]], poses[:, figure.joints]
    )
    return closed, gap


def _on_the_ground(figure: Figure, poses: np.ndarray, targets: Targets) -> tuple[np.ndarray, Targets]:
    """Poses and targets moved by one length, up or down: where a foot stands the median of the lowest sole is at 0;
    where none ever does, the lowest one."""
    lowest = measured(figure, poses, targets).sole
    standing = np.any(list(targets.contact.values()), axis=0)
    shift = np.median(lowest[standing]) if standing.any() else lowest.min()
    poses = poses.copy()
    poses[:, figure.root + 2] -= shift
    down = np.array([0.0, 0.0, shift])
    return poses, replace(targets, pos={part: place - down for part, place in targets.pos.items()})


def _sticks(
    motion: SkeletonMotion, kept: slice, joints: Mapping[str, int], measures: Measures, figure: Figure
) -> Sticks:
    above, bodies = _parents(figure), figure.robot.bodies
    parts = {part: bodies.index(body) for part, (body, _) in figure.map.parts.items()}
    person = motion.pos[kept], motion.parents, sides(motion.parents, joints)
    return Sticks(*person, measures.places, above, sides(above, parts))


def _parents(figure: Figure) -> tuple[int, ...]:
    """Numbers of the bodies' parents among the robot's bodies, -1 for the root."""
    names = list(figure.robot.bodies)
    above = [figure.model.body(figure.model.body(body).parentid[0]).name for body in names]
    return tuple(names.index(parent) if parent in names else -1 for parent in above)
