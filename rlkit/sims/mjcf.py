"""A robot that lies in files as one self-contained MJCF text: what every simulator, viewer and recording takes.

Includes are put in place, meshes, textures and height fields are embedded, and joints, bodies and actuators without a
name get one, so that a task can ask for them and a recording needs no file beside it.
"""

from __future__ import annotations

import base64
import binascii
import xml.etree.ElementTree as ET
import zlib
from pathlib import Path
from typing import Dict, Iterator, List, Optional, Set, Tuple

LARGEST = 100_000_000  # bytes of embedded files: every recording carries them

_MARK = "rlkit-file:"  # how the names of <custom><text> elements begin that hold a file
_MESHES, _TEXTURES = "meshdir", "texturedir"
# element: the compiler's setting that says where its files are
_FOLDERS = {"mesh": _MESHES, "hfield": _MESHES, "skin": _MESHES, "flexcomp": _MESHES, "texture": _TEXTURES}
_SIDES = tuple(f"file{side}" for side in ("right", "left", "up", "down", "front", "back"))


class MjcfError(ValueError):
    """The files cannot become one text; the message names the file."""


def read(path: Path) -> str:
    """The model in `path` as one text. Raises MjcfError for what cannot be read, and for more than `LARGEST` bytes.

    Unnamed elements are called joint0, body1, actuator2 …: by their place among all of their kind, as in MuJoCo, where
    `replicate` and `attach` make no others.
    """
    path = Path(path)
    files: Dict[str, bytes] = {}
    root = _whole(path, files, {})
    total = sum(map(len, files.values()))
    if total > LARGEST:
        largest = max(files, key=lambda name: len(files[name]))
        raise MjcfError(
            f"{path}: its files are {total / 1e6:.0f} MB, and at most {LARGEST / 1e6:.0f} can go along with every"
            f" recording; the largest is {largest} with {len(files[largest]) / 1e6:.0f} MB: simplify the meshes"
        )
    if files:
        custom = ET.SubElement(root, "custom")
        for name, content in files.items():
            data = base64.b64encode(zlib.compress(content)).decode("ascii")
            ET.SubElement(custom, "text", name=_MARK + name, data=data)
    return ET.tostring(root, encoding="unicode")


def unpacked(mjcf: str) -> Tuple[str, Dict[str, bytes]]:
    """A text for MuJoCo, and the files that it refers to by their names: the `assets` of its functions.

    Raises MjcfError for a text that is damaged.
    """
    if _MARK not in mjcf:
        return mjcf, {}
    try:
        return _unpacked(mjcf)
    except (ET.ParseError, zlib.error, binascii.Error) as error:
        raise MjcfError(f"the model's text is damaged: {error}") from error


def _unpacked(mjcf: str) -> Tuple[str, Dict[str, bytes]]:
    root, files, size = ET.fromstring(mjcf), {}, 0
    for custom in root.findall("custom"):
        for text in list(custom):
            name = text.get("name", "")
            if name.startswith(_MARK):
                custom.remove(text)
                # A recording may come from anybody: it takes no more memory than one that `read` makes.
                inflate = zlib.decompressobj()
                content = inflate.decompress(base64.b64decode(text.get("data", "")), LARGEST - size + 1)
                size += len(content)
                if size > LARGEST:
                    raise MjcfError(f"the model's files are more than {LARGEST / 1e6:.0f} MB")
                files[name[len(_MARK) :]] = content
    return ET.tostring(root, encoding="unicode"), files


def has_files(mjcf: str) -> bool:
    """Whether the model has meshes, textures or height fields that were read from files."""
    return _MARK in mjcf


def _whole(path: Path, files: Dict[str, bytes], places: Dict[Path, str]) -> ET.Element:
    """The tree of a model file with its includes, names, and files in `files`; places: what they are called there."""
    root = _parsed(path, None)
    if root.tag != "mujoco":
        hint = (
            "; MuJoCo converts a URDF: mujoco.MjSpec.from_file(path).to_xml()" if root.tag == "robot" else ""
        )
        raise MjcfError(f"{path} is no MJCF: it begins with <{root.tag}>, not <mujoco>{hint}")
    _include(root, path, path.parent, [path.resolve()])
    _embed(root, path, files, places)
    _name(root)
    return root


