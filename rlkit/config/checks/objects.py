"""What cannot be in `task.objects`, or not on this simulator; meshes are read."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

from rlkit.config.schema import types
from rlkit.config.schema.types import Plain
from rlkit.nearest import did_you_mean
from rlkit.objects.mesh_file import MeshError, read
from rlkit.objects.settings import (
    MOST,
    MOST_POINTS,
    OF_EVERY,
    OF_SHAPE,
    SETS,
    SHAPES,
    Lengths,
    listed,
    names,
    size_of,
)
from rlkit.sims.facts import able, simulator_facts

_LEAST, _LARGEST = 0.002, 1.0  # m, along each side
_TYPES = {
    "name": "text",
    "radius": "float in (0, 0.5]",
    "height": "float in (0, 1]",
    "mass": "float > 0",
    "density": "float > 0",
    "friction": "float >= 0",
    "weight": "float > 0",
    "file": "path",
    "scale": "float > 0",
    "size": "float in (0, 1] or list of 3 float in (0, 1]",
}
_EXAMPLE = "task.objects=[{shape: sphere, radius: 0.03, mass: 0.1}]"


def check(plain: Plain) -> list[str]:
    """Sets that there are not, entries that are no objects, meshes that enclose nothing, simulators without."""
    task, sim = plain["task"], str(plain["sim"]["name"])
    given = task.get("objects")
    if not given:
        return []
    if isinstance(given, str) and given not in SETS:
        near = did_you_mean(given, SETS, f"; there are {', '.join(SETS)}")
        said = "is no list of objects" if given.startswith("[") else f"there is no such set{near}"
        return [f"task.objects={types.echo(given)}: {said}; an object is written as in {_EXAMPLE}"]
    entries = listed(given)
    counts: list[int] = []  # points of each mesh
    problems = [
        problem for number, entry in enumerate(entries) for problem in _entry(number, entry, task, counts)
    ]
    if problems:
        return problems
    if len(entries) > MOST:
        problems.append(f"task.objects: {len(entries)} objects are more than {MOST}")
    if sum(counts) > MOST_POINTS:
        problems.append(
            f"task.objects: its meshes have {sum(counts)} points together, and {MOST_POINTS} are the most, as every"
            " recording has them; what touches is their convex hulls alone, so simplify them in any mesh editor"
        )
    called = names(entries)
    problems += [
        f"task.objects: two objects are called {types.echo(name)}; give each a name of its own"
        for name in dict.fromkeys(called)
        if called.count(name) > 1
    ]
    row = simulator_facts(sim)
    if row is not None and row.backend and not row.alternatives:
        problems.append(
            f"sim={sim}: has the same model in all envs, and task.objects gives them different ones; write"
            f" {able('alternatives')}, or task.objects=[]"
        )
    return problems


def several(task: Mapping[str, Any]) -> list[str]:
    """What the objects of a task are called, where there are several and `check` finds no fault with their shapes."""
    given = task.get("objects")
    entries = [] if isinstance(given, str) and given not in SETS else listed(given)
    known = all(isinstance(entry, Mapping) and entry.get("shape") in SHAPES for entry in entries)
    return names(entries) if known and len(entries) > 1 else []


def _entry(number: int, entry: Any, task: Mapping[str, Any], counts: list[int]) -> list[str]:
    """What is wrong with one object; the points of a mesh go to `counts`."""
    where = f"task.objects[{number}]"
    if not isinstance(entry, Mapping):
        return [f"{where}: is {types.echo(types.show(entry))}, and an object is written as in {_EXAMPLE}"]
    shape = entry.get("shape")
    if shape not in SHAPES:
        near = did_you_mean(str(shape), SHAPES, f"; there are {', '.join(SHAPES)}")
        said = "needs a shape" if shape is None else f"there is no shape {types.echo(str(shape))}"
        return [f"{where}: {said}{near}"]
    problems, allowed = [], (*OF_SHAPE[shape], *OF_EVERY)
    for key, value in entry.items():
        if key not in allowed:
            near = did_you_mean(str(key), allowed, f"; it has {', '.join(allowed)}")
            problems.append(f"{where}: a {shape} has no {types.echo(str(key))}{near}")
        elif key != "shape" and (value is not None or key in OF_SHAPE[shape]):
            problem = types.problem(_TYPES[key], value)
            problems += [] if problem is None else [f"{where}.{key}: {problem}"]
    problems += [
        f"{where}: a {shape} needs {key}" for key in OF_SHAPE[shape] if key not in entry and key != "scale"
    ]
    if (entry.get("mass") is None) == (entry.get("density") is None):
        problems.append(f"{where}: write one of mass (kg) and density (kg/m³), as mass: 0.1")
    return problems or _shape(where, entry, task, counts)


def _shape(where: str, entry: Mapping[str, Any], task: Mapping[str, Any], counts: list[int]) -> list[str]:
    """Of an entry that is written right: what cannot be as a thing."""
    shape = entry["shape"]
    if shape == "capsule" and entry["height"] <= 2 * entry["radius"]:
        return [
            f"{where}: a capsule's height counts its round ends, so it is more than {2 * entry['radius']:g} m; write"
            f" shape: sphere, or height: {3 * entry['radius']:g}"
        ]
    size = size_of(entry)
    if shape == "mesh":
        where = f"{where}.file={types.echo(entry['file'])}"
        try:
            points = read(entry["file"]).points
        except MeshError as error:
            return [f"{where}: {error}"]
        counts.append(len(points))
        size = _extents(points, float(entry.get("scale", 1.0)))
    success = float(task.get("successHeight", _LARGEST))
    if min(size) < _LEAST or max(size) > _LARGEST:
        hint = ""
        if shape == "mesh":
            hint = f"; is it in millimetres? Write scale: {0.001 * float(entry.get('scale', 1.0)):g}"
            hint = (
                hint if max(size) > _LARGEST else f"; write a larger scale than {entry.get('scale', 1.0):g}"
            )
        measures = " x ".join(f"{length:.4g}" for length in size)
        return [f"{where}: is {measures} m, and each side must be {_LEAST} to {_LARGEST:g} m{hint}"]
    lying = size[0] if shape == "capsule" else size[2]
    if lying >= success:
        return [
            f"{where}: stands {lying:.3g} m high, and is solved where its centre is above"
            f" task.successHeight={success:g}; write task.successHeight={1.5 * lying:.2g}"
        ]
    return []


def _extents(points: Sequence[Lengths], scale: float) -> Lengths:
    x, y, z = (scale * (max(axis) - min(axis)) for axis in zip(*points))
    return x, y, z
