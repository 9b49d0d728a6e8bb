"""The kinds of patches: heights over a square, numpy alone; parameters are straight between the two ends of the levels.

The shapes of legged_gym (Rudin et al. 2021, arXiv 2109.11978) and Isaac Lab. Every patch meets its neighbours at 0.
"""

from __future__ import annotations

from typing import Callable, Mapping

import numpy as np

from rlkit.terrain.settings import Ends, TerrainSettings

_NOISE_CELL = 0.2  # m: noise is drawn so far apart, and straight between (legged_gym's downsampled_scale)

Patch = Callable[[TerrainSettings, float, np.random.Generator], np.ndarray]
"""Heights `[points, points]` m, of which the outermost are 0; the float is the difficulty, from 0 to 1."""


def patch(kind: str, settings: TerrainSettings, difficulty: float, random: np.random.Generator) -> np.ndarray:
    """Heights `[cells + 1, cells + 1]` m of a patch, along y and x; difficulty: 0 at the first level, 1 at the last.

    Raises KeyError for a kind that there is none of.
    """
    heights = _KINDS[kind](settings, difficulty, random)
    heights[[0, -1], :] = heights[:, [0, -1]] = 0.0
    return heights


def between(ends: Ends, difficulty: float) -> float:
    """A parameter at a difficulty from 0 to 1."""
    return ends[0] + (ends[1] - ends[0]) * difficulty


def _from_middle(settings: TerrainSettings) -> np.ndarray:
    """`[points, points]` m from the middle of a patch, measured along the axis that is farther."""
    along = settings.resolution * (np.arange(settings.cells + 1) - 0.5 * settings.cells)
    return np.maximum(np.abs(along)[:, None], np.abs(along)[None])


def _flat(settings: TerrainSettings, difficulty: float, random: np.random.Generator) -> np.ndarray:
    return np.zeros((settings.cells + 1,) * 2)


def _rough(settings: TerrainSettings, difficulty: float, random: np.random.Generator) -> np.ndarray:
    """Uniform noise around 0, smoothed: drawn on a coarser grid and bilinear between."""
    count = max(1, round(settings.size / max(_NOISE_CELL, settings.resolution)))
    half = 0.5 * between(settings.noise, difficulty)
    drawn = random.uniform(-half, half, (count + 1, count + 1))
    places = np.linspace(0.0, count, settings.cells + 1)
    first = np.minimum(places.astype(int), count - 1)
    share = places - first
    rows = drawn[first] * (1.0 - share)[:, None] + drawn[first + 1] * share[:, None]
    return rows[:, first] * (1.0 - share) + rows[:, first + 1] * share


def _pyramid(settings: TerrainSettings, difficulty: float) -> np.ndarray:
    """A slope on all four sides of the platform, which is the highest."""
    inwards = 0.5 * settings.size - np.maximum(_from_middle(settings), 0.5 * settings.platform)
    return between(settings.slope, difficulty) * inwards


def _steps(settings: TerrainSettings, difficulty: float) -> np.ndarray:
    """Stairs on all four sides of the platform, which is the highest and takes what no whole tread fills."""
    inwards = 0.5 * settings.size - _from_middle(settings)
    most = int((0.5 * (settings.size - settings.platform)) / settings.tread + 1e-6)
    number = np.clip(np.floor(inwards / settings.tread + 1e-6), 0, most)
    return between(settings.step, difficulty) * number


def _stones(settings: TerrainSettings, difficulty: float, random: np.random.Generator) -> np.ndarray:
    """Square stones at height 0 in rows, around the platform; between them the ground is `depth` lower.

    A gap is measured at the top, where its walls, a cell wide, begin: the narrowest is two cells.
    """
    stone = max(1, round(between(settings.stone, difficulty) / settings.resolution))
    gap = max(2, round(between(settings.gap, difficulty) / settings.resolution))
    offset = np.arange(settings.cells + 1) - settings.cells // 2 + stone // 2  # a stone in the middle
    on = offset % (stone + gap) <= stone
    heights = np.where(on[:, None] & on[None], 0.0, -between(settings.depth, difficulty))
    heights[_from_middle(settings) <= 0.5 * settings.platform] = 0.0
    return heights


_KINDS: Mapping[str, Patch] = {
    "flat": _flat,
    "rough": _rough,
    "slope_up": lambda settings, difficulty, random: _pyramid(settings, difficulty),
    "slope_down": lambda settings, difficulty, random: -_pyramid(settings, difficulty),
    "stairs_up": lambda settings, difficulty, random: _steps(settings, difficulty),
    "stairs_down": lambda settings, difficulty, random: -_steps(settings, difficulty),
    "stones": _stones,
}
