"""Small terrains whose heights are known by hand, and how far a point is from such a surface."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from rlkit.terrain.field import HeightField
from rlkit.terrain.settings import KINDS, TerrainSettings

SMALL = TerrainSettings(
    kinds=KINDS,
    levels=2,
    size=4.0,
    border=1.0,
    platform=1.0,
    resolution=0.1,
    seed=3,
    noise=(0.04, 0.1),
    slope=(0.1, 0.4),
    step=(0.05, 0.15),
    tread=0.3,
    gap=(0.2, 0.4),
    stone=(1.2, 0.6),
    depth=(0.1, 0.4),
)
"""Patches of 4 m with a platform of 1 m: 1.5 m of slope, five treads of 30 cm."""


def of_kind(kind: str, levels: int = 1) -> TerrainSettings:
    return replace(SMALL, kinds=(kind,), levels=levels)


def distance(field: HeightField, point: np.ndarray) -> float:
    """m from a point [3] (m, world) to the nearest point of the field's triangles within half a metre."""
    step, reach = field.resolution, 5
    column, row = (int((point[axis] - field.corner[axis]) / step) for axis in range(2))
    nearest = np.inf
    for r in range(max(0, row - reach), min(field.heights.shape[0] - 1, row + reach + 1)):
        for c in range(max(0, column - reach), min(field.heights.shape[1] - 1, column + reach + 1)):
            a, b, d, e = (_place(field, *at) for at in ((r, c), (r, c + 1), (r + 1, c), (r + 1, c + 1)))
            nearest = min(nearest, _to_triangle(point, a, b, e), _to_triangle(point, a, e, d))
    return nearest


def _place(field: HeightField, row: int, column: int) -> np.ndarray:
    x, y = field.corner[0] + column * field.resolution, field.corner[1] + row * field.resolution
    return np.array([x, y, float(field.heights[row, column])])


def _to_triangle(point: np.ndarray, *corners: np.ndarray) -> float:
    a, b, c = corners
    normal = np.cross(b - a, c - a)
    foot = point - normal * (normal @ (point - a)) / (normal @ normal)
    sides = [np.cross(second - first, foot - first) @ normal for first, second in ((a, b), (b, c), (c, a))]
    if min(sides) >= 0:
        return float(np.linalg.norm(point - foot))
    return min(_to_edge(point, *edge) for edge in ((a, b), (b, c), (c, a)))


def _to_edge(point: np.ndarray, first: np.ndarray, second: np.ndarray) -> float:
    along = second - first
    share = np.clip((point - first) @ along / (along @ along), 0.0, 1.0)
    return float(np.linalg.norm(point - first - share * along))
