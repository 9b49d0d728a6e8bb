"""Names for the parts of an MJCF tree that have none, so that a task can ask for them."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import Container, Iterator

_DRIVEN = ("joint", "jointinparent", "tendon", "site", "cranksite", "body")  # what an actuator may act on


def name_parts(root: ET.Element) -> None:
    """Name joints, bodies and actuators that have no name.

    An actuator is called as the joint, tendon, site or body that it drives; the others joint0, body1, actuator2 …: by
    their place among all of their kind, as in MuJoCo, where `replicate` and `attach` make no others. A name that is
    taken gets a number.
    """
    bodies = [body for world in root.findall("worldbody") for body in bodies_below(world)]
    joints = [joint for body in bodies for joint in parts_of(body) if joint.tag in ("joint", "freejoint")]
    for kind, elements, first in (
        ("joint", joints, 0),
        ("body", bodies, 1),
        ("actuator", actuators_of(root), 0),
    ):
        taken = {element.get("name", "") for element in elements}
        for number, element in enumerate(elements, first):  # body 0 is the world
            if not element.get("name"):
                driven = [element.get(name) for name in _DRIVEN if kind == "actuator" and element.get(name)]
                element.set("name", free_name(driven[0] or "" if driven else f"{kind}{number}", taken))
                taken.add(element.get("name", ""))


def free_name(name: str, taken: Container[str]) -> str:
    """The name, with _2, _3 … behind it where it is taken."""
    number, wanted = 1, name
    while name in taken:
        number += 1
        name = f"{wanted}_{number}"
    return name


def actuators_of(root: ET.Element) -> list[ET.Element]:
    """All actuators of a model."""
    return [actuator for section in root.findall("actuator") for actuator in section]


def bodies_below(parent: ET.Element) -> Iterator[ET.Element]:
    """All bodies below, in MuJoCo's order: depth first."""
    for child in parent:
        if child.tag == "body":
            yield child
        if child.tag in ("body", "frame", "replicate"):
            yield from bodies_below(child)


def parts_of(body: ET.Element) -> Iterator[ET.Element]:
    """What belongs to a body itself, frames looked through."""
    for child in body:
        if child.tag == "frame":
            yield from parts_of(child)
        elif child.tag != "body":
            yield child
