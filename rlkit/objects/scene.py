"""A model with a free object in it, as one text."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import Iterable, Sequence

from rlkit.objects.solid import Solid

_COLOURS = (
    *("0.2 0.5 0.9 1", "0.9 0.45 0.2 1", "0.25 0.7 0.35 1", "0.85 0.25 0.4 1"),
    *("0.6 0.4 0.85 1", "0.9 0.75 0.2 1", "0.2 0.7 0.75 1", "0.55 0.45 0.35 1"),
)


def with_objects(mjcf: str, body: str, solids: Sequence[Solid]) -> tuple[str, ...]:
    """The model with a free body of this name, once with each of the objects.

    All have all of the meshes, so that they differ in numbers alone. A mesh is given by its points: what touches, and
    what is drawn, is its convex hull. An object's own friction decides.
    """
    return tuple(_with_object(mjcf, body, solids, number) for number in range(len(solids)))


def _with_object(mjcf: str, body: str, solids: Sequence[Solid], number: int) -> str:
    root, solid = ET.fromstring(mjcf), solids[number]
    world = root.find("worldbody")
    assert world is not None
    meshes = {k: one for k, one in enumerate(solids) if one.points}
    if meshes:
        asset = root.find("asset")
        asset = ET.SubElement(root, "asset") if asset is None else asset
        for k, one in meshes.items():
            points = " ".join(
                f"{length:.9g}" for point in one.points for length in point
            )  # MuJoCo has float32
            ET.SubElement(asset, "mesh", name=f"{body}_{k}", vertex=points)
    element = ET.SubElement(world, "body", name=body, pos=f"0 0 {solid.rest_height}")
    if solid.rest_quat[0] != 1.0:
        element.set("quat", _numbers(solid.rest_quat))
    ET.SubElement(element, "freejoint", name=body)
    ET.SubElement(element, "inertial", pos="0 0 0", mass=f"{solid.mass}", diaginertia=_numbers(solid.inertia))
    geom = ET.SubElement(element, "geom", name=body, type=solid.settings.shape)
    if solid.points:
        geom.set("mesh", f"{body}_{number}")
    else:
        geom.set("size", _numbers(_half_sizes(solid)))
    geom.attrib.update(
        contype="2",
        conaffinity="1",
        priority="1",  # this geom's friction counts in its contacts, so that it means what it says
        condim="4",
        friction=f"{solid.settings.friction} 0.01 0.0001",
        rgba=_COLOURS[number % len(_COLOURS)],
    )
    return ET.tostring(root, encoding="unicode")


def _half_sizes(solid: Solid) -> tuple[float, ...]:
    """As MJCF has them: half edges; a radius; a radius and half the length of the part that is a cylinder."""
    x, y, z = (0.5 * length for length in solid.size)
    shape = solid.settings.shape
    return {"box": (x, y, z), "sphere": (x,), "cylinder": (x, z), "capsule": (x, z - x)}[shape]


def _numbers(values: Iterable[float]) -> str:
    return " ".join(map(repr, values))
