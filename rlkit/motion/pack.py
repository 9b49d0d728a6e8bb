"""Many clips of one robot in one file, read in one go; and the clips that a collection names."""

from __future__ import annotations

import zipfile
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO, Iterable, Mapping, Sequence

import numpy as np

from rlkit.motion.clip import ARRAYS, Clip, read_arrays, read_clip, write_array
from rlkit.motion.collection import Choice
from rlkit.motion.entry import PACK, ClipEntry, opened, packed_entries, write_text
from rlkit.motion.errors import MotionError
from rlkit.workspace import write_atomic

_SHARED = ("robot", "joints", "model", "version")  # by all clips of a packed file


def write_pack(path: str | Path, clips: Sequence[Clip]) -> None:
    """Write clips of one robot into one file, whole or not at all.

    Raises MotionError where there are none, of several robots or two of one name, and WorkspaceError, as on a full
    disk.
    """
    if not clips:
        raise MotionError("a packed file holds a clip at least")
    arrays = {name: [getattr(clip, name) for clip in clips] for name in ARRAYS}
    write_atomic(path, lambda file: fill_pack(file, [clip.entry for clip in clips], arrays))


def fill_pack(
    file: BinaryIO, entries: Sequence[ClipEntry], arrays: Mapping[str, Sequence[np.ndarray]]
) -> None:
    """Write a packed file into a binary file that is open.

    arrays: by name, parts `[T, ...]` that are put behind one another: those of ARRAYS, and any more, which `read_pack`
    leaves alone. Raises MotionError for entries of several robots, and for two of one name.
    """
    texts = [{**entry.as_json(), "name": entry.name} for entry in entries]
    shared = {name: texts[0][name] for name in _SHARED}
    counts = Counter(entry.name for entry in entries)
    for text in texts:
        for name in _SHARED:
            if text[name] != shared[name]:
                raise MotionError(
                    f"clip {text['name']} has another {name} than {texts[0]['name']}; a packed file is of one robot and"
                    " model"
                )
        if counts[text["name"]] > 1:
            raise MotionError(
                f"two clips are called {text['name']}; in a packed file each has its own name,"
                " which is that of its file"
            )
    own = [{name: value for name, value in text.items() if name not in _SHARED} for text in texts]
    with zipfile.ZipFile(file, "w") as archive:
        write_text(archive, PACK, {**shared, "clips": own})
        for name, parts in arrays.items():
            write_array(archive, name, np.concatenate(parts))


def read_pack(path: str | Path) -> list[Clip]:
    """The clips of a packed file, in its order; their arrays are parts of the same few. Raises MotionError."""
    path = Path(path)
    with opened(path) as archive:
        if PACK not in archive.namelist():
            raise MotionError(f"{path} is no packed file; rlkit motion pack makes one of many clips")
        entries = packed_entries(archive, path)
        frames = sum(entry.frames for entry in entries)
        arrays = read_arrays(archive, path, replace(entries[0], frames=frames))
    starts = np.cumsum([entry.frames for entry in entries])[:-1]
    return [
        Clip(entry, *parts) for entry, *parts in zip(entries, *(np.split(array, starts) for array in arrays))
    ]


def load_clips(choices: Iterable[Choice]) -> list[Clip]:
    """The clips that were chosen, in their order and by the names they have there; raises MotionError."""
    packs: dict[Path, dict[str, Clip]] = {}
    clips = []
    for choice in choices:
        if choice.member is None:
            clip = read_clip(choice.path)
        else:
            if choice.path not in packs:
                packs[choice.path] = {clip.name: clip for clip in read_pack(choice.path)}
            clip = packs[choice.path][choice.member]
        clips.append(replace(clip, entry=replace(clip.entry, name=choice.entry.name)))
    return clips
