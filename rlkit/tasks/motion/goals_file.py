"""Goals of a text: where bodies are to be, and when, that no clip says.

The standard library and yaml are enough, so that a request is refused before numpy and torch are imported.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, NamedTuple, Sequence

from rlkit.errors import shown
from rlkit.motion.collection import read_yaml
from rlkit.motion.errors import MotionError
from rlkit.nearest import did_you_mean
from rlkit.untrusted import expanded

_KEYS = ("time", "body", "position", "rotation")
_EXAMPLE = "- {time: 1.0, body: torso_link, position: [0.5, 0.0, 1.0]}"


class Goal(NamedTuple):
    """Where a body is to be.

    time: s since the episode's beginning. position: `[3]` m, and rotation: `[4]` wxyz, of length 1, body to frame; None
    where it does not matter. The frame lies on the ground below the pelvis as it begins, and its x axis points to where
    that faces.
    """

    time: float
    body: str
    position: tuple[float, ...] | None
    rotation: tuple[float, ...] | None


def read_goals(path: str | Path, bodies: Sequence[str]) -> list[Goal]:
    """The goals of a file, the first one first, of these bodies.

    Raises MotionError for a file that cannot be read, for what is no goal, and for two of a body at one time.
    """
    path = expanded(path)
    value = read_yaml(path)
    items = value.get("goals") if isinstance(value, dict) else None
    if not isinstance(items, list) or not items:
        raise MotionError(f"{shown(path)} lists no goals; write `goals:` and below it `{_EXAMPLE}` for each")
    goals: dict[tuple[float, str], Goal] = {}
    for number, item in enumerate(items, start=1):
        where = f"{shown(path)}: goal {number}"
        goal = _goal(item, bodies, where)
        if (goal.time, goal.body) in goals:
            raise MotionError(f"{where}: {goal.body} has another one at {goal.time:g} s; keep one")
        goals[goal.time, goal.body] = goal
    return sorted(goals.values(), key=lambda goal: goal.time)


def _goal(item: Any, bodies: Sequence[str], where: str) -> Goal:
    if not isinstance(item, dict) or "body" not in item or "time" not in item:
        raise MotionError(f"{where} has a time and a body, as in `{_EXAMPLE}`")
    for key in item:
        if key not in _KEYS:
            raise MotionError(f"{where}: unknown key {key}{did_you_mean(str(key), _KEYS)}")
    (time,) = _numbers([item["time"]], 1, f"{where}: its time")
    if time <= 0.0:
        raise MotionError(f"{where}: its time is {time:g} s; it lies after the episode's beginning, above 0")
    body = str(item["body"])
    if body not in bodies:
        raise MotionError(
            f"{where}: no target is of {body}{did_you_mean(body, bodies, '.')} There are {', '.join(bodies)}"
        )
    position, rotation = item.get("position"), item.get("rotation")
    if position is None and rotation is None:
        raise MotionError(f"{where}: give it a position, m, or a rotation, w, x, y, z")
    if position is not None:
        position = _numbers(position, 3, f"{where}: its position, m,")
    if rotation is not None:
        rotation = _numbers(rotation, 4, f"{where}: its rotation, w, x, y, z,")
        length = math.hypot(*rotation)
        if not 0.9 < length < 1.1:
            raise MotionError(f"{where}: its rotation has the length {length:.3g}; a quaternion's is 1")
        rotation = tuple(number / length for number in rotation)
    return Goal(time, body, position, rotation)


def _numbers(value: Any, count: int, what: str) -> tuple[float, ...]:
    numbers = value if isinstance(value, list) else [value]
    fine = all(isinstance(number, (int, float)) and not isinstance(number, bool) for number in numbers)
    if len(numbers) != count or not fine or not all(map(math.isfinite, numbers)):
        wanted = "a number" if count == 1 else f"{count} numbers"
        raise MotionError(f"{what} is {wanted}, not {value[0] if count == 1 else value}")
    return tuple(map(float, numbers))
