"""Meshes of the user's, STL or OBJ: read, and found closed, with the standard library alone."""

from __future__ import annotations

import math
import re
import struct
from collections import Counter
from pathlib import Path
from typing import NamedTuple, Tuple

from rlkit.errors import RlkitError
from rlkit.untrusted import expanded

Point = Tuple[float, float, float]
Face = Tuple[int, int, int]

ENDINGS = (".stl", ".obj")
MOST_FACES = 20_000
_MOST_BYTES = 20_000_000
_HEADER, _ROW = 84, 50  # bytes of a binary STL: before its faces, and of each
_CORNER = re.compile(rb"\bvertex\s+(\S+)\s+(\S+)\s+(\S+)", re.IGNORECASE)


class MeshError(RlkitError):
    """The file is no mesh that can be taken into a hand; the message says why, without the file's name."""


class Mesh(NamedTuple):
    """points: in the file's unit. faces: three of them each, counter-clockwise as seen from outside."""

    points: list[Point]
    faces: list[Face]


def read(path: str) -> Mesh:
    """The closed surface in a file; raises MeshError where there is none."""
    file = expanded(path)
    if file.suffix.lower() not in ENDINGS:
        raise MeshError(f"a mesh is a file .stl or .obj, and this ends in {file.suffix or 'nothing'}")
    try:
        if not file.is_file():
            raise MeshError(f"there is no such file{'' if file.is_absolute() else f' in {Path.cwd()}'}")
        size = file.stat().st_size
        if size > _MOST_BYTES:
            raise MeshError(f"has {size / 1e6:.0f} MB, and {_MOST_BYTES / 1e6:.0f} are the most{_SIMPLIFY}")
        content = file.read_bytes()
    except OSError as error:
        raise MeshError(f"cannot be read: {error.strerror or error}") from error
    try:
        mesh = _stl(content) if file.suffix.lower() == ".stl" else _obj(content)
    except (ValueError, IndexError, struct.error) as error:
        raise MeshError(f"is no {file.suffix.lower()[1:].upper()} file: {error}") from error
    if len(mesh.faces) > MOST_FACES:
        raise MeshError(f"has {len(mesh.faces)} triangles, and {MOST_FACES} are the most{_SIMPLIFY}")
    return _closed(mesh)


_SIMPLIFY = "; what touches is its convex hull alone, so simplify it in any mesh editor"


def _stl(content: bytes) -> Mesh:
    """Corners in the same place are one point."""
    count = int.from_bytes(content[80:84], "little") if len(content) >= _HEADER else -1
    if len(content) == _HEADER + _ROW * count:
        if count > MOST_FACES:
            raise MeshError(f"has {count} triangles, and {MOST_FACES} are the most{_SIMPLIFY}")
        corners = [row[3:12] for row in struct.iter_unpack("<12fH", content[_HEADER:])]
        flat = [(row[i], row[i + 1], row[i + 2]) for row in corners for i in (0, 3, 6)]
    else:
        flat = [(float(x), float(y), float(z)) for x, y, z in _CORNER.findall(content)]
    if len(flat) % 3 or not flat:
        raise ValueError(f"it has {len(flat)} corners of triangles")
    places: dict[Point, int] = {}
    index = [places.setdefault(point, len(places)) for point in flat]
    return Mesh(list(places), list(zip(index[::3], index[1::3], index[2::3])))


def _obj(content: bytes) -> Mesh:
    """Points and faces alone; a face of more than three corners is a fan of triangles."""
    points: list[Point] = []
    faces: list[Face] = []
    for line in content.decode("utf-8", "replace").splitlines():
        words = line.split()
        if words[:1] == ["v"]:
            points.append((float(words[1]), float(words[2]), float(words[3])))
        elif words[:1] == ["f"]:
            given = [int(word.partition("/")[0]) for word in words[1:]]
            corners = [number - 1 if number > 0 else len(points) + number for number in given]
            faces += [(corners[0], corners[i], corners[i + 1]) for i in range(1, len(corners) - 1)]
    if not faces or any(not 0 <= corner < len(points) for face in faces for corner in face):
        raise ValueError(f"it has {len(points)} points and {len(faces)} faces that fit them")
    # Seams of a texture name the same place twice
    places: dict[Point, int] = {}
    index = [places.setdefault(point, len(places)) for point in points]
    return Mesh(list(places), [(index[a], index[b], index[c]) for a, b, c in faces])


def _closed(mesh: Mesh) -> Mesh:
    """The same mesh, its faces looking out; raises MeshError unless it encloses a volume."""
    if not all(math.isfinite(number) for point in mesh.points for number in point):
        raise MeshError("has a corner that is not finite")
    faces = [face for face in mesh.faces if len(set(face)) == 3]  # the others have no area
    edges = Counter((face[i], face[(i + 1) % 3]) for face in faces for i in range(3))
    pairs = Counter(tuple(sorted(edge)) for edge in edges.elements())
    open_ = sum(count % 2 for count in pairs.values())
    if open_:
        raise MeshError(
            f"is not closed: {open_} of its {len(pairs)} edges have a face on one side alone, so it has no volume; fill"
            " its holes in a mesh editor"
        )
    if any(count != edges[end, start] for (start, end), count in edges.items()):
        raise MeshError("has faces that look in beside others that look out; make its normals consistent")
    volume = sum(_six_volumes(*(mesh.points[corner] for corner in face)) for face in faces)
    if volume == 0.0 or not math.isfinite(volume):
        raise MeshError("encloses no volume")
    return Mesh(mesh.points, faces if volume > 0.0 else [(a, c, b) for a, b, c in faces])


def _six_volumes(a: Point, b: Point, c: Point) -> float:
    """Six times the signed volume of the tetrahedron with the origin."""
    return (
        a[0] * (b[1] * c[2] - b[2] * c[1])
        + a[1] * (b[2] * c[0] - b[0] * c[2])
        + a[2] * (b[0] * c[1] - b[1] * c[0])
    )
