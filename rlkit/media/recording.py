"""The file of a recorded episode: states, actions and rewards of one env, in one .npz without pickles."""

from __future__ import annotations

import hashlib
import io
import json
import os
import struct
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Dict, FrozenSet, Iterable, Mapping

import numpy as np

from rlkit.untrusted import require_whole_list
from rlkit.workspace import WorkspaceError, open_regular, write_atomic

SCHEMA = 1
_HEADER = "header"
_REQUIRED = ("schema", "task", "engine", "control_period", "names")
_STEPWISE = ("actions", "ctrl", "rewards", "terms", "terminated", "truncated", "criteria", "obs")
_STATEWISE = ("time", "qpos", "qvel", "act")
# What zipfile, numpy and json raise on bytes that are cut short, altered, or of another kind.
_TORN = (
    ValueError,
    EOFError,
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    AttributeError,
    NotImplementedError,
    RuntimeError,
    TypeError,
    IndexError,
    OverflowError,
    MemoryError,
)
_SMALL = 64 << 20  # bytes that any file may unpack to
_MOST_UNPACKED = 200  # beyond that: times its length


class RecordingError(WorkspaceError):
    """The file is no recording, is torn, or lacks what was asked of it."""


@dataclass(frozen=True)
class Recording:
    """One episode of one env, T steps long, with K of its T + 1 states.

    header: plain values that say what it is of and how it was made; docs/recordings.md lists them.
    arrays: `steps` [K] int64, which states are there (0 before the first action, T after the last), and of
    these `time` [K] s since the episode began, `qpos` [K, nq], `qvel` [K, nv], `act` [K, na] float64;
    `actions` [T, A] in [-1, 1], `ctrl` [T, nu] in each actuator's unit, `rewards` [T], `terms` [T, R]
    weighted reward terms, `terminated`, `truncated` [T] and `criteria` [T, C] bool, `obs` [T, O] what each
    action was chosen from; `mjcf` uint8, the model's text; `start.<name>`: the engine's whole state before
    the first action. trusted: modules that a replay may import though they are not installed; never in the file.
    """

    header: Mapping[str, Any]
    arrays: Mapping[str, np.ndarray]
    trusted: FrozenSet[str] = frozenset()

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

    @property
    def mjcf(self) -> str:
        """The model that the states are of; raises RecordingError where the engine has none."""
        if "mjcf" not in self.arrays:
            raise RecordingError(f"a recording of {self.header['engine']} holds no MuJoCo model")
        return self.arrays["mjcf"].tobytes().decode("utf-8")

    @property
    def start(self) -> Dict[str, np.ndarray]:
        """The engine's state before the first action, by name."""
        return {name[6:]: value for name, value in self.arrays.items() if name.startswith("start.")}


def model_hash(mjcf: str) -> str:
    """SHA-256 of the model's text, hexadecimal."""
    return hashlib.sha256(mjcf.encode("utf-8")).hexdigest()


def save(path: Path, recording: Recording) -> None:
    """Write the file whole or not at all; raises WorkspaceError, as on a full disk."""
    header = json.dumps(dict(recording.header), allow_nan=False)
    content = {_HEADER: np.frombuffer(header.encode("utf-8"), np.uint8), **recording.arrays}

    def write(handle: BinaryIO) -> None:
        np.savez_compressed(handle, allow_pickle=False, **content)

    write_atomic(path, write)


def load(path: Path, trusted: Iterable[str] = ()) -> Recording:
    """Read a recording without running any code of it, its checksums checked; raises RecordingError.

    trusted: as of a Recording.
    """
    try:
        with open_regular(path) as file, zipfile.ZipFile(file) as archive:
            require_whole_list(archive)
            _require_room(archive, os.fstat(file.fileno()).st_size)
            arrays = {Path(info.filename).stem: _read(archive, info) for info in archive.infolist()}
        header = json.loads(arrays.pop(_HEADER).tobytes().decode("utf-8"))
    except OSError as error:
        raise RecordingError(f"{path} cannot be read: {error.strerror or error}") from error
    except KeyError as error:
        raise RecordingError(f"{path} is a .npz of something else: it has no {error}") from error
    except _TORN as error:
        raise RecordingError(f"{path} cannot be read: it is torn or no recording ({error})") from error
    _check(path, header, arrays)
    return Recording(header, arrays, frozenset(trusted))


def _require_room(archive: zipfile.ZipFile, size: int) -> None:
    """Refuse what unpacks to far more than episodes do; states that never change shrink to a hundredth."""
    unpacked = sum(info.file_size for info in archive.infolist())
    if unpacked > max(_SMALL, _MOST_UNPACKED * size):
        raise ValueError(f"it is {size:,} bytes long and unpacks to {unpacked:,}")


def _read(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> np.ndarray:
    """One array. All of its bytes are read, so that their checksum is checked, and all must belong to it."""
    with archive.open(info) as stream:
        content = io.BytesIO(stream.read(info.file_size))  # no more than it says, whatever it unpacks to
    array = np.lib.format.read_array(content, allow_pickle=False)
    if content.read(1):
        raise ValueError(f"{info.filename} is longer than its array")
    return array


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
