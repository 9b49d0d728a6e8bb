"""The file of a recorded episode: states, actions and rewards of one env, in one .npz without pickles."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Iterable, Mapping

import numpy as np

from rlkit.archives.npz import NpzArchive
from rlkit.errors import RlkitError
from rlkit.media import recorded_model
from rlkit.media.recorded_model import ModelFileError
from rlkit.torn import TORN
from rlkit.workspace import write_atomic

SCHEMA = 1
_HEADER = "header"
_REQUIRED = ("schema", "task", "engine", "control_period", "names")
_STEPWISE = ("actions", "ctrl", "rewards", "terms", "metrics", "terminated", "truncated", "criteria", "obs")
_STATEWISE = ("time", "qpos", "qvel", "act", "ghost")
NAMED = {"terms": "reward_terms", "metrics": "metrics"}
"""Of arrays with a curve in each column, which of the header's `names` call it."""


class RecordingError(RlkitError):
    """The file is no recording, is torn, or lacks what was asked of it."""


@dataclass(frozen=True)
class Recording:
    """One episode of one env, T steps long, with K of its T + 1 states.

    header: plain values that say what it is of and how it was made; docs/recordings.md lists them.
    arrays: `steps` [K] int64, which states are there (0 before the first action, T after the last), and of
    these `time` [K] s since the episode began, `qpos` [K, nq], `qvel` [K, nv], `act` [K, na] float64, and
    `ghost` [K, nq], where the reference of the task was, if it has one;
    `actions` [T, A] in [-1, 1], `ctrl` [T, nu] in each actuator's unit, `rewards` [T], `terms` [T, R]
    weighted reward terms, `metrics` [T, M] the task's numbers, `terminated`, `truncated` [T] and `criteria`
    [T, C] bool, `obs` [T, O] what each action was chosen from; `mjcf` uint8, the model's text, which lies in a
    file of its own where it is large;
    `start.<name>`: the engine's whole state before the first action. trusted: modules that a replay may import though
    they are not installed; never in the file.
    lost: why the model, which was to be beside the file, is not there.
    """

    header: Mapping[str, Any]
    arrays: Mapping[str, np.ndarray]
    trusted: frozenset[str] = frozenset()
    lost: str = ""

    @property
    def length(self) -> int:
        """Steps of the episode."""
        return int(self.header["length"])

    @property
    def period(self) -> float:
        """Seconds of one step."""
        return float(self.header["control_period"])

    @property
    def has_states(self) -> bool:
        """Whether poses can be shown without simulating them again."""
        return len(self.arrays.get("qpos", ())) > 0

    def curves(self, array: str) -> dict[str, np.ndarray]:
        """The columns `[T]` of an array of `NAMED`, by name; none where the episode holds none."""
        names = self.header["names"].get(NAMED[array], ())
        return dict(zip(names, self.arrays[array].T)) if array in self.arrays else {}

    @property
    def mjcf(self) -> str:
        """The model that the states are of; raises RecordingError where the engine has none."""
        if "mjcf" not in self.arrays:
            raise RecordingError(self.lost or f"a recording of {self.header['engine']} holds no MuJoCo model")
        return self.arrays["mjcf"].tobytes().decode("utf-8")

    @property
    def start(self) -> dict[str, np.ndarray]:
        """The engine's state before the first action by name, `[...]` as `VecEnv.episode_start` gave it."""
        return {name[6:]: value for name, value in self.arrays.items() if name.startswith("start.")}


def model_hash(mjcf: str) -> str:
    """SHA-256 of the model's text, hexadecimal."""
    return hashlib.sha256(mjcf.encode("utf-8")).hexdigest()


def save(path: Path, recording: Recording) -> None:
    """Write the file whole or not at all, a large model once beside it; raises WorkspaceError, as on a full disk."""
    facts, arrays = dict(recording.header), dict(recording.arrays)
    if arrays.get("mjcf", np.empty(0)).nbytes > recorded_model.APART:
        facts["model_sha256"] = recorded_model.keep(path.parent, arrays.pop("mjcf").tobytes())
        facts["model_apart"] = True
    header = json.dumps(facts, allow_nan=False)
    content = {_HEADER: np.frombuffer(header.encode("utf-8"), np.uint8), **arrays}

    def write(handle: BinaryIO) -> None:
        np.savez_compressed(handle, allow_pickle=False, **content)

    write_atomic(path, write)


def load(path: Path, trusted: Iterable[str] = ()) -> Recording:
    """Read a recording without running any code of it, its checksums checked; raises RecordingError.

    trusted: as of a Recording.
    """
    try:
        with NpzArchive(path) as archive:
            arrays = {name: archive.read(name) for name in archive.names}
        header = json.loads(arrays.pop(_HEADER).tobytes().decode("utf-8"))
    except OSError as error:
        raise RecordingError(f"{path} cannot be read: {error.strerror or error}") from error
    except KeyError as error:
        raise RecordingError(f"{path} is a .npz of something else: it has no {error}") from error
    except TORN as error:
        raise RecordingError(f"{path} cannot be read: it is torn or no recording ({error})") from error
    _check(path, header, arrays)
    lost = ""
    if header.get("model_apart") is True and "mjcf" not in arrays:
        try:
            text = recorded_model.read(path.parent, str(header.get("model_sha256")))
            arrays["mjcf"] = np.frombuffer(text, np.uint8)
        except ModelFileError as error:
            lost = f"{path}: {error}"
    return Recording(header, arrays, frozenset(trusted), lost)


def _check(path: Path, header: Any, arrays: Mapping[str, np.ndarray]) -> None:
    """Refuse what other code would stumble over: a newer schema, missing keys, arrays of unequal length."""
    if not isinstance(header, dict) or any(key not in header for key in _REQUIRED):
        raise RecordingError(f"{path} is no recording: its header lacks some of {', '.join(_REQUIRED)}")
    if header["schema"] != SCHEMA:
        raise RecordingError(f"{path} has schema {header['schema']}, this rlkit reads {SCHEMA}")
    steps, states = header.get("length"), len(arrays.get("steps", ()))
    for names, length in ((_STEPWISE, steps), (_STATEWISE, states)):
        for name in names:
            if name in arrays and len(arrays[name]) != length:
                raise RecordingError(f"{path}: {name} has {len(arrays[name])} rows, not {length}")
    for name, key in NAMED.items():
        columns = np.shape(arrays.get(name, ()))[1:]
        if name in arrays and columns != (len(header["names"].get(key, ())),):
            raise RecordingError(f"{path}: {name} has not one column for each of names.{key} in its header")
    if "ghost" in arrays:
        shapes = [np.shape(arrays.get(name, ())) for name in ("ghost", "qpos")]
        if shapes[0] != shapes[1]:
            raise RecordingError(
                f"{path}: ghost is of shape {shapes[0]}, qpos of {shapes[1]}: they must be equal"
            )
