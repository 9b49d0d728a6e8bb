"""Motions out of files of other programs, one format a file; nothing in a file runs.

A format is told by what is in the file, whatever its name. docs/motion.md lists what is read of each.
"""

from __future__ import annotations

import importlib
import re
from pathlib import Path
from types import ModuleType
from typing import NamedTuple, Union

from rlkit.errors import shown
from rlkit.motion.clip import Clip
from rlkit.motion.errors import MotionError
from rlkit.motion.readers.doubled import halved
from rlkit.motion.readers.source import Asked, Source
from rlkit.motion.skeleton import SkeletonMotion
from rlkit.nearest import did_you_mean
from rlkit.torn import TORN
from rlkit.untrusted import RefusedError, echo, in_one_line

__all__ = ["FORMATS", "Asked", "Reading", "read_all", "read_any"]

FORMATS = {
    "rlkit": "own",
    "tracking": "tracking_npz",
    "locomujoco": "loco_mujoco",
    "amass": "amass",
    "protomotions": "protomotions",
    "poselib": "amp_npy",
    "deepmimic": "deepmimic",
    "bvh": "bvh",
    "amc": "amc",
    "csv": "csv_rows",
}
"""Modules here by the name of their format, in the order in which they look at a file."""

Motion = Union[Clip, SkeletonMotion]
_NAMED = 8  # arrays of a file that is refused
_POINTER = b"version https://git-lfs"


class Reading(NamedTuple):
    """What a file held. notes: what was taken for granted, in words."""

    motions: list[Motion]
    format: str
    notes: list[str]


def read_any(
    path: str | Path,
    *,
    format: str | None = None,
    fps: float | None = None,
    robot: str | None = None,
    quat_order: str | None = None,
) -> Motion:
    """The one motion of a file: a Clip of a robot, or a SkeletonMotion of a person; raises MotionError.

    fps: frames a second, of files that do not say it. quat_order: "wxyz" or "xyzw", likewise. See `read_all` for the
    rest.
    """
    reading = read_all(path, Asked(robot=robot, fps=fps, quat=quat_order), format)
    if len(reading.motions) != 1:
        raise MotionError(
            f"{shown(Path(path))} holds {len(reading.motions)} motions; read_all gives them all"
        )
    return reading.motions[0]


def read_all(path: str | Path, asked: Asked = Asked(), format: str | None = None) -> Reading:  # noqa: B008
    """Every motion of a file, and what was taken for granted; `format` is one of FORMATS, None looks.

    Raises MotionError for what cannot be read, in one line with the file's name.
    """
    path = Path(path)
    try:
        source = Source(path, asked)
        name = format or _format_of(source)
        motions = [halved(motion, source) for motion in _module(name).read(source)]
    except OSError as error:
        raise MotionError(f"{shown(path)} cannot be read: {error.strerror or error}") from error
    except RefusedError as error:
        raise MotionError(f"{shown(path)} is not read: {in_one_line(str(error))}") from error
    except TORN as error:
        said = in_one_line(str(error))[:200] or type(error).__name__
        raise MotionError(f"{shown(path)} is torn, or not as its format has it ({said})") from error
    return Reading(motions, name, source.notes)


def _module(name: str) -> ModuleType:
    if name not in FORMATS:
        raise MotionError(
            f"there is no format {name}{did_you_mean(name, FORMATS)}; known are {', '.join(FORMATS)}"
        )
    return importlib.import_module(f"rlkit.motion.readers.{FORMATS[name]}")


def _format_of(source: Source) -> str:
    if source.head.startswith(_POINTER):
        source.refuse(
            "it is a pointer of Git LFS in place of the file; `git lfs pull` in its repository fetches that"
        )
    if not source.head.strip():
        source.refuse("it is empty")
    for name in FORMATS:
        if _module(name).recognises(source):
            return name
    known = "".join(f"\n  {_module(name).SAYS}" for name in FORMATS)
    inside = [re.sub(r"\.npy$", "", name) for name in source.members[:_NAMED]]
    holds = echo(f" (it holds {', '.join(inside)})") if inside else ""
    raise MotionError(f"{shown(source.path)}{holds} is none of the files that motions are read from:{known}")