def _parsed(path: Path, asked_by: Optional[Path]) -> ET.Element:
    of = "" if asked_by is None else f", which {asked_by} includes"
    try:
        return ET.fromstring(path.read_bytes())
    except OSError as error:
        raise MjcfError(f"{path}{of}: {error.strerror or error}") from error
    except ET.ParseError as error:
        raise MjcfError(f"{path}{of} is no XML: {error}") from error


def _include(parent: ET.Element, file: Path, folder: Path, within: List[Path]) -> None:
    """Put what is included in place of `<include>`; folder: of the main file, where MuJoCo looks."""
    children: List[ET.Element] = []
    for child in parent:
        if child.tag != "include":
            _include(child, file, folder, within)
            children.append(child)
            continue
        name = child.get("file", "").replace("\\", "/")
        other = next(
            (place for place in (folder / name, file.parent / name) if place.is_file()), folder / name
        )
        if other.resolve() in within:
            raise MjcfError(f"{file} includes {name}, which includes {file.name} again")
        root = _parsed(other, file)
        _include(root, other, folder, [*within, other.resolve()])
        children += root
    parent[:] = children


def _embed(root: ET.Element, path: Path, files: Dict[str, bytes], places: Dict[Path, str]) -> None:
    """Read every file that the model refers to, and refer to it by its plain name alone."""
    settings: Dict[str, str] = {}
    for compiler in root.findall("compiler"):  # of several, the later ones count
        if "assetdir" in compiler.attrib:
            settings[_MESHES] = settings[_TEXTURES] = compiler.attrib["assetdir"]
        settings.update(compiler.attrib)
        for name in (_MESHES, _TEXTURES, "assetdir", "strippath"):
            compiler.attrib.pop(name, None)
    for element in root.iter():
        for attribute in ("file", *_SIDES):
            given = element.get(attribute)
            if not given or (element.tag not in _FOLDERS and element.tag != "model"):
                continue
            name = given.replace("\\", "/")
            name = name.rpartition("/")[2] if settings.get("strippath") == "true" else name
            place = path.parent / settings.get(_FOLDERS.get(element.tag, ""), "") / name
            if attribute == "file" and element.tag in ("mesh", "hfield", "texture", "skin"):
                element.attrib.setdefault("name", place.stem)  # as MuJoCo calls it
            element.set(attribute, _stored(element.tag, given, place, path, files, places))


def _stored(
    tag: str, given: str, place: Path, path: Path, files: Dict[str, bytes], places: Dict[Path, str]
) -> str:
    """The name under which the content of `place` is in `files`, where it is put once."""
    place = place.resolve()
    if place not in places:
        if not place.is_file():
            raise MjcfError(f'{path}: there is no file {place}, which <{tag} file="{given}"> refers to')
        try:
            content = place.read_bytes()
        except OSError as error:
            raise MjcfError(f"{place}, of {path}: {error.strerror or error}") from error
        if tag == "model":
            content = ET.tostring(_whole(place, files, places))
        name, number = place.name, 1
        while name in files:
            number += 1
            name = f"{place.stem}_{number}{place.suffix}"
        files[name], places[place] = content, name
    return places[place]


def _name(root: ET.Element) -> None:
    """Name joints, bodies and actuators that have no name."""
    bodies = [body for world in root.findall("worldbody") for body in _bodies(world)]
    joints = [joint for body in bodies for joint in _own(body) if joint.tag in ("joint", "freejoint")]
    actuators = [actuator for section in root.findall("actuator") for actuator in section]
    for kind, elements, first in (("joint", joints, 0), ("body", bodies, 1), ("actuator", actuators, 0)):
        taken: Set[str] = {element.get("name", "") for element in elements}
        for number, element in enumerate(elements, first):  # body 0 is the world
            name = f"{kind}{number}"
            while not element.get("name") and name in taken:
                name += "_"
            element.attrib.setdefault("name", name)


def _bodies(parent: ET.Element) -> Iterator[ET.Element]:
    """All bodies below, in MuJoCo's order: depth first."""
    for child in parent:
        if child.tag == "body":
            yield child
        if child.tag in ("body", "frame", "replicate"):
            yield from _bodies(child)


def _own(body: ET.Element) -> Iterator[ET.Element]:
    """What belongs to a body itself, frames looked through."""
    for child in body:
        if child.tag == "frame":
            yield from _own(child)
        elif child.tag != "body":
            yield child
