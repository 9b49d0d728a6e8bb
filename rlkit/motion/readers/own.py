"""rlkit's own clips and packed files."""

from __future__ import annotations

from rlkit.motion.clip import Clip, read_clip
from rlkit.motion.entry import ENTRY, PACK
from rlkit.motion.pack import read_pack
from rlkit.motion.readers.source import Source

SAYS = "rlkit's own clips (.npz with clip.json) and packed files of them"


def recognises(source: Source) -> bool:
    """Whether the zip has an entry, or those of several."""
    return ENTRY in source.members or PACK in source.members


def read(source: Source) -> list[Clip]:
    """The one clip of the file, or those of a packed one; raises MotionError."""
    return read_pack(source.path) if PACK in source.members else [read_clip(source.path)]
