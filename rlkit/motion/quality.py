"""Whether a clip can be followed: what is measured of it, and a verdict in words."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import torch

from rlkit.motion.clip import ARRAYS, Clip
from rlkit.motion.differences import spans_of
from rlkit.motion.kinematics import Kinematics
from rlkit.motion.robots import Robot, find_robot, require_fit
from rlkit.motion.soles import Soles

FASTEST_JOINT = 20.0  # rad/s
FASTEST_ROOT, FASTEST_TURN = 12.0, 25.0  # m/s, rad/s: faster is a jump in the recording
MOST_AT_LIMITS = 0.10  # share of a clip's frames
SHORTEST = 0.5  # s that a cut must leave
TOUCHING = (0.005, 0.010)  # m above the ground
_AT_LIMIT = 1e-3  # rad
_FLOATS = 0.03  # m that the soles' median may be off the ground
_GAP, _GAP_HEIGHT = 0.1, 0.02  # rad and m between a loop's last frame and its first one moved on
_COARSE = 10.0  # frames a second
_MOST_INVERTED = 0.5  # share of the frames with the root's upper side below


@dataclass(frozen=True)
class Report:
    """What was measured of a clip.

    verdict: "ok", "cut a..b" (these frames can be used, both included) or "refused". problems: why, in words. notes:
    what is worth knowing. keep: first and last frame of a cut, None else. measured: numbers by their names, of what is
    kept: `sole_median`, `sole_lowest` (m, of the lowest sole point of each frame), `skate_5mm`, `skate_10mm` (m/s,
    mean of the slowest touching sole point), `at_limits` (largest share of frames of a joint), `joint_speed` (largest,
    rad/s).
    """

    name: str
    verdict: str
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    keep: tuple[int, int] | None = None
    measured: dict[str, float] = field(default_factory=dict)

    @property
    def usable(self) -> bool:
        """Whether the whole clip or a part of it can be used."""
        return self.verdict != "refused"

    def lines(self) -> list[str]:
        """The report as a text, the verdict first."""
        return [f"{self.name}: {self.verdict}", *(f"  {said}" for said in (*self.problems, *self.notes))]


def exact(robot: Robot) -> Kinematics:
    """What clips of a robot are checked with: in float64, made once for all of them."""
    return Kinematics(robot, dtype=torch.float64)


def check_clip(clip: Clip, kinematics: Kinematics | None = None) -> Report:
    """Measure a clip of a robot; kinematics: `exact` of it, where several clips are checked or the robot is a file.

    Raises MotionError for a robot that is not known, or a clip of another one.
    """
    kinematics = kinematics or exact(find_robot(clip.entry.robot))
    require_fit(clip.entry, kinematics.robot)
    bad, problems = _bad_steps(clip, kinematics)
    first, last = _longest(~bad)
    if not bad.any():
        keep, verdict = None, "ok"
    elif last - first >= max(SHORTEST * clip.entry.fps, 0.5 * len(bad)):
        keep, verdict = (first, last), f"cut {first}..{last}"
    else:
        keep, verdict = None, "refused"
    measured, notes = {}, _facts(clip, kinematics)
    if verdict != "refused":
        kept = clip if keep is None else cut(clip, *keep)
        measured = _measured(kept, kinematics)
        notes += _said(measured)
        gaps = loop_gaps(kept)
        problems += gaps
        verdict = "refused" if gaps else verdict
    return Report(clip.name, verdict, tuple(problems), tuple(notes), keep, measured)


def cut(clip: Clip, first: int, last: int) -> Clip:
    """The frames `first` to `last`, both included; of a loop no loop is left, unless it is all of it."""
    if (first, last) == (0, clip.entry.frames - 1):
        return clip
    entry = replace(clip.entry, frames=last - first + 1, loop=False)
    return Clip(entry, *(getattr(clip, name)[first : last + 1] for name in ARRAYS))


# What is wrong.


def _bad_steps(clip: Clip, kinematics: Kinematics) -> tuple[np.ndarray, list[str]]:
    """Steps `[T - 1]` between frames that no policy could follow, and why."""
    fps, joints = clip.entry.fps, clip.entry.joints
    infinite = ~np.all([np.isfinite(getattr(clip, name)).all(axis=-1) for name in ARRAYS], axis=0)
    root_pos, root_quat, joint_pos = (
        np.nan_to_num(getattr(clip, name).astype(np.float64)) for name in ARRAYS
    )
    no_turn = ~infinite & (np.abs(np.linalg.norm(root_quat, axis=-1) - 1.0) > 1e-3)
    sound = ~_steps_at(infinite | no_turn)
    speeds = fps * np.abs(np.diff(joint_pos, axis=0)) * sound[:, None]
    moved = fps * np.linalg.norm(np.diff(root_pos, axis=0), axis=-1) * sound
    cosine = np.abs((root_quat[1:] * root_quat[:-1]).sum(axis=-1)).clip(max=1.0)
    turned = fps * 2.0 * np.arccos(cosine) * sound
    at_limit = _at_limits(joint_pos, kinematics) & ~infinite[:, None]
    stuck = at_limit.mean(axis=0) > MOST_AT_LIMITS
    names = ", ".join(f"{joints[k]} {at_limit[:, k].mean():.0%}" for k in np.flatnonzero(stuck))
    step, joint = np.unravel_index(speeds.argmax(), speeds.shape)
    found = [
        (_steps_at(infinite), f"numbers are not finite {_in_frames(infinite)}"),
        (_steps_at(no_turn), f"root_quat is no rotation {_in_frames(no_turn)}"),
        (
            speeds.max(axis=-1) > FASTEST_JOINT,
            f"{joints[joint]} turns at {speeds.max():.0f} rad/s behind frame {step}",
        ),
        (moved > FASTEST_ROOT, f"the root jumps behind frame {moved.argmax()}, at {moved.max():.0f} m/s"),
        (
            turned > FASTEST_TURN,
            f"the root spins behind frame {turned.argmax()}, at {turned.max():.0f} rad/s",
        ),
        (_steps_at(at_limit[:, stuck].any(axis=-1)), f"at a limit in many of its frames: {names}"),
    ]
    return np.any([mask for mask, _ in found], axis=0), [said for mask, said in found if mask.any()]


def _in_frames(mask: np.ndarray) -> str:
    return f"in {mask.sum()} of its frames, first in {mask.argmax()}"


def _steps_at(frames: np.ndarray) -> np.ndarray:
    """The steps to and from frames `[T]`."""
    return frames[1:] | frames[:-1]


def _at_limits(joint_pos: np.ndarray, kinematics: Kinematics) -> np.ndarray:
    low, high = (bound.cpu().numpy() for bound in (kinematics.low, kinematics.high))
    return (joint_pos <= low + _AT_LIMIT) | (joint_pos >= high - _AT_LIMIT)


def _longest(good: np.ndarray) -> tuple[int, int]:
    """First and last frame of the longest run of good steps."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], good, [False])).astype(int)))
    starts, ends = edges[::2], edges[1::2]
    if not len(starts):
        return 0, 0
    best = int((ends - starts).argmax())
    return int(starts[best]), int(ends[best])


