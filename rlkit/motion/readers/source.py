"""A file that may hold motions: its bytes, what the user says of it, and what was taken for granted."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NoReturn

from rlkit.errors import shown
from rlkit.motion.errors import MotionError
from rlkit.torn import TORN
from rlkit.untrusted import in_one_line, open_regular, read_plain

_HEAD, _MOST = 4096, 1 << 30  # bytes that tell the format; of a file
NOT_STATED = "not stated in the file"


@dataclass(frozen=True)
class Asked:
    """What the user says of a file that does not say it itself; None where nothing was said.

    robot: a name of rlkit.motion.robots, or a model's file. fps: frames a second. quat: "wxyz" or "xyzw". loop: the
    last frame is the first one moved on. scale: metres of one unit of length. up: "y" or "z". joint_order: "model" or
    "breadth". skeleton: the file of a person's bones, where it is apart. source, licence: as of a ClipEntry.
    """

    robot: str | None = None
    fps: float | None = None
    quat: str | None = None
    loop: bool | None = None
    scale: float | None = None
    up: str | None = None
    joint_order: str | None = None
    skeleton: Path | None = None
    source: str | None = None
    licence: str | None = None


def rate_of(step: float) -> float:
    """Frames a second of a step in s, written with few digits: 30 for 0.033332."""
    rate = 1.0 / step
    return float(round(rate)) if abs(rate - round(rate)) < 1e-3 * rate else rate


class Source:
    """An existing file. Raises OSError, here and where it is read.

    notes: what the reader took for granted or left out, in words; the user should see them.
    """

    def __init__(self, path: Path, asked: Asked) -> None:
        self.path, self.asked = path, asked
        self.notes: list[str] = []
        with open_regular(path) as file:
            self.head = file.read(_HEAD)

    @cached_property
    def data(self) -> bytes:
        """All of it, where that is no more than a GiB."""
        return read_plain(self.path, _MOST)[0]

    @cached_property
    def text(self) -> str:
        """All of it as text; raises ValueError where it is none."""
        return self.data.decode("utf-8-sig")

    @cached_property
    def head_text(self) -> str:
        """The beginning as text, empty where it is none."""
        return "" if b"\0" in self.head else self.head.decode("utf-8-sig", "replace")

    @cached_property
    def members(self) -> tuple[str, ...]:
        """Names in a zip archive; empty where it is none, or is torn."""
        if self.head[:2] != b"PK":
            return ()
        try:
            with open_regular(self.path) as file, zipfile.ZipFile(file) as archive:
                return tuple(archive.namelist())
        except TORN:
            return ()

    @property
    def origin(self) -> str:
        """Where the motion is from, as its entry says."""
        return self.asked.source or self.path.name

    @property
    def licence(self) -> str:
        """What may be done with it, as its entry says."""
        return self.asked.licence or NOT_STATED

    @property
    def loops(self) -> bool:
        """Whether the user calls it a loop."""
        return bool(self.asked.loop)

    def note(self, text: str) -> None:
        """Tell the user what was taken for granted."""
        if text not in self.notes:
            self.notes.append(text)

    def refuse(self, text: str) -> NoReturn:
        """Raise MotionError with the file's name before the text."""
        raise MotionError(f"{shown(self.path)}: {in_one_line(text)}")

    def rate(self, usual: float, why: str) -> float:
        """Frames a second of a format that does not say them: the user's, or the usual ones with a note."""
        if self.asked.fps is not None:
            return self.asked.fps
        self.note(f"{usual:g} frames a second, {why}; --fps says otherwise")
        return usual
