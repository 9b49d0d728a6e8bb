"""The height field: all patches side by side, the same on every simulator and for any number of envs."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from rlkit.terrain.kinds import patch
from rlkit.terrain.settings import TerrainSettings

_FOOTPRINT = 0.4  # m, each way from a patch's middle: what a robot that begins there stands on
_FINEST = 1e-3  # m: heights are whole numbers of it, which lets a recording compress them


@dataclass(frozen=True)
class HeightField:
    """Heights on a grid in the world frame, straight over the two triangles of each cell, as MuJoCo reads them.

    heights: `[points along y, points along x]` float32, m. corner: x and y (m) of `heights[0, 0]`. resolution: m.
    origins: `[levels, columns, 3]` float32, m: the middle of each patch, as high as the highest point below a robot
    that stands there. The first of them is the world's origin, where models and engines put robots at first.
    """

    heights: np.ndarray
    corner: tuple[float, float]
    resolution: float
    origins: np.ndarray


@lru_cache(maxsize=4)
def height_field(settings: TerrainSettings) -> HeightField:
    """The field of these settings; each patch has random numbers of its own, by seed, level and column."""
    cells, rim, resolution = settings.cells, settings.rim, settings.resolution
    columns = len(settings.kinds)
    heights = np.zeros(settings.shape)  # in the unit of the finest, as the tops
    tops = np.zeros((settings.levels, columns))
    reach = min(int(_FOOTPRINT / resolution), cells // 2)
    for level in range(settings.levels):
        difficulty = level / max(1, settings.levels - 1)
        for column, kind in enumerate(settings.kinds):
            random = np.random.default_rng([settings.seed, level, column])
            ground = np.round(patch(kind, settings, difficulty, random) / _FINEST)
            y, x = rim + column * cells, rim + level * cells
            heights[y : y + cells + 1, x : x + cells + 1] = ground
            low, high = cells // 2 - reach, cells - cells // 2 + reach + 1
            tops[level, column] = ground[low:high, low:high].max()
    first = tops[0, 0]
    origins = np.zeros((settings.levels, columns, 3), np.float32)
    origins[..., 0] = settings.size * np.arange(settings.levels)[:, None]
    origins[..., 1] = settings.size * np.arange(columns)
    origins[..., 2] = _FINEST * (tops - first)
    start = -0.5 * settings.size - rim * resolution
    return HeightField((_FINEST * (heights - first)).astype(np.float32), (start, start), resolution, origins)
