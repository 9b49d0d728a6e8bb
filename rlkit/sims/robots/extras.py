"""What a task adds to a robot's MJCF tree: a floor, sites, servos, and whatever else it writes as MJCF."""

# MuJoCo's bindings are compiled and ship no stubs
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

import logging
import math
import xml.etree.ElementTree as ET
from fnmatch import fnmatchcase
from typing import Mapping, NamedTuple, Sequence

import mujoco
import numpy as np

from rlkit.nearest import nearest
from rlkit.sims.mjcf import MjcfError
from rlkit.sims.mjcf_names import actuators_of, bodies_below, free_name
from rlkit.sims.robots.options import Servos

_log = logging.getLogger("rlkit.sims.robots")
_HINGE, _SLIDE = int(mujoco.mjtJoint.mjJNT_HINGE), int(mujoco.mjtJoint.mjJNT_SLIDE)
_NO_LIMITS = {_HINGE: (-math.pi, math.pi), _SLIDE: (-1.0, 1.0)}
_JOINT = {int(mujoco.mjtTrn.mjTRN_JOINT), int(mujoco.mjtTrn.mjTRN_JOINTINPARENT)}
_TENDON = int(mujoco.mjtTrn.mjTRN_TENDON)
_SHARED = ("compiler", "option", "size", "default", "include")  # what would change the robot itself


class Servo(NamedTuple):
    """A servo that was added: of which joint, its gains, and the inertia (kg m^2 or kg) that they are made for."""

    joint: str
    kp: float
    kv: float
    inertia: float


def add_floor(root: ET.Element) -> None:
    """An endless plane "floor" at z = 0, and a light where there is none; raises MjcfError beside another plane."""
    world = _world(root)
    planes = [
        geom for one in root.findall("worldbody") for geom in one.iter("geom") if geom.get("type") == "plane"
    ]
    if planes:
        raise MjcfError(f"floor=True: the model has a floor already, {planes[0].get('name') or 'a plane'}")
    ET.SubElement(
        world, "geom", name="floor", type="plane", size="0 0 0.05", pos="0 0 0", contype="1", conaffinity="1",
        condim="3", friction="1 0.005 0.0001", group="0", rgba="0.8 0.8 0.8 1",
    )  # fmt: skip
    if not any(True for one in root.findall("worldbody") for _ in one.iter("light")):
        ET.SubElement(world, "light", pos="0 0 4", dir="0 0 -1", directional="true")


def add_sites(root: ET.Element, sites: Mapping[str, tuple[str, Sequence[float]]]) -> None:
    """Sites by name: on which body ("world": none), and where in its frame (m). MjcfError: no such body."""
    bodies = {b.get("name", ""): b for world in root.findall("worldbody") for b in bodies_below(world)}
    bodies["world"] = _world(root)
    taken = {site.get("name") for site in root.iter("site")}
    for name, (body, pos) in sites.items():
        if body not in bodies:
            near = nearest(body, sorted(bodies))
            hint = f"; the nearest is '{near[0]}'" if near else ""
            raise MjcfError(f"add_sites: the model has no body '{body}' for the site '{name}'{hint}")
        if name in taken or len(pos) != 3:
            raise MjcfError(
                f"add_sites: '{name}' is there already"
                if name in taken
                else f"add_sites: the place of '{name}' is x, y and z in m, not {tuple(pos)}"
            )
        ET.SubElement(bodies[body], "site", name=name, pos=" ".join(map(repr, map(float, pos))))


def add_mjcf(root: ET.Element, text: str) -> None:
    """The sections of an MJCF text, such as a `<worldbody>` with a box; raises MjcfError for what may not be in it."""
    try:
        added = ET.fromstring(text)
    except ET.ParseError as error:
        raise MjcfError(f"add_mjcf is no XML: {error}") from error
    for section in added if added.tag == "mujoco" else [added]:
        if section.tag in _SHARED or any(element.get("file") for element in section.iter()):
            raise MjcfError(
                f"add_mjcf has <{section.tag}>, but takes parts that need no file and change nothing of the robot:"
                " write an MJCF file that includes the robot's instead"
            )
        root.append(section)


def add_servos(
    root: ET.Element, model: mujoco.MjModel, qpos: np.ndarray, wanted: Sequence[Servos]
) -> list[Servo]:
    """A position servo for each hinge and slide that nothing drives; of `wanted` the first that matches counts.

    qpos: [nq] where the inertia is taken. Joints that an equality makes follow another one get none.
    """
    followed = {int(model.eq_obj1id[k]) for k in np.flatnonzero(model.eq_type == mujoco.mjtEq.mjEQ_JOINT)}
    inertia, driven = joint_inertia(model, qpos), driven_joints(model)
    taken = {actuator.get("name") for actuator in actuators_of(root)} | {
        model.actuator(k).name for k in range(model.nu)
    }
    added, section = [], ET.SubElement(root, "actuator")
    for j in range(model.njnt):
        name, kind = model.joint(j).name, int(model.jnt_type[j])
        chosen = next((servos for servos in wanted if fnmatchcase(name, servos.joints)), None)
        if kind not in _NO_LIMITS or j in driven or j in followed or chosen is None:
            continue
        low, high = model.jnt_range[j] if model.jnt_limited[j] else _NO_LIMITS[kind]
        kp, kv = chosen.gains(float(inertia[j]))
        actuator = ET.SubElement(
            section, "position", name=free_name(name, taken), joint=name, kp=f"{kp:g}", kv=f"{kv:g}",
            ctrllimited="true", ctrlrange=f"{low:.8g} {high:.8g}",
        )  # fmt: skip
        if chosen.max_force is not None:
            actuator.attrib.update(
                forcelimited="true", forcerange=f"{-chosen.max_force:g} {chosen.max_force:g}"
            )
        added.append(Servo(name, kp, kv, float(inertia[j])))
    if not added:
        root.remove(section)
    _log.debug("servos: %s", "; ".join(f"{s.joint} kp={s.kp:g} kv={s.kv:g} I={s.inertia:.3g}" for s in added))
    return added


def joint_inertia(model: mujoco.MjModel, qpos: np.ndarray) -> np.ndarray:
    """`[njnt]` the diagonal of the joint-space inertia, kg m² of hinges and kg of slides.

    Of each joint the first degree of freedom, its speed being 1 rad/s or 1 m/s and all others 0. qpos: `[nq]` the
    pose, m, rad and (w, x, y, z).
    """
    data = mujoco.MjData(model)
    data.qpos[:] = qpos
    mujoco.mj_forward(model, data)
    found, column = np.zeros(model.njnt), np.zeros(model.nv)
    for j, dof in enumerate(model.jnt_dofadr):
        mujoco.mj_mulM(model, data, column, np.eye(1, model.nv, int(dof))[0])
        found[j] = column[dof]
    return found


def driven_joints(model: mujoco.MjModel) -> set[int]:
    """Those that an actuator moves, by itself or through a tendon of joints."""
    driven = set()
    for kind, target in zip(model.actuator_trntype, model.actuator_trnid[:, 0]):
        if int(kind) in _JOINT:
            driven.add(int(target))
        elif int(kind) == _TENDON:
            wraps = range(model.tendon_adr[target], model.tendon_adr[target] + model.tendon_num[target])
            joints = [k for k in wraps if int(model.wrap_type[k]) == int(mujoco.mjtWrap.mjWRAP_JOINT)]
            driven |= {int(model.wrap_objid[k]) for k in joints}
    return driven


def _world(root: ET.Element) -> ET.Element:
    world = root.find("worldbody")
    return ET.SubElement(root, "worldbody") if world is None else world