def loop_gaps(clip: Clip) -> list[str]:
    """What of a loop's last frame is not that of its first one, moved on; nothing of a clip that is no loop."""
    if not clip.entry.loop:
        return []
    step = np.abs(clip.joint_pos[-1] - clip.joint_pos[0])
    joint = int(step.argmax())
    height = abs(float(clip.root_pos[-1, 2] - clip.root_pos[0, 2]))
    found = [f"{clip.entry.joints[joint]} differs by {step[joint]:.2f} rad"] if step[joint] > _GAP else []
    found += [f"the root's height differs by {100 * height:.1f} cm"] if height > _GAP_HEIGHT else []
    first, last = (_down(clip.root_quat[frame]) for frame in (0, -1))
    lean = float(np.arccos(np.clip(first @ last, -1.0, 1.0)))
    found += [f"the root leans otherwise by {lean:.2f} rad"] if lean > _GAP else []
    if not found:
        return []
    return [
        f"it is no loop: between its last frame and its first, {', '.join(found)}; write it with loop: false"
    ]


def _up(quat: np.ndarray) -> np.ndarray:
    """Cosines `[T]` between z and the z axes of a body, whose rotations `[T, 4]` are wxyz, body to world."""
    x, y = quat[:, 1].astype(np.float64), quat[:, 2].astype(np.float64)
    return 1 - 2 * (x * x + y * y)


