"""Archives that numpy.savez writes: arrays of numbers and texts, no pickles, no more than the file can hold."""

from __future__ import annotations

import io
import os
import zipfile
from pathlib import Path
from typing import BinaryIO

import numpy as np

from rlkit.untrusted import open_regular, require_whole_list

_SMALL = 64 << 20  # bytes that any file may unpack to
_MOST_UNPACKED = 200  # beyond that: times its length; what never changes shrinks to a hundredth


class NpzArchive:
    """An open archive. Raises OSError and TORN, here and in every method; its user says which file it was."""

    def __init__(self, path: Path) -> None:
        self._handle: BinaryIO = open_regular(path)
        try:
            self._zip = zipfile.ZipFile(self._handle)
            require_whole_list(self._zip)
            self._require_room()
        except BaseException:
            self._handle.close()
            raise
        self._members = {Path(info.filename).stem: info for info in self._zip.infolist()}

    def __enter__(self) -> NpzArchive:
        return self

    def __exit__(self, *_: object) -> None:
        self._zip.close()
        self._handle.close()

    @property
    def names(self) -> list[str]:
        """Of the arrays, in the file's order."""
        return list(self._members)

    def read(self, name: str) -> np.ndarray:
        """One array `[...]` in the file's own unit, its checksum checked, every byte of it used; KeyError without it.

        Raises ValueError for one that holds pickled objects.
        """
        info = self._members[name]
        with self._zip.open(info) as stream:
            content = io.BytesIO(stream.read(info.file_size))  # no more than it says, whatever it unpacks to
        array = np.lib.format.read_array(content, allow_pickle=False)
        if content.read(1):
            raise ValueError(f"{info.filename} is longer than its array")
        return array

    def _require_room(self) -> None:
        size = os.fstat(self._handle.fileno()).st_size
        unpacked = sum(info.file_size for info in self._zip.infolist())
        if unpacked > max(_SMALL, _MOST_UNPACKED * size):
            raise ValueError(f"it is {size:,} bytes long and unpacks to {unpacked:,}")
