"""CSV rows of a robot: root position (m), quaternion, joints (rad), as Unitree's LAFAN and Kimodo have them."""

from __future__ import annotations

import re

import numpy as np

from rlkit.motion.clip import Clip
from rlkit.motion.readers.rows import clip_of, require_finite, robot_of
from rlkit.motion.readers.source import Source
from rlkit.motion.robots import Robot

SAYS = "CSV of root xyz, quaternion, joints: 36 columns of a G1 (Unitree's LAFAN, Kimodo), 26 of an H1"

_ROOT = 7  # columns before the joints
_RATE = 30.0
_STANDS, _CLEAR = 0.5, 0.3  # cosine of the root's tilt, or of its way to its heading; a difference that tells
_WALKS = 0.5  # m
_NUMBER = re.compile(r"^\s*[-+]?(\d|\.\d|nan|inf)", re.I)
_ENDINGS = re.compile(r"_(joint|dof|pos|angle)$")


def recognises(source: Source) -> bool:
    """Whether one of its first lines is numbers with commas between them."""
    lines = source.head_text.splitlines()[:20]
    return any(line.count(",") > _ROOT and all(map(_NUMBER.match, line.split(",")[:_ROOT])) for line in lines)


def read(source: Source) -> list[Clip]:
    """The one clip of the file; raises MotionError and what TORN names."""
    header, rows = _table(source)
    require_finite(source, "value", rows)
    if rows.shape[1] <= _ROOT:
        source.refuse(
            f"{rows.shape[1]} columns; there are 3 of the root's position, 4 of its quaternion, then joints"
        )
    robot = robot_of(source, rows.shape[1] - _ROOT)
    order = _order(source, header, rows)
    quat = rows[:, 3:7] if order == "wxyz" else rows[:, [6, 3, 4, 5]]
    joints = rows[:, _ROOT:][:, _columns(header, robot)]
    fps = source.rate(_RATE, "as LAFAN's and Kimodo's CSV have; the file does not say")
    return [clip_of(source, robot, rows[:, :3], quat, joints, fps)]


def _table(source: Source) -> tuple[list[str], np.ndarray]:
    """The names above the columns, where there are some, and the numbers."""
    lines = [(number, line) for number, line in enumerate(source.text.splitlines(), 1) if line.strip()]
    first = next(
        (place for place, (_, line) in enumerate(lines) if _NUMBER.match(line.split(",")[0])), len(lines)
    )
    if first:
        source.note(f"{first} line{'s' if first > 1 else ''} of headings passed over")
    header = [word.strip().strip('"').lower() for word in lines[first - 1][1].split(",")] if first else []
    width = lines[first][1].count(",") + 1 if first < len(lines) else 0
    for number, line in lines[first:]:
        if line.count(",") + 1 != width:
            source.refuse(f"line {number} has {line.count(',') + 1} columns, and those before it {width}")
    if len(lines) - first < 2:
        source.refuse(f"{len(lines) - first} rows of numbers; a motion has two or more")
    return header, np.loadtxt([line for _, line in lines[first:]], delimiter=",", ndmin=2, comments=None)


def _order(source: Source, header: list[str], rows: np.ndarray) -> str:
    """ "wxyz" or "xyzw": the user's, the headings', or what the poses tell."""
    if source.asked.quat is not None:
        return source.asked.quat
    letters = "".join(name[-1:] for name in header[3:_ROOT])
    if letters in ("wxyz", "xyzw"):
        source.note(f"quaternions read as {letters}, as the headings say")
        return letters
    order, why = _told(rows)
    if not order:
        source.refuse(
            f"the order of the quaternion cannot be told ({why}): say --quat wxyz (Kimodo) or --quat xyzw (Unitree's"
            " LAFAN)"
        )
    source.note(f"quaternions read as {order}, {why}; --quat says otherwise")
    return order


def _told(rows: np.ndarray) -> tuple[str, str]:
    """The order that has the root upright, or, where both have, the one in which it walks forwards; and why.

    A root that stands and faces backwards in one order faces forwards in the other. Empty where neither tells.
    """
    quats = {"wxyz": rows[:, 3:7], "xyzw": rows[:, [6, 3, 4, 5]]}
    upright = {order: float(np.mean(1.0 - 2.0 * (q[:, 1] ** 2 + q[:, 2] ** 2))) for order, q in quats.items()}
    ranked = sorted(upright, key=lambda order: -upright[order])
    if upright[ranked[0]] > _STANDS and upright[ranked[0]] - upright[ranked[1]] > _CLEAR:
        return ranked[0], "which has the root upright"
    steps = np.diff(rows[:, :2], axis=0)
    forward = {
        order: float((np.stack([1.0 - 2.0 * (y**2 + z**2), 2.0 * (x * y + w * z)], -1)[:-1] * steps).sum())
        for order, (w, x, y, z) in ((order, q.T) for order, q in quats.items())
    }
    way = max(float(np.linalg.norm(steps, axis=1).sum()), 1e-9)
    told = ", ".join(f"{order} {value:.2f}" for order, value in upright.items())
    ahead = max(forward, key=lambda order: forward[order])
    if upright[ranked[1]] > _STANDS and way > _WALKS and forward[ahead] / way > _STANDS:
        return ahead, "which has the root walk forwards"
    return "", f"how upright the root is: {told}"


def _columns(header: list[str], robot: Robot) -> list[int]:
    """Columns of the joints in the model's order, by the headings where these name every joint."""
    named = [_ENDINGS.sub("", name) for name in header[_ROOT:]]
    wanted = [_ENDINGS.sub("", joint.lower()) for joint in robot.joints]
    return (
        [named.index(joint) for joint in wanted]
        if sorted(named) == sorted(wanted)
        else list(range(len(wanted)))
    )