def _down(quat: np.ndarray) -> np.ndarray:
    """The world's z axis `[3]` in the frame of a body, whose rotation `[4]` is wxyz, body to world."""
    w, x, y, z = quat.astype(np.float64)
    return np.array([2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)])


# What is measured.


def _measured(clip: Clip, kinematics: Kinematics) -> dict[str, float]:
    entry = clip.entry
    root_pos, root_quat, joint_pos = (
        torch.from_numpy(getattr(clip, name).astype(np.float64)).to(kinematics.low) for name in ARRAYS
    )
    speeds = entry.fps * (joint_pos[1:] - joint_pos[:-1]).abs()
    found = {
        "joint_speed": speeds.max().item(),
        "at_limits": float(_at_limits(clip.joint_pos, kinematics).mean(axis=0).max()),
    }
    soles = Soles(kinematics.robot, kinematics.low.dtype)
    if not len(soles):
        return found
    poses = kinematics.poses(root_pos, root_quat, joint_pos)
    spans = spans_of(root_pos, root_quat, [entry.frames], [entry.fps], [entry.loop])
    heights, sliding = soles.heights(*poses), soles.speeds(*poses, spans)
    lowest = heights.min(dim=-1).values
    found["sole_median"], found["sole_lowest"] = lowest.median().item(), lowest.min().item()
    for near in TOUCHING:
        touching = heights < near
        slowest = sliding.masked_fill(~touching, torch.inf).min(dim=-1).values[touching.any(dim=-1)]
        if len(slowest):
            found[f"skate_{1000 * near:.0f}mm"] = slowest.mean().item()
    return found


def _facts(clip: Clip, kinematics: Kinematics) -> list[str]:
    entry, robot = clip.entry, kinematics.robot
    loop = ", a loop" if entry.loop else ""
    notes = [f"{entry.frames} frames at {entry.fps:g} Hz, {entry.duration:.2f} s{loop}"]
    if entry.fps < _COARSE:
        notes.append(f"{entry.fps:g} frames a second are few: is the rate right?")
    if entry.model not in (None, robot.fingerprint):
        notes.append(f"it was made for another model of {robot.name}: heights and limits may be off")
    inverted = float((_up(clip.root_quat) < 0.0).mean())
    if inverted > _MOST_INVERTED:
        notes.append(
            f"it is upside down in {inverted:.0%} of the frames: a clip's rotations are wxyz; was it read so (--quat)?"
        )
    if not robot.feet:
        notes.append(f"the feet of {robot.name} are not known, so that its soles are not checked")
    return notes


def _said(measured: dict[str, float]) -> list[str]:
    notes = [f"joints turn at {measured['joint_speed']:.1f} rad/s at most"]
    if "sole_median" in measured:
        median, lowest = measured["sole_median"], measured["sole_lowest"]
        notes.append(
            f"lowest sole point: {1000 * median:+.0f} mm in the median, {1000 * lowest:+.0f} mm at its lowest"
        )
        if abs(median) > _FLOATS:
            side = "above" if median > 0.0 else "below"
            notes.append(f"it is {side} the ground: shift its root by {-median:+.3f} m")
    slides = [
        f"{value:.2f} m/s within {name[6:-2]} mm" for name, value in measured.items() if "skate" in name
    ]
    if slides:
        notes.append(f"touching soles slide at {', '.join(slides)}")
    return notes
