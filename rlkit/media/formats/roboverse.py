"""RoboVerse's trajectories, version 2, read without running anything of them.

The files are `{robot: [episode, ..]}` as a pickle (also gzipped), JSON or YAML. An episode has `init_state` and
`states`, each `{entity: {pos, rot (wxyz), dof_pos: {joint: rad or m}}}`, and `actions`, each
`{dof_pos_target: {joint: rad or m}}`. They hold no velocities, rewards or durations.
"""

from __future__ import annotations

import gzip
import io
import json
from pathlib import Path
from typing import Any, Mapping

import numpy as np

from rlkit import yaml_text
from rlkit.archives import plain_pickle
from rlkit.media.recording import SCHEMA, Recording, RecordingError, model_hash
from rlkit.sims import mjcf as mjcf_file
from rlkit.torn import TORN
from rlkit.untrusted import RefusedError, open_regular

ASSUMED_PERIOD = 1 / 30
"""Seconds between two states, which the files do not say: RoboVerse's own videos show 30 of them a second."""

_MOST_BYTES = 1 << 30  # unpacked; a small .gz may hold any number of zeros
_SMALL, _MOST_UNPACKED = 64 << 20, 200  # bytes that any file may unpack to, and beyond them times its length
_MOST_NODES = 10_000_000  # of YAML: an episode has some thousands


def read(path: Path) -> list[Recording]:
    """Every episode of the file, in order; raises RecordingError for what is no such file.

    Of each: `ctrl` [T, joints] rad or m, `pose.<entity>` [K, 7] m and quaternion wxyz, `joints.<entity>` [K, n] rad or
    m, with names in the header; K = T + 1 states, or none. `with_model` makes `qpos` of them.
    """
    content = _content(path)
    if not isinstance(content, dict) or not content:
        raise RecordingError(
            f"{path} is no RoboVerse trajectory: it is a {type(content).__name__}, not robots"
        )
    recordings = []
    for robot, episodes in content.items():
        if not isinstance(episodes, (list, tuple)):
            raise RecordingError(
                f"{path} is no RoboVerse trajectory: {robot!s:.40} holds no list of episodes"
            )
        for index, episode in enumerate(episodes):
            place = f"{path}: {robot}, episode {index}"
            try:
                recordings.append(_recording(path, str(robot), index, episode))
            except (KeyError, TypeError, AttributeError, ValueError) as error:
                raise RecordingError(
                    f"{place} is not as RoboVerse writes it (version 2): {error!r:.200}"
                ) from error
    if not recordings:
        raise RecordingError(f"{path} holds no episodes")
    return recordings


def _recording(path: Path, robot: str, index: int, episode: Mapping[str, Any]) -> Recording:
    targets = [action["dof_pos_target"] for action in episode["actions"]]
    joints = sorted(targets[0]) if targets else []
    ctrl = np.array([[float(target[name]) for name in joints] for target in targets], np.float32)
    states, length = [episode["init_state"]], len(targets)
    if episode.get("states") is not None:
        # RoboVerse notes a state after each action; a file with one more has the first state among them.
        states = states[: length + 1 - len(episode["states"])] + list(episode["states"])
        if len(states) != length + 1:
            raise ValueError(f"{len(episode['states'])} states for {length} actions")
    complete = len(states) == length + 1
    if not all(isinstance(name, str) for name in (*joints, *states[0])):
        raise ValueError("a name that is no text")
    entities: dict[str, list[str]] = {}
    arrays: dict[str, np.ndarray] = {"ctrl": ctrl.reshape(length, len(joints))}
    for name, first in states[0].items():
        entities[name] = sorted(first.get("dof_pos") or ())
        rows = [state[name] for state in states]
        arrays[f"pose.{name}"] = np.array([_numbers(row["pos"], 3) + _numbers(row["rot"], 4) for row in rows])
        values = [[float(row["dof_pos"][joint]) for joint in entities[name]] for row in rows]
        arrays[f"joints.{name}"] = np.array(values, np.float64).reshape(len(rows), -1)
    arrays["steps"] = np.arange(len(states), dtype=np.int64)
    arrays["time"] = arrays["steps"] * ASSUMED_PERIOD
    header = {
        "schema": SCHEMA,
        "task": path.name.split(f"_{robot}_")[0].split(".")[0],
        "engine": "roboverse",
        "simulator": None,
        "control_period": ASSUMED_PERIOD,
        "env": 0,
        "episode": index,
        "length": length,
        "return": None,
        "success": None,
        "ended": "",
        "robot": robot,
        "names": {
            "actions": [],
            "ctrl": joints,
            "reward_terms": [],
            "criteria": [],
            "observations": [],
            "entities": entities,
        },
        "stride": 1,
        "content": "states" if complete else "actions",
        "pushes": [],
        "source": path.name,
        "config": {},
    }
    return Recording(header, arrays)


def _numbers(values: Any, count: int) -> list[float]:
    numbers = [float(value) for value in values]
    if len(numbers) != count:
        raise ValueError(f"{len(numbers)} numbers for {count}")
    return numbers


