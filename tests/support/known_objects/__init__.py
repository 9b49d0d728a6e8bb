"""Objects whose mass, inertia and resting height are worked out by hand, and meshes of them as files."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Iterable, Sequence

Face = Sequence[int]
# Corners of a box by the bits of their number: x, y, z; the faces counter-clockwise from outside
BOX_FACES: tuple[Face, ...] = (
    *((0, 2, 3, 1), (4, 5, 7, 6), (0, 1, 5, 4)),
    *((2, 6, 7, 3), (0, 4, 6, 2), (1, 3, 7, 5)),
)


def box_points(x: float, y: float, z: float) -> list[tuple[float, float, float]]:
    """The corners of a box whose least corner is the origin."""
    return [(x * i, y * j, z * k) for k, j, i in itertools.product((0, 1), repeat=3)]


def obj(points: Iterable[Sequence[float]], faces: Iterable[Face]) -> str:
    """A mesh as an OBJ file, whose corners count from 1."""
    lines = ["v " + " ".join(map(repr, point)) for point in points]
    return (
        "\n".join([*lines, *("f " + " ".join(str(corner + 1) for corner in face) for face in faces)]) + "\n"
    )


def write_box(path: Path, x: float, y: float, z: float) -> Path:
    """A closed box as an OBJ file."""
    path.write_text(obj(box_points(x, y, z), BOX_FACES))
    return path
