"""What motion data needs to know of a robot: its model, the order of its joints, its feet.

The standard library is enough here. A robot is one of ROBOTS, or a file of one's own: an MJCF (.xml), or a .yaml with
`model`, `feet` and `keys`.
"""

from __future__ import annotations

import hashlib
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from rlkit.errors import shown
from rlkit.motion.collection import read_yaml
from rlkit.motion.entry import ClipEntry
from rlkit.motion.errors import MotionError
from rlkit.nearest import did_you_mean
from rlkit.sims import mjcf, models
from rlkit.sims.mjcf_names import bodies_below, parts_of
from rlkit.untrusted import expanded


class Facts(NamedTuple):
    """A row of ROBOTS.

    feet: bodies whose contact geoms are the soles. keys: bodies that tell a pose, beside the root.
    """

    model: str
    feet: tuple[str, ...]
    keys: tuple[str, ...]


ROBOTS = {
    "h1": Facts(
        model="h1",
        feet=("left_ankle_link", "right_ankle_link"),
        keys=("left_ankle_link", "right_ankle_link", "left_elbow_link", "right_elbow_link"),
    ),
    "g1": Facts(
        model="g1",
        feet=("left_ankle_roll_link", "right_ankle_roll_link"),
        keys=("left_ankle_roll_link", "right_ankle_roll_link", "left_wrist_yaw_link", "right_wrist_yaw_link"),
    ),
}


# What of a body and a joint says where it is and how it moves.
_PLACES = ("name", "type", "pos", "quat", "axisangle", "xyaxes", "zaxis", "euler", "axis", "ref", "range")


@dataclass(frozen=True)
class Robot:
    """A robot with a free root and hinges.

    name: as clips tell it. mjcf: its model's text. root: the body that is free. joints: hinges below it in the model's
    order. bodies: the root and those below it in that order. feet, keys: as of Facts; empty where they are not known.
    """

    name: str
    mjcf: str
    root: str
    joints: tuple[str, ...]
    bodies: tuple[str, ...]
    feet: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()

    @property
    def fingerprint(self) -> str:
        """16 hexadecimal digits that change with the tree of bodies and joints, and not with gains, masses or looks."""
        tree = [
            (element.tag, [(name, element.get(name)) for name in _PLACES])
            for element in ET.fromstring(self.mjcf).iter()
            if element.tag in ("body", "joint", "freejoint", "frame")
        ]
        return hashlib.sha256(repr(tree).encode("utf-8")).hexdigest()[:16]


def require_fit(entry: ClipEntry, robot: Robot) -> None:
    """Refuse a clip of another robot, or with other joints; raises MotionError."""
    start, way = (
        f"clip {entry.name} is not of the robot {robot.name}:",
        "rlkit motion retarget makes one of it",
    )
    if entry.robot != robot.name:
        raise MotionError(f"{start} it is of {entry.robot}; {way}")
    for name in robot.joints:
        if name not in entry.joints:
            raise MotionError(f"{start} it has no joint {name}{did_you_mean(name, entry.joints)}; {way}")
    if entry.joints != robot.joints:
        raise MotionError(
            f"{start} its joints are in another order, or more, than {', '.join(robot.joints)}; convert it again"
        )


def find_robot(name: str | Path) -> Robot:
    """The robot of this name, or of an .xml or .yaml file.

    Raises MotionError for an unknown one, and for one without a free root.
    """
    text = str(name)
    if text in ROBOTS:
        return _own(text)
    path = expanded(name)
    if path.suffix not in (".xml", ".mjcf", ".yaml", ".yml"):
        known = f"; known are {', '.join(ROBOTS)}, and files: an MJCF (.xml), or a .yaml that names one"
        raise MotionError(f"there is no robot {text}{did_you_mean(text, ROBOTS)}{known}")
    if path.suffix in (".yaml", ".yml"):
        return _of_yaml(path)
    return _of_tree(path.stem, _read_model(path), shown(path))


@lru_cache(maxsize=None)
def _own(name: str) -> Robot:
    facts = ROBOTS[name]
    return _of_tree(name, models.load(facts.model), f"robot {name}", facts.feet, facts.keys)


def _of_yaml(path: Path) -> Robot:
    values = read_yaml(path)
    known = ("name", "model", "feet", "keys", "retargeting")
    if not isinstance(values, dict) or "model" not in values:
        raise MotionError(
            f"{shown(path)} names no model; write `model: robot.xml`, and `feet: [...]` for its soles"
        )
    for key in values:
        if key not in known:
            raise MotionError(
                f"{shown(path)}: unknown key {key}{did_you_mean(str(key), known)}; a robot has {', '.join(known)}"
            )
    model = path.parent / str(values["model"])
    lists = [_names(values.get(key, []), key, path) for key in ("feet", "keys")]
    return _of_tree(str(values.get("name", path.stem)), _read_model(model), shown(path), *lists)


def _names(value: Any, key: str, path: Path) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise MotionError(f"{shown(path)}: {key} must be a list of bodies' names")
    return tuple(value)


def _read_model(path: Path) -> str:
    try:
        return mjcf.read(path)
    except mjcf.MjcfError as error:
        raise MotionError(f"robot {shown(path)}: {error}") from error


def _of_tree(
    name: str, text: str, where: str, feet: tuple[str, ...] = (), keys: tuple[str, ...] = ()
) -> Robot:
    """The robot in a model: the first body with a free joint, and all below it."""
    worlds = ET.fromstring(text).findall("worldbody")
    roots = [body for world in worlds for body in bodies_below(world) if _is_free(body)]
    if not roots:
        raise MotionError(
            f"{where}: no body of the model has a free joint, and motions move a robot through the world; add"
            " <freejoint/> to its root"
        )
    root = roots[0]
    below = list(bodies_below(root))
    joints = [
        joint.get("name", "") for body in (root, *below) for joint in parts_of(body) if joint.tag == "joint"
    ]
    joints = [joint for joint in joints if joint not in _free_joints(root)]
    bodies = tuple(body.get("name", "") for body in (root, *below))
    for body in (*feet, *keys):
        if body not in bodies:
            raise MotionError(f"{where} has no body {body}{did_you_mean(body, bodies)}")
    return Robot(name, text, root.get("name", ""), tuple(joints), bodies, feet, keys)


def _is_free(body: ET.Element) -> bool:
    return any(part.tag == "freejoint" for part in parts_of(body)) or bool(_free_joints(body))


def _free_joints(body: ET.Element) -> list[str]:
    return [p.get("name", "") for p in parts_of(body) if p.tag == "joint" and p.get("type") == "free"]
