"""Which joint of a person, and which body of a robot, plays which part: two tables that know nothing of each other."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Mapping, NoReturn

from rlkit import yaml_text
from rlkit.errors import shown
from rlkit.motion.errors import MotionError
from rlkit.motion.robots import Robot
from rlkit.nearest import did_you_mean
from rlkit.untrusted import read_plain

SIDES = ("left", "right")
NEEDED = ("pelvis", *(f"{side}_{part}" for part in ("hip", "knee", "ankle") for side in SIDES))
PARTS = (
    *NEEDED,
    "torso",
    *(f"{side}_{part}" for part in ("shoulder", "elbow", "hand", "toe") for side in SIDES),
)

WEIGHTS = {
    "pelvis_position": 2.0,  # those of positions: of an error of 1 m; of turns and directions: of 1 rad
    "pelvis_turn": 1.0,
    "ankle_position": 5.0,
    "ankle_turn": 0.3,
    "thigh": 0.3,
    "upper_arm": 1.0,
    "forearm": 0.2,
    "torso_turn": 0.5,
    "posture": 0.02,  # of a joint, 1 rad from the posture
}
_KEYS = ("parts", "weights", "hip_width", "posture")
_HERE = Path(__file__).parent


@dataclass(frozen=True)
class RobotMap:
    """parts: body and point in its frame (m) of each part. weights: of WEIGHTS. hip_width: the share of the difference
    in hip width that the feet are moved apart by. posture: joint -> rad, what it is drawn to where nothing asks more.
    """

    parts: Mapping[str, tuple[str, tuple[float, float, float]]]
    weights: Mapping[str, float] = field(default_factory=lambda: dict(WEIGHTS))
    hip_width: float = 0.5
    posture: Mapping[str, float] = field(default_factory=dict)


def robot_map(robot: Robot, name: str | Path) -> RobotMap:
    """The map of the robot that was asked for by this name or file; raises MotionError where there is none, or a part
    that is needed lacks."""
    own = _HERE / "robots" / f"{name}.yaml"
    if own.is_file():
        return _checked(_read(own), robot, f"robot {name}")
    path = Path(name)
    if path.suffix not in (".yaml", ".yml"):
        raise MotionError(
            f"nothing says which bodies of {shown(path)} are its pelvis, knees and so on; write a .yaml with `model:"
            f" {path.name}` and `retargeting: {{parts: {{pelvis: BODY, left_hip: BODY, ...}}}}`, of its bodies"
            f" {', '.join(robot.bodies)}"
        )
    values = _read(path).get("retargeting")
    if not isinstance(values, dict):
        raise MotionError(
            f"{shown(path)} has no `retargeting:` with `parts:`, which says the bodies for {', '.join(NEEDED)}"
        )
    return _checked(values, robot, shown(path))


def _checked(values: dict[str, Any], robot: Robot, where: str) -> RobotMap:
    _known(values, _KEYS, f"{where}: retargeting")
    parts = values.get("parts")
    if not isinstance(parts, dict):
        raise MotionError(f"{where}: retargeting has no `parts:`, the bodies for {', '.join(NEEDED)}")
    _known(parts, PARTS, f"{where}: parts")
    lacking = [part for part in NEEDED if part not in parts]
    if lacking:
        hints = [f"{part}: {_near(part, robot.bodies)}" for part in lacking]
        raise MotionError(f"{where}: no body plays {', '.join(lacking)}; perhaps {'; '.join(hints)}")
    places = {part: _place(part, value, robot, where) for part, value in parts.items()}
    weights = _numbers(values.get("weights", {}), WEIGHTS, f"{where}: weights")
    posture = _numbers(values.get("posture", {}), robot.joints, f"{where}: posture")
    hip_width = _number(values.get("hip_width", 0.5), f"{where}: hip_width")
    return RobotMap(places, {**WEIGHTS, **weights}, hip_width, posture)


def _place(part: str, value: Any, robot: Robot, where: str) -> tuple[str, tuple[float, float, float]]:
    values = {"body": value} if isinstance(value, str) else value
    if (
        not isinstance(values, dict)
        or not isinstance(values.get("body"), str)
        or set(values) - {"body", "at"}
    ):
        raise MotionError(f"{where}: {part} must be a body's name, or {{body: NAME, at: [x, y, z]}} in m")
    body, at = values["body"], values.get("at", [0.0, 0.0, 0.0])
    if body not in robot.bodies:
        raise MotionError(f"{where}: there is no body {body}, for {part}{did_you_mean(body, robot.bodies)}")
    if not isinstance(at, list) or len(at) != 3:
        raise MotionError(f"{where}: `at` of {part} must be three numbers, x, y, z in m")
    x, y, z = (_number(number, f"{where}: `at` of {part}") for number in at)
    return body, (x, y, z)


def skeleton_map(names: tuple[str, ...], asked: Mapping[str, str] | str | Path | None) -> dict[str, int]:
    """part -> number of the joint that plays it, by a map of one's own, one named here, or the first that fits.

    asked: part -> joint's name; a .yaml of that; a name of skeletons.yaml; None. Raises MotionError where a needed part
    lacks.
    """
    known = _skeletons()
    if asked is None:
        found = {name: _played(table, names) for name, table in known.items()}
        for played in found.values():
            if all(part in played for part in NEEDED):
                return played
        nearest = max(found, key=lambda name: len(found[name]))
        _lacks(found[nearest], names, f"no skeleton known here fits; the nearest is {nearest}")
    if isinstance(asked, Mapping):
        table, where = asked, "map"
    elif str(asked) in known:
        table, where = known[str(asked)], f"skeleton {asked}"
    elif Path(asked).suffix in (".yaml", ".yml"):
        table, where = _read(Path(asked)), shown(Path(asked))
    else:
        raise MotionError(
            f"there is no skeleton {asked}{did_you_mean(str(asked), known)}; known are {', '.join(known)}, and a .yaml"
            " of `part: joint`"
        )
    _known(table, PARTS, where)
    played = _played(table, names)
    for part in table:
        if part not in played and not isinstance(asked, str):
            raise MotionError(
                f"{where}: no joint {table[part]}, for {part}; the skeleton has {', '.join(names)}"
            )
    if not all(part in played for part in NEEDED):
        _lacks(played, names, where)
    return played


def _lacks(played: Mapping[str, int], names: tuple[str, ...], where: str) -> NoReturn:
    lacking = [part for part in NEEDED if part not in played]
    raise MotionError(
        f"{where}: no joint plays {', '.join(lacking)}; write a .yaml of `part: joint` and give it with --map, for"
        f" {', '.join(NEEDED)}, and where there are such {', '.join(PARTS[len(NEEDED) :])}. The skeleton has"
        f" {', '.join(names)}"
    )


@lru_cache(maxsize=None)
def _skeletons() -> dict[str, dict[str, Any]]:
    return _read(_HERE / "skeletons.yaml")


def _played(table: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, int]:
    plain = {_plain(name): number for number, name in reversed(list(enumerate(names)))}
    played = {}
    for part, wanted in table.items():
        for name in wanted if isinstance(wanted, list) else [wanted]:
            if _plain(str(name)) in plain:
                played[part] = plain[_plain(str(name))]
                break
    return played


def _plain(name: str) -> str:
    return name.rsplit(":", 1)[-1].lower()


def _near(part: str, bodies: tuple[str, ...]) -> str:
    """The bodies that share the most words with a part."""
    words = set(part.split("_"))
    shared = {body: len(words & set(body.lower().split("_"))) for body in bodies}
    most = max(shared.values())
    return " or ".join([body for body in bodies if shared[body] == most][:3]) if most else "?"


def _read(path: Path) -> dict[str, Any]:
    try:
        values = yaml_text.load(read_plain(path)[0].decode("utf-8"))
    except OSError as error:
        raise MotionError(f"{shown(path)} cannot be read: {error.strerror or error}") from error
    except ValueError as error:
        raise MotionError(f"{shown(path)}: {error}") from error
    if not isinstance(values, dict):
        raise MotionError(f"{shown(path)} is no table of names")
    return values


def _known(values: Mapping[str, Any], known: tuple[str, ...] | Mapping[str, Any], where: str) -> None:
    for key in values:
        if key not in known:
            near = did_you_mean(str(key), list(known))
            raise MotionError(f"{where}: there is no {key}{near or '; there are ' + ', '.join(known)}")


def _numbers(values: Any, known: tuple[str, ...] | Mapping[str, Any], where: str) -> dict[str, float]:
    if not isinstance(values, dict):
        raise MotionError(f"{where} must be a table of numbers")
    _known(values, known, where)
    return {name: _number(value, f"{where}: {name}") for name, value in values.items()}


def _number(value: Any, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise MotionError(f"{where} must be a number")
    return float(value)
