"""A model with a height field in place of the plane that it stands on, as one text that carries the heights along."""

from __future__ import annotations

import struct
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np

from rlkit.sims.mjcf import MjcfError, packed
from rlkit.terrain.field import HeightField

NAME = "terrain"
_FILE = f"{NAME}.hfield"
_COLOUR = "0.8 0.79 0.75 1"  # on top of a material; also of viewers that draw none
_BASE = 1.0  # m below the lowest point: what is fast finds solid ground there


def on_terrain(mjcf: str, field: HeightField) -> str:
    """The model with its ground's plane replaced: friction, name and all else of that geom stay.

    Raises MjcfError for a model without a plane in its world, or with files beside it.
    """
    root = ET.fromstring(mjcf)
    planes = [
        geom
        for world in root.findall("worldbody")
        for geom in world.findall("geom")
        if geom.get("type") == "plane"
    ]
    if len(planes) != 1:
        raise MjcfError(
            f"terrain takes the place of the plane of a model's world, and this one has {len(planes)}"
        )
    low, high = float(field.heights.min()), float(field.heights.max())
    rows, columns = field.heights.shape
    half = [0.5 * field.resolution * (count - 1) for count in (columns, rows)]
    rise = max(high - low, 1e-3)  # MuJoCo wants one
    ground = planes[0]
    ground.set("type", "hfield")
    ground.set("hfield", NAME)
    ground.set("pos", " ".join(repr(field.corner[axis] + half[axis]) for axis in range(2)) + f" {low!r}")
    ground.attrib.pop("size", None)
    ground.attrib.setdefault("rgba", _COLOUR)
    asset = root.find("asset")
    asset = ET.SubElement(root, "asset") if asset is None else asset
    size = " ".join(map(repr, (*half, rise, _BASE)))
    ET.SubElement(asset, "hfield", name=NAME, file=_FILE, size=size)
    shares = ((field.heights.astype(np.float64) - low) / rise).astype("<f4")
    return packed(root, {_FILE: struct.pack("<ii", rows, columns) + shares.tobytes()}, Path(_FILE))