def model_text(path: Path) -> str:
    """The model of a robot's file with all that it includes and refers to; raises RecordingError."""
    try:
        return mjcf_file.read(path)
    except mjcf_file.MjcfError as error:
        raise RecordingError(f"the model cannot be read: {error}") from error


def with_model(recording: Recording, mjcf: str) -> tuple[Recording, list[str]]:
    """The same episode with `qpos` [K, nq] for the model, and what could not be placed in it, in words.

    Joints are found by name (also behind a prefix, as in robot/joint), poses by the name of a body on a free joint:
    the entity's, or that of the robot whose joints hang from it. Raises RecordingError for a joint of the robot that
    the model has not, and for a model that does not compile.
    """
    import mujoco  # only here: reading needs none

    try:
        model = mujoco.MjModel.from_xml_string(*mjcf_file.unpacked(mjcf))  # pyright: ignore[reportAttributeAccessIssue]
    except ValueError as error:
        raise RecordingError(f"the model cannot be loaded: {error}") from error
    places, roots = _joint_places(model)
    header, arrays = recording.header, recording.arrays
    qpos = np.tile(model.qpos0, (len(arrays["steps"]), 1))
    notes, placed = [], set()
    for entity, joints in header["names"]["entities"].items():
        found = [_by_name(places, entity, joint) for joint in joints]
        missing = [joint for joint, place in zip(joints, found) if place is None]
        if missing and entity == header["robot"]:
            raise RecordingError(
                f"the model has no joint {', '.join(missing)} of {entity}; it has {', '.join(places) or 'none'}"
            )
        if missing:
            notes.append(f"{entity}: the model has no joint {', '.join(missing)}")
        for column, place in enumerate(found):
            if place is not None:
                qpos[:, place[0]] = arrays[f"joints.{entity}"][:, column]
        owners = {place[1] for place in found if place is not None}
        root = _by_name(roots, entity, entity) or next((p for p in roots.values() if p[1] in owners), None)
        if root is None:
            notes.append(f"{entity}: its pose is not shown, the model has no free body of that name")
        elif root[0] not in placed:
            qpos[:, root[0] : root[0] + 7] = arrays[f"pose.{entity}"]
            placed.add(root[0])
    return _shown(recording, mjcf, model, qpos), notes


def _shown(recording: Recording, mjcf: str, model: Any, qpos: np.ndarray) -> Recording:
    count = len(qpos)
    arrays = {
        **recording.arrays,
        "mjcf": np.frombuffer(mjcf.encode("utf-8"), np.uint8),
        "qpos": qpos,
        "qvel": np.zeros((count, model.nv)),
        "act": np.zeros((count, model.na)),
    }
    return Recording({**recording.header, "model_sha256": model_hash(mjcf)}, arrays)


def _joint_places(model: Any) -> tuple[dict[str, tuple[int, int]], dict[str, tuple[int, int]]]:
    """Where in qpos the joints of one number and the free bodies stand, and the tree that each is of, by name."""
    joints: dict[str, tuple[int, int]] = {}
    roots: dict[str, tuple[int, int]] = {}
    for index in range(model.njnt):
        joint = model.joint(index)
        body = model.body(int(joint.bodyid[0]))
        place = (int(joint.qposadr[0]), int(body.rootid[0]))
        if joint.type[0] >= 2:  # slide and hinge
            joints[joint.name] = place
        elif joint.type[0] == 0:
            roots[body.name] = place
    return joints, roots


def _by_name(places: Mapping[str, tuple[int, int]], entity: str, name: str) -> tuple[int, int] | None:
    """Of that name, or behind the entity's prefix."""
    return next((places[n] for n in (name, f"{entity}/{name}", f"{entity}_{name}") if n in places), None)


# --- files ----------------------------------------------------------------------------------------------


def _content(path: Path) -> Any:
    """What the file holds, recognised by its first bytes."""
    try:
        with open_regular(path) as file:
            data = file.read()
        if data[:2] == b"\x1f\x8b":
            most = min(_MOST_BYTES, max(_SMALL, _MOST_UNPACKED * len(data)))
            with gzip.GzipFile(fileobj=io.BytesIO(data)) as stream:
                data = stream.read(most + 1)
            if len(data) > most:
                raise RecordingError(f"{path} unpacks to more than {most:,} bytes, which no episode does")
        return _parsed(data)
    except OSError as error:  # gzip's errors are OSErrors too
        raise RecordingError(f"{path} cannot be read: {error.strerror or error}") from error
    except RefusedError as error:
        raise RecordingError(f"{path} is not loaded: {error}") from error
    except TORN as error:
        raise RecordingError(
            f"{path} cannot be read: it is neither a recording (.npz) nor a RoboVerse trajectory, or it is torn"
            f" ({error!r:.120})"
        ) from error


def _parsed(data: bytes) -> Any:
    if data[:1] == b"\x80" or (data[:1] in (b"(", b"}", b"]", b"c") and data[-1:] == b"."):
        return plain_pickle.loads(data)
    text = data.decode("utf-8")
    if text.lstrip()[:1] == "{":
        return json.loads(text)
    return yaml_text.load(text, _MOST_NODES)
