"""The keyframes of a robot that is given more coordinates and actuators than they were written for."""

# MuJoCo's bindings are compiled and ship no stubs
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import Iterator, NamedTuple, Sequence

import mujoco
import numpy as np

from rlkit.sims.robots.poses import holding_controls

_QPOS_WIDTH, _DOF_WIDTH = (7, 4, 1, 1), (6, 3, 1, 1)  # of free, ball, slide, hinge


class Key(NamedTuple):
    """A keyframe by names: `qpos`, `qvel`, `ctrl`, `act`, `mpos`, `mquat` of each joint, actuator or body."""

    name: str
    time: float
    values: dict[tuple[str, str], np.ndarray]


def taken_keys(root: ET.Element, model: mujoco.MjModel) -> list[Key]:
    """The keyframes of a model, which are taken out of its tree. Controls that are all 0 count as not given."""
    keys = []
    for k in range(model.nkey):
        values = {
            (kind, owner): getattr(model, f"key_{kind}")[k].reshape(-1)[columns].copy()
            for kind, owner, columns in _layout(model)
        }
        if not model.key_ctrl[k].any():
            values = {place: value for place, value in values.items() if place[0] != "ctrl"}
        keys.append(Key(model.key(k).name, float(model.key_time[k]), values))
    for section in root.findall("keyframe"):
        root.remove(section)
    return keys


def put_keys(root: ET.Element, model: mujoco.MjModel, keys: Sequence[Key]) -> None:
    """Write keyframes for `model`: what they do not name is as it is there, and position servos hold the pose."""
    if not keys:
        return
    section = ET.SubElement(root, "keyframe")
    layout = list(_layout(model))
    for key in keys:
        numbers = {
            "qpos": model.qpos0.copy(), "qvel": np.zeros(model.nv), "act": np.zeros(model.na),
            "ctrl": np.zeros(model.nu), "mpos": np.zeros(3 * model.nmocap), "mquat": np.zeros(4 * model.nmocap),
        }  # fmt: skip
        moving = model.body_mocapid >= 0
        numbers["mpos"][:], numbers["mquat"][:] = model.body_pos[moving].flat, model.body_quat[moving].flat
        for kind, owner, columns in layout:
            if kind == "ctrl" and (kind, owner) not in key.values:
                held = holding_controls(model, numbers["qpos"])  # which comes first
                numbers[kind][columns] = held.get(owner, 0.0)
            elif (kind, owner) in key.values:
                numbers[kind][columns] = key.values[kind, owner]
        written = {kind: " ".join(map(repr, map(float, row))) for kind, row in numbers.items() if len(row)}
        ET.SubElement(section, "key", {"name": key.name} if key.name else {}, time=repr(key.time), **written)


def _layout(model: mujoco.MjModel) -> Iterator[tuple[str, str, slice]]:
    """Where each number of a keyframe is: its kind, the name of what it belongs to, the columns; `qpos` first."""
    for j in range(model.njnt):
        name, kind = model.joint(j).name or f"#{j}", int(model.jnt_type[j])  # what was added may have no name
        yield "qpos", name, _from(model.jnt_qposadr[j], _QPOS_WIDTH[kind])
        yield "qvel", name, _from(model.jnt_dofadr[j], _DOF_WIDTH[kind])
    for a in range(model.nu):
        name = model.actuator(a).name or f"#{a}"
        yield "ctrl", name, _from(a, 1)
        if model.actuator_actnum[a]:
            yield "act", name, _from(model.actuator_actadr[a], int(model.actuator_actnum[a]))
    for body, mocap in enumerate(model.body_mocapid):
        if mocap >= 0:
            yield "mpos", model.body(body).name or f"#{body}", _from(3 * mocap, 3)
            yield "mquat", model.body(body).name or f"#{body}", _from(4 * mocap, 4)


def _from(first: int, width: int) -> slice:
    return slice(int(first), int(first) + width)
