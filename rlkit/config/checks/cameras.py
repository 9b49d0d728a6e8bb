"""What cannot be in `task.cameras`, or not on this simulator or with this learner; the scene is not read."""

from __future__ import annotations

from typing import Any, Mapping

from rlkit.config.checks import images
from rlkit.config.facts.engine import engine_of
from rlkit.config.facts.machine import Machine
from rlkit.config.files.terms import observation_sizes
from rlkit.config.schema import types
from rlkit.config.schema.types import Plain
from rlkit.env.cameras.settings import CHANNELS, cameras_of
from rlkit.nearest import did_you_mean
from rlkit.sims.facts import able, simulator_facts

_POINT = "list of 3 float"
_PLACED = {
    "body": "text",
    "position": _POINT,
    "lookat": _POINT,
    "orientation": "list of 4 float",
    "fovy": "float in (0, 180)",
}
"""What places a camera that is none of the model's."""
_TYPES = {
    "size": "list of 2 int in [8, 1024]",
    "camera": "text",
    **_PLACED,
    "channels": "|".join(CHANNELS),
    "every": "int in [1, 1000]",
    "far": "float > 0",
}
_EXAMPLE = "position: [0.6, 0, 0.4], lookat: [0, 0, 0.1]"
_FLOAT = 4  # bytes


def check(plain: Plain, machine: Machine) -> list[str]:
    """Cameras that cannot be, simulators without, settings that have no meaning for pictures, too little memory."""
    given, task, sim = plain["task"].get("cameras"), plain["task"], str(plain["sim"]["name"])
    if not given:
        return []
    if engine_of(plain) == "gymnasium":
        return ["task.cameras: Gymnasium environments bring images of their own; leave it out"]
    if not isinstance(given, Mapping):
        return [f"task.cameras: is a section with an entry a camera, as task.cameras.eye={{{_EXAMPLE}}}"]
    problems = [problem for name, entry in given.items() for problem in _entry(str(name), entry, task)]
    row = simulator_facts(sim)
    if row is not None and row.backend and not row.cameras:
        problems.append(
            f"sim={sim}: draws no pictures for a policy, and task.cameras asks for those of {', '.join(given)}; write"
            f" {able('cameras')}"
        )
    problems += _no_meaning(plain)
    return problems or _images(plain, machine)


def _entry(name: str, entry: Any, task: Mapping[str, Any]) -> list[str]:
    """What is wrong with one camera."""
    where = f"task.cameras.{name}"
    if not name.isidentifier():
        return [f"{where}: a camera is named by letters, digits and _; write task.cameras.eye"]
    if name in task["observations"]:
        return [f"{where}: task.observations has a term of this name; give the camera another"]
    if not isinstance(entry, Mapping):
        return [
            f"{where}: is {types.echo(types.show(entry))}, and a camera is written as in {where}={{{_EXAMPLE}}}"
        ]
    said = {key: value for key, value in entry.items() if value is not None}
    problems = []
    for key, value in said.items():
        if key not in _TYPES:
            near = did_you_mean(str(key), _TYPES, f"; it has {', '.join(_TYPES)}")
            problems.append(f"{where}: a camera has no {types.echo(str(key))}{near}")
            continue
        problem = types.problem(_TYPES[key], value)
        problems += [] if problem is None else [f"{where}.{key}: {problem}"]
    return problems or _placing(where, said)


def _placing(where: str, said: Mapping[str, Any]) -> list[str]:
    """That a camera is the model's or placed, and looks somewhere; of an entry whose types are right."""
    placed = [key for key in _PLACED if key in said]
    if "camera" in said and placed:
        return [
            f"{where}.camera={types.echo(said['camera'])}: stands in the model, and {', '.join(placed)} would place"
            " another; leave one of the two out"
        ]
    if "far" in said and said.get("channels") != "depth":
        return [f"{where}.far: is of depth alone; write {where}.channels=depth, or leave it out"]
    if "camera" in said:
        return []
    if ("lookat" in said) == ("orientation" in said):
        return [
            f"{where}: write camera, one of the model's by name, or one of lookat and orientation beside position, as"
            f" {where}={{{_EXAMPLE}}}"
        ]
    if "lookat" in said and list(said["lookat"]) == list(said.get("position", (0.0, 0.0, 0.0))):
        return [
            f"{where}.lookat: is where the camera is; write a point that it is to look at, in the same frame"
        ]
    if "orientation" in said and not any(said["orientation"]):
        return [f"{where}.orientation: turns nothing; write a quaternion wxyz, as [1, 0, 0, 0]"]
    return []


def _no_meaning(plain: Plain) -> list[str]:
    """Other settings that pictures have no part in."""
    task, train, problems = plain["task"], plain["train"], []
    if task.get("skills") is not None:
        problems.append("task.cameras: what chooses between skills sees no pictures; leave it out")
    noise = [
        name for name, value in (task.get("randomization") or {}).get("observationNoise", {}).items() if value
    ]
    if noise and task["randomization"].get("enabled", True) and not (task.get("groups") or {}).get("critic"):
        problems.append(
            f"task.randomization.observationNoise.{noise[0]}: with noise the critic is apart from the policy, and sees"
            " no pictures; say what it sees: task.groups.critic=[TERM,...]"
        )
    mirrored = [key for key in ("symmetry", "mirror_loss_coef") if train.get(key)]
    if mirrored and not plain["training"]["test"]:
        off = "false" if mirrored[0] == "symmetry" else "0"
        problems.append(
            f"train.{mirrored[0]}={types.show(train[mirrored[0]])}: task.cameras declares no mirror of its pictures;"
            f" write train.{mirrored[0]}={off}"
        )
    return problems


def _images(plain: Plain, machine: Machine) -> list[str]:
    """What cannot be for the images, of cameras that are right."""
    task, found = plain["task"], {camera.name: camera.image for camera in cameras_of(plain["task"])}
    sizes = observation_sizes(task) or {}
    numbers = sum(sizes.get(name, 0) for name in task["observations"])  # what a class does not say is little
    labels = " or ".join(f"train={task['name']}{label}" for label in images.able())
    return images.check(
        plain,
        machine,
        found,
        _FLOAT * numbers + sum(image.size for image in found.values()),
        "task.cameras",
        f"write {labels}, or leave the cameras out",
    )
