"""What `task.objects` says; read without numpy, so that a request can be refused for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Mapping, Sequence, Tuple

Lengths = Tuple[float, float, float]

SHAPES = ("box", "cylinder", "capsule", "sphere", "mesh")
"""The shapes in the order of `object_shape`."""
OF_SHAPE = {
    "box": ("size",),
    "cylinder": ("radius", "height"),
    "capsule": ("radius", "height"),
    "sphere": ("radius",),
    "mesh": ("file", "scale"),
}
"""What each shape is told by; `scale` alone may be left out."""
OF_EVERY = ("shape", "name", "mass", "density", "friction", "weight")
MOST = 64
"""Objects in one set: each is a model of its own in memory."""
MOST_POINTS = 20_000
"""Points that the meshes of a set have together."""
SETS: Mapping[str, Sequence[Mapping[str, Any]]] = {
    "shapes": (
        {"shape": "box", "size": 0.05, "mass": 0.1},
        {"shape": "cylinder", "radius": 0.025, "height": 0.06, "mass": 0.1},
        {"shape": "capsule", "radius": 0.022, "height": 0.09, "mass": 0.1},
        {"shape": "sphere", "radius": 0.028, "mass": 0.1},
    ),
    "boxes": (
        {"name": "small", "shape": "box", "size": 0.04, "mass": 0.05},
        {"name": "usual", "shape": "box", "size": 0.05, "mass": 0.1},
        {"name": "large", "shape": "box", "size": 0.06, "mass": 0.2},
        {"name": "brick", "shape": "box", "size": [0.09, 0.045, 0.045], "mass": 0.15},
    ),
}
"""The sets by name."""


@dataclass(frozen=True)
class ObjectSettings:
    """One object. size: m, along its own axes; a mesh's is in its file. One of mass (kg) and density (kg/m³) is None.

    weight: how often it is drawn, beside the others'. file, scale: of a mesh, m in each unit of the file.
    """

    name: str
    shape: str
    size: Lengths
    mass: float | None
    density: float | None
    friction: float
    weight: float = 1.0
    file: str = ""
    scale: float = 1.0


def listed(objects: Any) -> Sequence[Mapping[str, Any]]:
    """The entries of `task.objects`: those of a set by its name, or what is written there."""
    return SETS[objects] if isinstance(objects, str) else (objects or ())


def objects_of(box: Mapping[str, Any], objects: Any) -> tuple[ObjectSettings, ...]:
    """The objects of `task.box` and `task.objects`: the box alone where none are listed."""
    friction = float(box["friction"])
    entries = listed(objects) or ({"shape": "box", "size": box["size"], "mass": box["mass"]},)
    return tuple(_object(entry, name, friction) for entry, name in zip(entries, names(entries)))


def names(entries: Sequence[Mapping[str, Any]]) -> list[str]:
    """What the objects are called: as they say, else by their shape or file, numbered where that is taken."""
    found: list[str] = []
    for entry in entries:
        file = str(entry.get("file") or "").replace("\\", "/")
        name = base = str(entry.get("name") or file.rpartition("/")[2].rpartition(".")[0] or entry["shape"])
        while name in found and not entry.get("name"):
            name = f"{base}_{sum(other.startswith(base) for other in found) + 1}"
        found.append(name)
    return found


def _object(entry: Mapping[str, Any], name: str, friction: float) -> ObjectSettings:
    def number(key: str) -> float | None:
        return None if entry.get(key) is None else float(entry[key])

    return ObjectSettings(
        name=name,
        shape=str(entry["shape"]),
        size=size_of(entry),
        mass=number("mass"),
        density=number("density"),
        friction=float(entry.get("friction", friction)),
        weight=float(entry.get("weight", 1.0)),
        file=str(entry.get("file", "")),
        scale=float(entry.get("scale", 1.0)),
    )


def size_of(entry: Mapping[str, Any]) -> Lengths:
    """How long an object is along its own axes, m; zeros for a mesh."""
    shape = entry["shape"]
    if shape == "mesh":
        return 0.0, 0.0, 0.0
    if shape == "box":
        size = entry["size"]
        x, y, z = map(float, size) if isinstance(size, (list, tuple)) else (float(size),) * 3
        return x, y, z
    across = 2.0 * float(entry["radius"])
    return across, across, across if shape == "sphere" else float(entry["height"])
