"""A tree of links as the URDF that Isaac Gym loads.

Its own reader of MJCF crashes on what newer files say, so everything goes through here. Inertias are full tensors in
the link's frame; lengths in m, angles in rad. Only solid geoms are written: Isaac Gym shows no pictures here.
"""

# MuJoCo's bindings are compiled and ship no stubs
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

import math
import xml.etree.ElementTree as ET
from typing import Mapping

import mujoco
import numpy as np

from rlkit.sims.isaacgym.drives import Drive
from rlkit.sims.isaacgym.tree import SHAPES, Link, Tree, solid_geoms

# Of a link that only joins others: PhysX needs some, this is little beside a finger's 10 g.
_JOINING_MASS, _JOINING_INERTIA = 1e-4, 1e-8  # kg, kg m²
_FAR = 1e4  # m: a slide without limits, as PhysX's slides must have some


def write(tree: Tree, model: mujoco.MjModel, drives: Mapping[str, Drive]) -> str:
    """The URDF of one actor: its links have the bodies' names, its joints the joints'."""
    robot = ET.Element("robot", name=tree.name)
    for link in tree.links:
        _add_link(robot, link, model)
    for link in tree.links[1:]:
        _add_joint(robot, link, tree.links[link.parent].name, drives.get(link.joint))
    return ET.tostring(robot, encoding="unicode")


def _add_link(robot: ET.Element, link: Link, model: mujoco.MjModel) -> None:
    element = ET.SubElement(robot, "link", name=link.name)
    inertial = ET.SubElement(element, "inertial")
    mass, center, inertia = _JOINING_MASS, np.zeros(3), _JOINING_INERTIA * np.eye(3)
    if link.body and model.body_mass[link.body] > 0:
        mass, center = float(model.body_mass[link.body]), model.body_ipos[link.body]
        inertia = inertia_tensor(model, link.body)
    ET.SubElement(inertial, "origin", xyz=_numbers(center), rpy="0 0 0")
    ET.SubElement(inertial, "mass", value=repr(mass))
    entries = {f"i{'xyz'[i]}{'xyz'[j]}": repr(float(inertia[i, j])) for i in range(3) for j in range(i, 3)}
    ET.SubElement(inertial, "inertia", entries)
    for geom in solid_geoms(model, link.body) if link.body else ():
        collision = ET.SubElement(element, "collision")
        _add_origin(collision, model.geom_pos[geom], model.geom_quat[geom])
        kind, size = SHAPES[int(model.geom_type[geom])], model.geom_size[geom]
        ET.SubElement(ET.SubElement(collision, "geometry"), kind, _shape(kind, size))


def inertia_tensor(model: mujoco.MjModel, body: int) -> np.ndarray:
    """`[3, 3]` kg m² about the centre of mass, in the axes of the body's frame."""
    axes = np.zeros(9)
    mujoco.mju_quat2Mat(axes, model.body_iquat[body])
    turn = axes.reshape(3, 3)
    return turn @ np.diag(model.body_inertia[body]) @ turn.T


def _shape(kind: str, size: np.ndarray) -> dict[str, str]:
    """MuJoCo's half sizes as a URDF's whole ones; the length of a capsule is that of its cylinder, along z."""
    if kind == "box":
        return {"size": _numbers(2.0 * size)}
    radius = {"radius": repr(float(size[0]))}
    return radius if kind == "sphere" else {**radius, "length": repr(2.0 * float(size[1]))}


def _add_joint(robot: ET.Element, link: Link, parent: str, drive: Drive | None) -> None:
    low, high = drive.range if drive else (0.0, 0.0)
    limited = math.isfinite(low)
    kind = (
        "fixed" if drive is None else "prismatic" if link.slides else "revolute" if limited else "continuous"
    )
    element = ET.SubElement(robot, "joint", name=link.joint or f"{link.name}__fixed", type=kind)
    _add_origin(element, link.pos, link.quat)
    ET.SubElement(element, "parent", link=parent)
    ET.SubElement(element, "child", link=link.name)
    if drive is None:
        return
    ET.SubElement(element, "axis", xyz=_numbers(link.axis))
    limits = {"effort": repr(drive.effort), "velocity": repr(drive.velocity)}
    if kind != "continuous":
        low, high = (low, high) if limited else (-_FAR, _FAR)
        limits.update(lower=repr(float(low)), upper=repr(float(high)))
    ET.SubElement(element, "limit", limits)
    ET.SubElement(element, "dynamics", damping=repr(drive.damping), friction="0.0")


def _add_origin(element: ET.Element, pos: np.ndarray, quat: np.ndarray) -> None:
    ET.SubElement(element, "origin", xyz=_numbers(pos), rpy=_numbers(roll_pitch_yaw(quat)))


def roll_pitch_yaw(quat: np.ndarray) -> np.ndarray:
    """A URDF's angles `[3]` (rad) of the rotation `quat` (`[4]` wxyz, link to parent).

    R = Rz(yaw) Ry(pitch) Rx(roll); with pitch at 90 degrees the yaw is 0.
    """
    flat = np.zeros(9)
    mujoco.mju_quat2Mat(flat, np.asarray(quat) / np.linalg.norm(quat))
    m = flat.reshape(3, 3)
    flatness = math.hypot(m[0, 0], m[1, 0])  # the cosine of the pitch
    pitch = math.atan2(-m[2, 0], flatness)
    if flatness < 1e-9:
        return np.array([math.atan2(-m[1, 2], m[1, 1]), pitch, 0.0])
    return np.array([math.atan2(m[2, 1], m[2, 2]), pitch, math.atan2(m[1, 0], m[0, 0])])


def _numbers(values: np.ndarray) -> str:
    return " ".join(repr(float(value)) for value in values)
