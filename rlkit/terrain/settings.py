"""What `task.terrain` says; read without numpy, so that a request can be refused for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Mapping, Tuple

KINDS = ("flat", "rough", "slope_up", "slope_down", "stairs_up", "stairs_down", "stones")
"""The kinds of patches; of those up and down, seen by a robot that walks to the middle of the patch."""
LARGEST = 20_000_000
"""Points of a height field: 80 MB, which every recording of an episode carries, compressed."""
REACH = 1.0
"""m: a height scan tells no more than that, up or down."""

Ends = Tuple[float, float]
"""A parameter at the first level and at the last one; straight between them."""


@dataclass(frozen=True)
class TerrainSettings:
    """A grid of square patches, the first level in front: a row a level, a column a kind; see `task.terrain`.

    kinds: a column each. levels: rows. size, border, platform: m, of a patch, of the flat rim around all of them, of
    the flat square in the middle of a patch. resolution: m, between the points of the height field. noise: m.
    slope: rise per run. step, tread: m, of stairs, the height by level. gap, stone, depth: m, of stepping stones.
    """

    kinds: tuple[str, ...]
    levels: int
    size: float
    border: float
    platform: float
    resolution: float
    seed: int
    noise: Ends
    slope: Ends
    step: Ends
    tread: float
    gap: Ends
    stone: Ends
    depth: Ends

    @classmethod
    def of(cls, task: Mapping[str, Any]) -> TerrainSettings | None:
        """Those of a `task` section; None where the ground is a plane."""
        given = task.get("terrain") or {}
        if not given.get("kinds"):
            return None

        def ends(section: str, name: str) -> Ends:
            first, last = given[section][name]
            return float(first), float(last)

        return cls(
            kinds=tuple(given["kinds"]),
            levels=int(given["levels"]),
            size=float(given["size"]),
            border=float(given["border"]),
            platform=float(given["platform"]),
            resolution=float(given["resolution"]),
            seed=int(given["seed"]),
            noise=ends("rough", "noise"),
            slope=ends("slopes", "slope"),
            step=ends("stairs", "step"),
            tread=float(given["stairs"]["tread"]),
            gap=ends("stones", "gap"),
            stone=ends("stones", "stone"),
            depth=ends("stones", "depth"),
        )

    @property
    def cells(self) -> int:
        """Of the height field, along the edge of a patch."""
        return round(self.size / self.resolution)

    @property
    def rim(self) -> int:
        """Cells of the height field across the border."""
        return round(self.border / self.resolution)

    @property
    def shape(self) -> tuple[int, int]:
        """Points of the height field along y, to which columns go, and x, to which levels go."""
        rim = 2 * self.rim + 1
        return len(self.kinds) * self.cells + rim, self.levels * self.cells + rim


def scan_points(task: Mapping[str, Any]) -> list[tuple[float, float]]:
    """Where a height scan looks, m forward and m to the left of the robot's root, row by row from behind right.

    Empty for a task without `task.terrain`.
    """
    scan = (task.get("terrain") or {}).get("scan")
    if scan is None:
        return []
    resolution = float(scan["resolution"])
    # A multiple that a rounding error misses counts
    along, across = (int(float(length) / resolution + 1e-6) for length in scan["size"])
    return [
        (resolution * (i - 0.5 * along), resolution * (j - 0.5 * across))
        for i in range(along + 1)
        for j in range(across + 1)
    ]


def scan_size(task: Mapping[str, Any]) -> int:
    """The number of those points."""
    return len(scan_points(task))
