"""A robot that lies in files as one self-contained MJCF text: what every simulator, viewer and recording takes.

Includes are put in place, meshes, textures and height fields are embedded, and joints, bodies and actuators without a
name get one, so that a task can ask for them and nothing needs the robot's own files.
"""

from __future__ import annotations

import base64
import binascii
import xml.etree.ElementTree as ET
import zlib
from pathlib import Path
from typing import Mapping

from rlkit.errors import RlkitError
from rlkit.sims.mjcf_names import name_parts

LARGEST = 100_000_000  # bytes of embedded files: every recording carries them

_MARK = "rlkit-file:"  # how the names of <custom><text> elements begin that hold a file
_MESHES, _TEXTURES = "meshdir", "texturedir"
# element: the compiler's setting that says where its files are
_FOLDERS = {"mesh": _MESHES, "hfield": _MESHES, "skin": _MESHES, "flexcomp": _MESHES, "texture": _TEXTURES}
_SIDES = tuple(f"file{side}" for side in ("right", "left", "up", "down", "front", "back"))


class MjcfError(RlkitError):
    """The files cannot become one text; the message names the file."""


def read(path: Path) -> str:
    """The model in `path` as one text. Raises MjcfError for what cannot be read, and for more than `LARGEST` bytes."""
    return packed(*whole(path), path)


def whole(path: Path) -> tuple[ET.Element, dict[str, bytes]]:
    """The tree of a model with its includes and a name for every part, and its files by the names in it.

    Raises MjcfError for what cannot be read.
    """
    files: dict[str, bytes] = {}
    return _whole(Path(path), files, {}), files


def packed(root: ET.Element, files: Mapping[str, bytes], source: Path) -> str:
    """Both as one text; raises MjcfError, naming the `source`, for files of more than `LARGEST` bytes."""
    total = sum(map(len, files.values()))
    if total > LARGEST:
        largest = max(files, key=lambda name: len(files[name]))
        raise MjcfError(
            f"{source}: its files are {total / 1e6:.0f} MB, and at most {LARGEST / 1e6:.0f} can go along with"
            f" recordings; the largest is {largest} with {len(files[largest]) / 1e6:.0f} MB: simplify the meshes"
        )
    if files:
        custom = ET.SubElement(root, "custom")
        for name, content in files.items():
            data = base64.b64encode(zlib.compress(content)).decode("ascii")
            ET.SubElement(custom, "text", name=_MARK + name, data=data)
    return ET.tostring(root, encoding="unicode")


def unpacked(mjcf: str) -> tuple[str, dict[str, bytes]]:
    """A text for MuJoCo, and the files that it refers to by their names: the `assets` of its functions.

    Raises MjcfError for a text that is damaged.
    """
    if _MARK not in mjcf:
        return mjcf, {}
    try:
        return _unpacked(mjcf)
    except (ET.ParseError, zlib.error, binascii.Error) as error:
        raise MjcfError(f"the model's text is damaged: {error}") from error


def _unpacked(mjcf: str) -> tuple[str, dict[str, bytes]]:
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


def _whole(path: Path, files: dict[str, bytes], places: dict[Path, str]) -> ET.Element:
    """The tree of a model file with its includes, names, and files in `files`; places: what they are called there."""
    root = parsed(path, None)
    if root.tag != "mujoco":
        hint = "; SceneSpec.from_file reads a URDF" if root.tag == "robot" else ""
        raise MjcfError(f"{path} is no MJCF: it begins with <{root.tag}>, not <mujoco>{hint}")
    _include(root, path, path.parent, [path.resolve()])
    _embed(root, path, files, places)
    name_parts(root)
    return root


def parsed(path: Path, asked_by: Path | None) -> ET.Element:
    """The XML of a file, which another one may have asked for; raises MjcfError."""
    of = "" if asked_by is None else f", which {asked_by} includes"
    try:
        return ET.fromstring(path.read_bytes())
    except OSError as error:
        raise MjcfError(f"{path}{of}: {error.strerror or error}") from error
    except ET.ParseError as error:
        raise MjcfError(f"{path}{of} is no XML: {error}") from error


def _include(parent: ET.Element, file: Path, folder: Path, within: list[Path]) -> None:
    """Put what is included in place of `<include>`; folder: of the main file, where MuJoCo looks."""
    children: list[ET.Element] = []
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
        root = parsed(other, file)
        _include(root, other, folder, [*within, other.resolve()])
        children += root
    parent[:] = children


def _embed(root: ET.Element, path: Path, files: dict[str, bytes], places: dict[Path, str]) -> None:
    """Read every file that the model refers to, and refer to it by its plain name alone."""
    settings: dict[str, str] = {}
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
    tag: str, given: str, place: Path, path: Path, files: dict[str, bytes], places: dict[Path, str]
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
        places[place] = store(files, place.name, content)
    return places[place]


def store(files: dict[str, bytes], name: str, content: bytes) -> str:
    """Put a file under its name, or one like it where another has that; returns the name.

    STL text becomes binary. Raises MjcfError where it cannot.
    """
    plain, number = Path(name), 1
    if plain.suffix.lower() == ".stl":
        try:
            from rlkit.sims import stl  # numpy comes with it, and texts are read without

            content = stl.binary(content)
        except ValueError as error:
            raise MjcfError(f"{name} is an STL file of text that cannot be read: {error}") from error
    while files.get(name, content) != content:
        number += 1
        name = f"{plain.stem}_{number}{plain.suffix}"
    files[name] = content
    return name
