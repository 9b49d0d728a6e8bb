"""What a clip says of itself: the text `clip.json` in its zip, read in a millisecond without numpy."""

from __future__ import annotations

import json
import math
import zipfile
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Iterator, Mapping

from rlkit.errors import shown
from rlkit.motion.errors import MotionError
from rlkit.torn import TORN
from rlkit.untrusted import in_one_line, open_regular, parse_json, require_whole_list

ENTRY, PACK = "clip.json", "pack.json"
VERSION = 1
MOST_FRAMES = 20_000_000  # of a clip or a packed file: more than four days at 50 Hz
_MOST_JOINTS, _FASTEST = 1000, 10_000.0  # of a robot; frames a second
_MOST_TEXT = 1 << 24  # bytes of a pack.json: 20,000 clips have some 8 MB
_UNKNOWN = "rlkit motion convert makes clips of other formats"


@dataclass(frozen=True)
class ClipEntry:
    """The facts of a clip.

    robot: whose joints these are, "h1" or the name of a model of one's own. joints: names in the order of `joint_pos`.
    fps: frames a second. frames: T, which span (T - 1) / fps seconds. loop: the last frame is the first one moved on,
    and the motion may go on from there. source, licence: where it is from, and what may be done with it. model:
    fingerprint of the robot's model that it was made for (`Robot.fingerprint`), None where that is not known. version:
    of the format. name: the file's stem, or the clip's name in a packed file; it is not in the text.
    """

    robot: str
    joints: tuple[str, ...]
    fps: float
    frames: int
    loop: bool
    source: str
    licence: str
    model: str | None = None
    version: int = VERSION
    name: str = ""

    @property
    def duration(self) -> float:
        """Seconds from the first frame to the last."""
        return (self.frames - 1) / self.fps

    def as_json(self) -> dict[str, Any]:
        """The plain values of `clip.json`."""
        values = {**asdict(self), "joints": list(self.joints)}
        del values["name"]
        return values


def read_entry(path: str | Path) -> ClipEntry:
    """The facts of the clip in a file; raises MotionError for what is no clip, damaged, or of a newer rlkit."""
    path = Path(path)
    with opened(path) as archive:
        if PACK in archive.namelist():
            raise MotionError(f"{shown(path)} is a packed file of several clips, not one clip")
        return replace(entry_of(read_text(archive, ENTRY, path), shown(path)), name=path.stem)


def read_entries(path: str | Path) -> tuple[list[ClipEntry], bool]:
    """The facts of the clips in a packed file, and True; or of the one clip in a file, see `read_entry`, and False."""
    path = Path(path)
    with opened(path) as archive:
        if PACK in archive.namelist():
            return packed_entries(archive, path), True
    return [read_entry(path)], False


def packed_entries(archive: zipfile.ZipFile, path: Path) -> list[ClipEntry]:
    """The facts of the clips in an open packed file, see `pack.write_pack`; raises MotionError."""
    values = read_text(archive, PACK, path)
    clips = values.get("clips") if isinstance(values, Mapping) else None
    if not isinstance(clips, list) or not clips or not all(isinstance(clip, Mapping) for clip in clips):
        raise MotionError(f"{shown(path)}: its {PACK} lists no clips")
    shared = {name: value for name, value in values.items() if name != "clips"}
    names = [clip.get("name") for clip in clips]
    if not all(isinstance(name, str) and name for name in names) or len(set(names)) != len(names):
        raise MotionError(f"{shown(path)}: clips in its {PACK} must have names, each its own")
    where = shown(path)
    entries = [
        replace(entry_of({**clip, **shared}, f"{where}:{name}"), name=name)
        for clip, name in zip(clips, names)
    ]
    if sum(entry.frames for entry in entries) > MOST_FRAMES:
        raise MotionError(f"{where} has more than {MOST_FRAMES:,} frames")
    return entries


@contextmanager
def opened(path: Path) -> Iterator[zipfile.ZipFile]:
    """The zip of a clip or a packed file, open for reading; what goes wrong inside the block becomes a MotionError."""
    try:
        with open_regular(path) as file, zipfile.ZipFile(file) as archive:
            require_whole_list(archive)
            yield archive
    except OSError as error:
        raise MotionError(f"{shown(path)} cannot be read: {error.strerror or error}") from error
    except TORN as error:
        said = in_one_line(str(error)) or type(error).__name__
        raise MotionError(f"{shown(path)} is torn or no clip ({said}); {_UNKNOWN}") from error


def read_text(archive: zipfile.ZipFile, name: str, path: Path) -> Any:
    """The JSON text of this name in a clip; raises MotionError where there is none or it is no JSON."""
    try:
        info = archive.getinfo(name)
    except KeyError:
        raise MotionError(
            f"{shown(path)} is a .npz of something else: it has no {name}; {_UNKNOWN}"
        ) from None
    if info.file_size > _MOST_TEXT:
        raise MotionError(
            f"{shown(path)}: its {name} has {info.file_size:,} bytes; at most {_MOST_TEXT:,} are read"
        )
    with archive.open(info) as stream:
        return parse_json(stream.read(info.file_size))


def write_text(archive: zipfile.ZipFile, name: str, value: Any) -> None:
    """Put a JSON text into a zip; equal values make equal bytes."""
    archive.writestr(zipfile.ZipInfo(name), json.dumps(value, allow_nan=False, ensure_ascii=False))


def entry_of(values: Any, where: str) -> ClipEntry:
    """The entry that plain values say; raises MotionError, naming `where`, for what is missing or makes no sense."""
    if not isinstance(values, Mapping):
        raise MotionError(f"{where}: its {ENTRY} is no mapping of names to values")
    version = values.get("version", VERSION)
    if version != VERSION:
        raise MotionError(
            f"{where} has version {in_one_line(str(version))} of the clip format; this rlkit reads {VERSION}: use a"
            " newer rlkit, or convert the motion again"
        )
    for name, kind, said in _FIELDS:
        if name not in values:
            raise MotionError(f"{where}: its {ENTRY} has no {name}; {_UNKNOWN}")
        if not isinstance(values[name], kind) or (isinstance(values[name], bool) and kind is not bool):
            raise MotionError(f"{where}: {name} in its {ENTRY} must be {said}")
    joints, model = values["joints"], values.get("model")
    if not all(isinstance(joint, str) and joint for joint in joints) or len(set(joints)) != len(joints):
        raise MotionError(f"{where}: joints in its {ENTRY} must be names, each once")
    if not 0 < len(joints) <= _MOST_JOINTS:
        raise MotionError(f"{where} has {len(joints)} joints; a clip has 1 to {_MOST_JOINTS}")
    if not (math.isfinite(values["fps"]) and 0 < values["fps"] <= _FASTEST):
        raise MotionError(
            f"{where}: {values['fps']} frames a second; a clip has more than 0, at most {_FASTEST:g}"
        )
    if not 2 <= values["frames"] <= MOST_FRAMES:
        raise MotionError(f"{where} has {values['frames']} frames; a clip has 2 to {MOST_FRAMES:,}")
    if model is not None and not isinstance(model, str):
        raise MotionError(f"{where}: model in its {ENTRY} must be a fingerprint or null")
    plain = {name: values[name] for name, _, _ in _FIELDS}
    return ClipEntry(**{**plain, "joints": tuple(joints), "fps": float(values["fps"])}, model=model)


_FIELDS = (
    ("robot", str, "a name"),
    ("joints", list, "a list of names"),
    ("fps", (int, float), "a number"),
    ("frames", int, "a whole number"),
    ("loop", bool, "true or false"),
    ("source", str, "a text"),
    ("licence", str, "a text"),
)
