"""What an object is to physics and to a task: mass, inertia, extents, and how it lies on the ground."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Tuple

import numpy as np

from rlkit.objects.mesh_file import Mesh, MeshError, read
from rlkit.objects.settings import Lengths, ObjectSettings

Quaternion = Tuple[float, float, float, float]
_UPRIGHT: Quaternion = (1.0, 0.0, 0.0, 0.0)
_LYING: Quaternion = (math.sqrt(0.5), 0.0, math.sqrt(0.5), 0.0)  # its z along x
_STRAIGHT = 1e-6  # of the inertia: products of inertia below that leave a mesh's axes as they are in its file


@dataclass(frozen=True)
class Solid:
    """An object in its own frame: the origin is the centre of mass, the axes are the principal ones of its inertia.

    inertia: kg m², about these axes. size: m, of the box around it; middle: m, of that box. rest_height: m, of the
    origin where it lies at first; rest_quat: wxyz, own frame to world. points: m, of a mesh.
    """

    settings: ObjectSettings
    mass: float
    inertia: Lengths
    size: Lengths
    middle: Lengths = (0.0, 0.0, 0.0)
    rest_height: float = 0.0
    rest_quat: Quaternion = _UPRIGHT
    points: tuple[Lengths, ...] = ()


@lru_cache(maxsize=256)
def solid_of(settings: ObjectSettings) -> Solid:
    """The object that settings describe; raises MeshError, naming the file, for a mesh that is none."""
    if settings.shape == "mesh":
        try:
            return _of_mesh(settings, read(settings.file))
        except MeshError as error:
            raise MeshError(f"the mesh {settings.file}: {error}") from error
    mass = _mass(settings, _volume(settings))
    lies = settings.shape == "capsule"  # on its side: it would fall from its end
    height = 0.5 * (settings.size[0] if lies else settings.size[2])
    return Solid(
        settings,
        mass,
        _inertia(settings, mass),
        settings.size,
        rest_height=height,
        rest_quat=_LYING if lies else _UPRIGHT,
    )


def _mass(settings: ObjectSettings, volume: float) -> float:
    if settings.mass is not None:
        return settings.mass
    assert settings.density is not None  # one of the two is there: checked before anything starts
    return settings.density * volume


def _volume(settings: ObjectSettings) -> float:
    """m³."""
    x, y, z = settings.size
    radius = 0.5 * x
    if settings.shape == "box":
        return x * y * z
    if settings.shape == "cylinder":
        return math.pi * radius**2 * z
    ball = 4.0 / 3.0 * math.pi * radius**3
    return ball if settings.shape == "sphere" else ball + math.pi * radius**2 * (z - x)


def _inertia(settings: ObjectSettings, mass: float) -> Lengths:
    """kg m² of a solid of even density about its axes: the usual formulas."""
    x, y, z = settings.size
    radius = 0.5 * x
    if settings.shape == "box":
        return mass * (y**2 + z**2) / 12.0, mass * (x**2 + z**2) / 12.0, mass * (x**2 + y**2) / 12.0
    if settings.shape == "sphere":
        same = 0.4 * mass * radius**2
        return same, same, same
    middle = z if settings.shape == "cylinder" else z - x  # length of the part that is a cylinder
    density = mass / _volume(settings)
    cylinder = density * math.pi * radius**2 * middle
    ball = mass - cylinder  # of both ends of a capsule together
    along = 0.5 * cylinder * radius**2 + 0.4 * ball * radius**2
    across = cylinder * (radius**2 / 4.0 + middle**2 / 12.0)
    # A half ball's centre of mass is 3/8 radius from its flat side
    across += ball * (0.4 * radius**2 + middle**2 / 4.0 + 3.0 / 8.0 * middle * radius)
    return across, across, along


def _of_mesh(settings: ObjectSettings, mesh: Mesh) -> Solid:
    """z is up in the file; it lies at first as it does there."""
    points = settings.scale * np.array(mesh.points)
    volume, centre, inertia = integrals(points, np.array(mesh.faces))
    mass = _mass(settings, volume)
    axes = _principal(inertia)
    own = (points - centre) @ axes
    low, high = own.min(axis=0), own.max(axis=0)
    return Solid(
        settings,
        mass,
        _three(np.diag(axes.T @ inertia @ axes) * mass / volume),
        _three(high - low),
        middle=_three(0.5 * (low + high)),
        rest_height=float(centre[2] - points[:, 2].min()),
        rest_quat=_quaternion(axes),
        points=tuple(_three(point) for point in own),
    )


def integrals(points: np.ndarray, faces: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
    """Of a closed mesh of density 1: volume, centre of mass `[3]`, and inertia about that `[3, 3]`.

    Sums over the tetrahedra between the origin and each face: of one with corners a, b, c and volume V the integral of
    x xᵀ is V/20 (a aᵀ + b bᵀ + c cᵀ + s sᵀ), s = a + b + c.
    """
    shift = points.mean(axis=0)  # far from the origin the sums would cancel
    corners = (points - shift)[faces]  # [F, 3, xyz]
    volumes = np.linalg.det(corners) / 6.0
    sums = corners.sum(axis=1)
    volume = volumes.sum()
    centre = (volumes[:, None] * sums).sum(axis=0) / (4.0 * volume)
    squares = np.einsum("fci,fcj->fij", corners, corners) + np.einsum("fi,fj->fij", sums, sums)
    second = (volumes[:, None, None] * squares).sum(axis=0) / 20.0 - volume * np.outer(centre, centre)
    return float(volume), centre + shift, np.trace(second) * np.eye(3) - second


def _principal(inertia: np.ndarray) -> np.ndarray:
    """The principal axes as columns of a rotation `[3, 3]`, each nearest to the axis of its number."""
    if np.abs(inertia - np.diag(np.diag(inertia))).max() <= _STRAIGHT * np.trace(inertia):
        return np.eye(3)
    vectors = np.linalg.eigh(inertia)[1]
    axes, left = np.zeros((3, 3)), [0, 1, 2]
    for axis in range(3):
        best = max(left, key=lambda column: abs(vectors[axis, column]))
        left.remove(best)
        axes[:, axis] = vectors[:, best] * (1.0 if vectors[axis, best] >= 0.0 else -1.0)
    if np.linalg.det(axes) < 0.0:
        axes[:, 2] *= -1.0
    return axes


def _quaternion(matrix: np.ndarray) -> Quaternion:
    """wxyz of a rotation `[3, 3]`, w not negative: the eigenvector of its symmetric 4×4 matrix (Bar-Itzhack 2000)."""
    m = matrix
    k = np.array(
        [
            [m[0, 0] + m[1, 1] + m[2, 2], 0.0, 0.0, 0.0],
            [m[2, 1] - m[1, 2], m[0, 0] - m[1, 1] - m[2, 2], 0.0, 0.0],
            [m[0, 2] - m[2, 0], m[0, 1] + m[1, 0], m[1, 1] - m[0, 0] - m[2, 2], 0.0],
            [m[1, 0] - m[0, 1], m[0, 2] + m[2, 0], m[1, 2] + m[2, 1], m[2, 2] - m[0, 0] - m[1, 1]],
        ]
    )
    quaternion = np.linalg.eigh(k)[1][:, -1]  # reads the lower triangle alone
    w, x, y, z = (quaternion if quaternion[0] >= 0.0 else -quaternion).tolist()
    return w, x, y, z


def _three(values: np.ndarray) -> Lengths:
    x, y, z = (float(value) for value in values)
    return x, y, z
