"""From a robot's reference and what a task wants added to the text, the names and the start of a `SceneSpec`."""

# MuJoCo's bindings are compiled and ship no stubs
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

import tempfile
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path
from typing import Mapping, Sequence

import mujoco
import numpy as np

from rlkit.sims.mjcf import MjcfError, packed, parsed, whole
from rlkit.sims.mjcf_names import free_name, name_parts
from rlkit.sims.robots.extras import Servo, add_floor, add_mjcf, add_servos, add_sites
from rlkit.sims.robots.keys import put_keys, taken_keys
from rlkit.sims.robots.options import Servos
from rlkit.sims.robots.places import robot_file
from rlkit.sims.robots.poses import Pose, holding_controls, keyframe_values, start
from rlkit.sims.robots.urdf import converted

_FREE = int(mujoco.mjtJoint.mjJNT_FREE)
_ONE_NUMBER = (int(mujoco.mjtJoint.mjJNT_HINGE), int(mujoco.mjtJoint.mjJNT_SLIDE))


@dataclass(frozen=True)
class Robot:
    """A model and where it starts.

    mjcf: one text with all files. joints: coordinates (rad, m) of hinges and slides by name, in the model's order.
    free_bodies: [7] pose by body. actuators: control by name. servos: those that were added. path: of the file.
    """

    mjcf: str
    joints: dict[str, float]
    free_bodies: dict[str, tuple[float, ...]]
    actuators: dict[str, float]
    servos: tuple[Servo, ...]
    path: Path


@dataclass(frozen=True)
class Additions:
    """What `SceneSpec.from_file` may add to a robot; see there."""

    keyframe: str | None = None
    pose: Pose | None = None
    servos: bool | Servos | Sequence[Servos] = False
    sites: Mapping[str, tuple[str, Sequence[float]]] | None = None
    floor: bool = False
    mjcf: str = ""
    floating: bool = False
    packages: Mapping[str, str | Path] | None = None

    def wanted_servos(self) -> tuple[Servos, ...]:
        """Those asked for, in their order."""
        if isinstance(self.servos, bool):
            return (Servos(),) if self.servos else ()
        return (self.servos,) if isinstance(self.servos, Servos) else tuple(self.servos)


def load(reference: str | Path, wanted: Additions, *, download: bool = False) -> Robot:
    """The robot that a reference means, see `places.robot_file`. Raises MjcfError naming what is wrong."""
    path = robot_file(reference, download=download)
    root, files = _tree(path, wanted)
    keyed, controls = {}, {}
    if wanted.keyframe is not None:
        keyed, controls = keyframe_values(_compiled(root, files, path), wanted.keyframe)
    changed = bool(wanted.mjcf or wanted.wanted_servos())  # other numbers of coordinates and controls
    keys = []
    if changed and root.find("keyframe") is not None:
        keys = taken_keys(root, _compiled(root, files, path))
    if wanted.floor:
        add_floor(root)
    add_sites(root, wanted.sites or {})
    if wanted.mjcf:
        add_mjcf(root, wanted.mjcf)
    model = _compiled(root, files, path)
    if changed:
        keys += taken_keys(root, model)  # those that were added
    qpos = start(model, keyed, wanted.pose)
    servos = add_servos(root, model, qpos, wanted.wanted_servos())
    if servos:
        model = _compiled(root, files, path)
    put_keys(root, model, keys)
    controls = {**holding_controls(model, qpos), **({} if wanted.pose else controls)}
    return Robot(packed(root, files, path), *_names(model, qpos), controls, tuple(servos), path)


def _tree(path: Path, wanted: Additions) -> tuple[ET.Element, dict[str, bytes]]:
    root = parsed(path, None)
    if root.tag == "robot":
        return converted(root, path, floating=wanted.floating, packages=wanted.packages or {})
    if wanted.floating:
        raise MjcfError(f"floating=True is for a URDF; give the base of {path} a <freejoint/>")
    root, files = whole(path)
    if any(True for tag in ("attach", "replicate") for _ in root.iter(tag)):
        root = _flat(root, files, path)
    return root, files


def _flat(root: ET.Element, files: dict[str, bytes], path: Path) -> ET.Element:
    """The model with what it attaches and replicates written out; takes the attached models out of the files."""
    with tempfile.TemporaryDirectory() as folder:
        for name, content in files.items():
            Path(folder, name).write_bytes(content)
        main = Path(folder, free_name("model.xml", files))
        main.write_bytes(ET.tostring(root))
        try:
            spec = mujoco.MjSpec.from_file(str(main))
            spec.compile()
            flat = ET.fromstring(spec.to_xml())
        except ValueError as error:
            raise _unreadable(error, path) from error
    for model in root.iter("model"):
        files.pop(model.get("file", ""), None)
    name_parts(flat)
    return flat


def _compiled(root: ET.Element, files: Mapping[str, bytes], path: Path) -> mujoco.MjModel:
    try:
        return mujoco.MjModel.from_xml_string(ET.tostring(root, encoding="unicode"), dict(files))
    except ValueError as error:
        raise _unreadable(error, path) from error


def _unreadable(error: ValueError, path: Path) -> MjcfError:
    return MjcfError(f"MuJoCo cannot read the scene: {' '.join(str(error).split())} ({path})")


def _names(model: mujoco.MjModel, qpos: np.ndarray) -> tuple[dict[str, float], dict[str, tuple[float, ...]]]:
    """Coordinates of hinges and slides by joint, and poses of bodies on a free joint."""
    joints, free = {}, {}
    for j, (kind, first) in enumerate(zip(model.jnt_type, model.jnt_qposadr)):
        if int(kind) in _ONE_NUMBER:
            joints[model.joint(j).name] = float(qpos[first])
        elif int(kind) == _FREE:
            free[model.body(model.jnt_bodyid[j]).name] = tuple(map(float, qpos[first : first + 7]))
    return joints, free
