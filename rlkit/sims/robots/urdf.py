"""A URDF as an MJCF tree: MuJoCo's own importer does it, given files where it can find them."""

# MuJoCo's bindings are compiled and ship no stubs
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

import logging
import os
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Iterator, Mapping

import mujoco

from rlkit.sims.mjcf import MjcfError, store
from rlkit.sims.mjcf_names import name_parts
from rlkit.sims.robots.places import package_folder

_log = logging.getLogger("rlkit.sims.robots")
_READABLE = (".stl", ".obj", ".msh")
_PACKAGE = "package://"


def converted(
    root: ET.Element, path: Path, *, floating: bool, packages: Mapping[str, str | Path]
) -> tuple[ET.Element, dict[str, bytes]]:
    """The MJCF tree of a URDF's, and its meshes by the names in it.

    path: of the file, which relative paths start from. floating: the base is free, else it is fixed to the world.
    packages: the folders of ROS packages by name, where they are none of those above the file, on ROS_PACKAGE_PATH or
    installed. Links stay bodies where a joint is fixed. Raises MjcfError naming what cannot be read.
    """
    if any(element.tag.startswith("{") and "xacro" in element.tag for element in root.iter()):
        raise MjcfError(f"{path} is a xacro; make a URDF of it: xacro {path.name} > robot.urdf")
    _attach_base(root, path, floating)
    files: dict[str, bytes] = {}
    _take_meshes(root, path, packages, files)
    extension = root.find("mujoco")
    extension = ET.SubElement(root, "mujoco") if extension is None else extension
    compiler = extension.find("compiler")
    compiler = ET.SubElement(extension, "compiler") if compiler is None else compiler
    compiler.attrib.pop("meshdir", None)
    compiler.set("strippath", "false")
    for name in ("fusestatic", "discardvisual"):  # frames to ask for, and something to look at
        compiler.attrib.setdefault(name, "false")
    try:
        spec = mujoco.MjSpec.from_string(ET.tostring(root, encoding="unicode"), assets=files)
        spec.compile()
        mjcf = ET.fromstring(spec.to_xml())
    except ValueError as error:
        raise MjcfError(f"MuJoCo cannot read {path}: {' '.join(str(error).split())}") from error
    name_parts(mjcf)
    return mjcf, files


def _attach_base(root: ET.Element, path: Path, floating: bool) -> None:
    """Join the base to the world by a joint of its own, so that it stays a body."""
    children = {child.get("link") for child in root.iterfind("joint/child")}
    bases = [link.get("name", "") for link in root.findall("link") if link.get("name") not in children]
    if len(bases) != 1:
        raise MjcfError(
            f"{path}: a URDF has one link that is no joint's child, this has {len(bases)}: {bases}"
        )
    if bases[0] == "world":
        if floating:
            raise MjcfError(f"{path} is fixed to its link 'world': floating=True cannot be; drop that link")
        return
    ET.SubElement(root, "link", name="world")
    names = {joint.get("name") for joint in root.findall("joint")}
    name = "root" if "root" not in names else "root_to_world"
    joint = ET.SubElement(root, "joint", name=name, type="floating" if floating else "fixed")
    ET.SubElement(joint, "parent", link="world")
    ET.SubElement(joint, "child", link=bases[0])


def _take_meshes(
    root: ET.Element, path: Path, packages: Mapping[str, str | Path], files: dict[str, bytes]
) -> None:
    """Read each mesh once and refer to it by a plain name; what only shows a link and cannot be read is left out."""
    compiler = root.find("mujoco/compiler")
    folder = path.parent / ("" if compiler is None else compiler.get("meshdir", ""))
    for link in root.findall("link"):
        for shape in [*link.findall("visual"), *link.findall("collision")]:
            mesh = shape.find("geometry/mesh")
            if mesh is None:
                continue
            given = mesh.get("filename", "")
            place = _place(given, path, folder, packages)
            if place.suffix.lower() in _READABLE:
                mesh.set("filename", store(files, place.name, _content(place, given, path)))
                continue
            if shape.tag == "collision":
                raise MjcfError(
                    f"{path}: MuJoCo reads no {place.suffix} ({given}, which link '{link.get('name')}' collides by);"
                    " convert it to .stl or .obj"
                )
            _log.warning("%s: %s is not shown: MuJoCo reads no %s", path, given, place.suffix)
            link.remove(shape)


def _content(place: Path, given: str, path: Path) -> bytes:
    try:
        return place.read_bytes()
    except OSError as error:
        raise MjcfError(f"{path}: {given} would be {place}: {error.strerror or error}") from error


def _place(given: str, path: Path, folder: Path, packages: Mapping[str, str | Path]) -> Path:
    """The file that a mesh's `filename` means."""
    if given.startswith(_PACKAGE):
        name, _, inside = given[len(_PACKAGE) :].partition("/")
        for place in _packages(name, path, packages):
            if place.is_dir():
                return place / inside
        raise MjcfError(
            f"{path}: where is the ROS package '{name}' ({given})? It is no folder above the file, not on"
            f' ROS_PACKAGE_PATH and not installed; say it with packages={{"{name}": FOLDER}}'
        )
    return folder / (given[len("file://") :] if given.startswith("file://") else given)


def _packages(name: str, path: Path, packages: Mapping[str, str | Path]) -> Iterator[Path]:
    """Where a ROS package may be, the likeliest first."""
    if name in packages:
        yield Path(packages[name])
    for above in path.resolve().parents:
        if above.name == name:
            yield above
        yield above / name
    for place in filter(None, os.environ.get("ROS_PACKAGE_PATH", "").split(os.pathsep)):
        yield Path(place, name)
        if Path(place).name == name:
            yield Path(place)
    installed = package_folder(name)
    if installed is not None:
        yield installed
