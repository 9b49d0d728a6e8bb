"""One recorded motion of one robot, and its file: an .npz without pickles."""

from __future__ import annotations

import io
import os
import zipfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO, Sequence, Tuple

import numpy as np

from rlkit.errors import shown
from rlkit.motion.entry import ENTRY, PACK, ClipEntry, entry_of, opened, read_text, write_text
from rlkit.motion.errors import MotionError
from rlkit.motion.robots import Robot
from rlkit.workspace import write_atomic

ARRAYS = ("root_pos", "root_quat", "joint_pos")
JointMirror = Tuple[Sequence[int], Sequence[float]]
"""Source columns and signs: joint k of the image is `sign[k]` times joint `source[k]`."""

_HEADER = 4096  # bytes that may stand before the numbers of an array


@dataclass(frozen=True, eq=False)
class Clip:
    """T frames of a robot with J joints; z up, metres, radians, world frame.

    entry: its facts. root_pos: `[T, 3]` m. root_quat: `[T, 4]` wxyz, body to world. joint_pos: `[T, J]` rad in the
    entry's order. float32 or float64. Raises MotionError where these do not fit together.
    """

    entry: ClipEntry
    root_pos: np.ndarray
    root_quat: np.ndarray
    joint_pos: np.ndarray

    def __post_init__(self) -> None:
        for name, width in zip(ARRAYS, widths(self.entry)):
            array = getattr(self, name)
            if array.shape != (self.entry.frames, width):
                raise MotionError(
                    f"clip {self.entry.name}: {name} is {list(array.shape)}, and its entry says {self.entry.frames}"
                    f" frames of {width} numbers"
                )

    @property
    def name(self) -> str:
        """The file's stem, or its name in a packed file."""
        return self.entry.name

    def resampled(self, fps: float) -> Clip:
        """The same motion at the rate nearest to `fps` that divides its duration into whole frames.

        A cubic through every frame with the central differences as slopes, so that velocities have no steps either.
        """
        from rlkit.motion.differences import resampled  # with torch, which reading and writing do without

        intervals = max(1, round(self.entry.duration * fps))
        if intervals == self.entry.frames - 1:
            return self
        entry = replace(self.entry, fps=intervals / self.entry.duration, frames=intervals + 1)
        return Clip(entry, *resampled([getattr(self, name) for name in ARRAYS], entry.loop, intervals))


def mirrored(clip: Clip, joints: JointMirror) -> Clip:
    """The image of a clip in the world's xz plane: y, and turns about x and z, change their sign.

    Its name is the clip's with " (mirror image)" behind it.
    """
    source, sign = joints
    return Clip(
        replace(clip.entry, name=f"{clip.name} (mirror image)"),
        clip.root_pos * np.array([1, -1, 1], clip.root_pos.dtype),
        clip.root_quat * np.array([1, -1, 1, -1], clip.root_quat.dtype),
        clip.joint_pos[:, list(source)] * np.asarray(sign, clip.joint_pos.dtype),
    )


def widths(entry: ClipEntry) -> tuple[int, int, int]:
    """Numbers a frame of `root_pos`, `root_quat` and `joint_pos`."""
    return 3, 4, len(entry.joints)


def make_clip(
    robot: Robot,
    root_pos: np.ndarray,
    root_quat: np.ndarray,
    joint_pos: np.ndarray,
    *,
    fps: float,
    loop: bool,
    source: str,
    licence: str,
    name: str,
) -> Clip:
    """The clip of a robot with joints in the model's order; arrays as of a Clip: `[T, 3]` m, `[T, 4]` wxyz, body to
    world, `[T, J]` rad. Raises MotionError where they do not fit."""
    entry = ClipEntry(
        robot.name,
        robot.joints,
        float(fps),
        len(root_pos),
        loop,
        source,
        licence,
        robot.fingerprint,
        name=name,
    )
    entry = replace(entry_of(entry.as_json(), f"clip {name}"), name=name)
    return Clip(entry, *(np.asarray(array, np.float32) for array in (root_pos, root_quat, joint_pos)))


def read_clip(path: str | Path) -> Clip:
    """Read a clip; no code of the file runs. Raises MotionError for what is no clip, torn, or contradicts itself."""
    path = Path(path)
    with opened(path) as archive:
        if PACK in archive.namelist():
            raise MotionError(f"{shown(path)} is a packed file of several clips, not one clip")
        entry = replace(entry_of(read_text(archive, ENTRY, path), shown(path)), name=path.stem)
        arrays = read_arrays(archive, path, entry)
    return Clip(entry, *arrays)


def write_clip(path: str | Path, clip: Clip) -> None:
    """Write the file whole or not at all; equal clips make equal bytes. Raises WorkspaceError, as on a full disk."""

    def write(handle: BinaryIO) -> None:
        with zipfile.ZipFile(handle, "w") as archive:
            write_text(archive, ENTRY, clip.entry.as_json())
            for name in ARRAYS:
                write_array(archive, name, getattr(clip, name))

    write_atomic(path, write)


def read_arrays(archive: zipfile.ZipFile, path: Path, entry: ClipEntry) -> list[np.ndarray]:
    """Root positions `[T, 3]` m and rotations `[T, 4]` wxyz, body to world, and joints `[T, J]` rad, as the entry says.

    Raises MotionError where the file holds others; nothing larger than the file can hold is asked for.
    """
    size = os.fstat(archive.fp.fileno()).st_size  # type: ignore[union-attr]
    found = []
    for name, width in zip(ARRAYS, widths(entry)):
        try:
            info = archive.getinfo(f"{name}.npy")
        except KeyError:
            raise MotionError(f"{shown(path)} has no {name}; a clip has {', '.join(ARRAYS)}") from None
        most = entry.frames * width * 8 + _HEADER
        if info.file_size > most or info.file_size > 1000 * size:
            raise MotionError(
                f"{shown(path)}: {name} unpacks to {info.file_size:,} bytes; {entry.frames} frames of {width} numbers"
                f" have at most {most:,}"
            )
        with archive.open(info) as stream:
            found.append(_array(stream.read(info.file_size), name, (entry.frames, width), path))
    return found


def write_array(archive: zipfile.ZipFile, name: str, array: np.ndarray) -> None:
    """Put an array `[...]` into a zip as `<name>.npy`."""
    content = io.BytesIO()
    np.lib.format.write_array(content, np.ascontiguousarray(array), allow_pickle=False)
    archive.writestr(zipfile.ZipInfo(f"{name}.npy"), content.getvalue())


def _array(content: bytes, name: str, shape: tuple[int, int], path: Path) -> np.ndarray:
    stream = io.BytesIO(content)
    version = np.lib.format.read_magic(stream)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    found, fortran, kind = read(stream)
    if kind.kind != "f" or kind.itemsize not in (4, 8):
        what = "pickled objects, which could run code" if kind.hasobject else f"{kind}"
        raise MotionError(f"{shown(path)}: {name} holds {what}; a clip has float32 or float64")
    if tuple(found) != shape:
        raise MotionError(
            f"{shown(path)}: {name} is {list(found)}; {shape[0]} frames of {shape[1]} numbers are {list(shape)}"
        )
    values = np.frombuffer(content, kind, offset=stream.tell())
    return values.reshape(shape, order="F" if fortran else "C").astype(kind.newbyteorder("="))
