"""A URDF as Isaac Gym reads it: links depth first, children by name, so in another order than in the file."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from isaacgym import gymapi

_TAGS = {
    "robot": {"name"}, "link": {"name"}, "inertial": set(), "origin": {"xyz", "rpy"}, "mass": {"value"},
    "inertia": {"ixx", "ixy", "ixz", "iyy", "iyz", "izz"}, "collision": set(), "geometry": set(), "box": {"size"},
    "sphere": {"radius"}, "cylinder": {"radius", "length"}, "capsule": {"radius", "length"},
    "joint": {"name", "type"}, "parent": {"link"}, "child": {"link"}, "axis": {"xyz"},
    "limit": {"effort", "velocity", "lower", "upper"}, "dynamics": {"damping", "friction"},
}  # fmt: skip
_JOINTS = {"fixed", "revolute", "prismatic", "continuous"}


@dataclass
class Asset:
    """links, shapes (how many each link has) and joints in the loader's order."""

    text: str
    options: gymapi.AssetOptions
    links: list[str]
    shapes: list[int]
    joints: list[str]
    properties: np.ndarray


def load(path: Path, options: gymapi.AssetOptions) -> Asset:
    if path.suffix != ".urdf" or not path.is_file():
        raise gymapi.GymMisuse(f"load_asset: {path} is no URDF file")
    text = path.read_text()
    robot = ET.fromstring(text)
    for element in robot.iter():
        if element.tag not in _TAGS or set(element.keys()) - _TAGS[element.tag]:
            raise gymapi.GymMisuse(f"load_asset: <{element.tag} {element.attrib}> is not read")
    _check_masses(robot)
    links = {element.get("name"): element for element in robot.findall("link")}
    joints = robot.findall("joint")
    children: dict[str, list[ET.Element]] = {}
    for joint in joints:
        if joint.get("type") not in _JOINTS:
            raise gymapi.GymMisuse(f"load_asset: joint of type {joint.get('type')}")
        children.setdefault(joint.find("parent").get("link"), []).append(joint)
    roots = set(links) - {joint.find("child").get("link") for joint in joints}
    if len(roots) != 1 or len(links) != len(robot.findall("link")):
        raise gymapi.GymMisuse(f"load_asset: a robot has one root and names are unique; roots {roots}")
    order: list[str] = []
    moving: list[ET.Element] = []

    def walk(link: str) -> None:
        order.append(link)
        for joint in sorted(children.get(link, []), key=lambda joint: joint.find("child").get("link")):
            if joint.get("type") != "fixed":
                moving.append(joint)
            walk(joint.find("child").get("link"))

    walk(roots.pop())
    return Asset(
        text,
        options,
        order,
        [len(links[name].findall("collision")) for name in order],
        [joint.get("name") for joint in moving],
        _properties(moving),
    )


def _check_masses(robot: ET.Element) -> None:
    for link in robot.findall("link"):
        mass, inertia = link.find("inertial/mass"), link.find("inertial/inertia")
        if mass is None or inertia is None or float(mass.get("value")) <= 0 or float(inertia.get("ixx")) <= 0:
            raise gymapi.GymMisuse(f"load_asset: link {link.get('name')} has no mass or inertia")


def _properties(joints: list[ET.Element]) -> np.ndarray:
    rows = np.zeros(len(joints), gymapi.DOF_PROPERTIES)
    for row, joint in zip(rows, joints):
        limit = joint.find("limit")
        row["hasLimits"] = joint.get("type") != "continuous"
        row["lower"], row["upper"] = float(limit.get("lower", "-3e38")), float(limit.get("upper", "3e38"))
        row["velocity"], row["effort"] = float(limit.get("velocity")), float(limit.get("effort"))
        row["damping"] = float(joint.find("dynamics").get("damping"))
    return rows
