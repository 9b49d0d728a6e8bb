"""The settings of `task.terrain`: their lines of the schema."""

from __future__ import annotations

from rlkit.config.schema.learner_keys import Key
from rlkit.terrain.settings import KINDS

_ENDS = "at the first level and at the last, straight between"
_ROWS = (
    ("kinds", "[] or list of text", "", f"columns of patches, of {', '.join(KINDS)}; []: the ground is a plane"),
    ("levels", "int in [1, 100]", "", "rows of patches, each harder than the one before"),
    ("size", "float in [2, 100]", "m", "edge of a patch"),
    ("border", "float in [1, 100]", "m", "flat, around all patches; at its outer edge an episode is out of time"),
    ("platform", "float in [1, 100)", "m", "edge of the flat square in the middle of a patch; rough has none"),
    ("resolution", "float in [0.01, 1]", "m", "between the points of the height field"),
    ("seed", "int >= 0", "", "of what is random in the terrain: the same for every run with the same"),
    ("curriculum", "bool", "", "whether in training levels follow how well it goes; false: drawn evenly, as in tests"),
    ("startLevel", "int >= 0", "", "the highest level that the first episodes of a training begin on"),
    ("rough.noise", "list of 2 float >= 0", "m", f"of rough, from lowest to highest, {_ENDS}"),
    ("slopes.slope", "list of 2 float >= 0", "", f"of slope_up and slope_down, rise per run, {_ENDS}"),
    ("stairs.step", "list of 2 float >= 0", "m", f"of stairs_up and stairs_down, height of a step, {_ENDS}"),
    ("stairs.tread", "float > 0", "m", "of stairs_up and stairs_down, depth of a step"),
    ("stones.gap", "list of 2 float > 0", "m", f"of stones, between two of them at the top, {_ENDS}"),
    ("stones.stone", "list of 2 float > 0", "m", f"of stones, their edge, {_ENDS}"),
    ("stones.depth", "list of 2 float >= 0", "m", f"of stones, how much lower the ground between them is, {_ENDS}"),
    ("scan.size", "list of 2 float in [0, 20]", "m", "of height_scan, along the heading and across it"),
    ("scan.resolution", "float in [0.01, 10]", "m", "of height_scan, between two points"),
)  # fmt: skip
KEYS: tuple[Key, ...] = tuple(Key(f"task.terrain.{name}", *row) for name, *row in _ROWS)
