"""Files that hold each frame twice, as Isaac Gym's AMP clips do: 60 frames a second of which 30 differ."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

import numpy as np

from rlkit.motion.clip import ARRAYS, Clip
from rlkit.motion.readers.source import Source
from rlkit.motion.skeleton import SkeletonMotion

_Motion = TypeVar("_Motion", Clip, SkeletonMotion)
_FEWEST = 8  # frames that say anything
_SAME = 1e-6  # m and rad: rounding


def halved(motion: _Motion, source: Source) -> _Motion:
    """The motion with each frame once and half the rate, which is noted, where it holds each twice; else as it is.

    Velocities of doubled frames would be 0 and twice the true one in turn.
    """
    of_clip = isinstance(motion, Clip)
    arrays = {name: getattr(motion, name) for name in (ARRAYS if of_clip else ("pos", "quat"))}
    if not _doubled([array.reshape(len(array), -1) for array in arrays.values()]):
        return motion
    once = {name: array[::2] for name, array in arrays.items()}
    fps = 0.5 * (motion.entry.fps if isinstance(motion, Clip) else motion.fps)
    source.note(f"each frame is there twice: read once, at {fps:g} frames a second instead of {2.0 * fps:g}")
    if isinstance(motion, Clip):
        entry = replace(motion.entry, fps=fps, frames=len(once[ARRAYS[0]]))
        return Clip(entry, *once.values())
    return replace(motion, fps=fps, **once)


def _doubled(arrays: list[np.ndarray]) -> bool:
    """Whether every second step of `[T, ...]` goes nowhere, and most of the others somewhere."""
    if len(arrays[0]) < _FEWEST:
        return False
    moved = np.max([np.abs(np.diff(array, axis=0)).max(axis=-1) > _SAME for array in arrays], axis=0)
    return any(not moved[k::2].any() and moved[1 - k :: 2].mean() > 0.5 for k in (0, 1))
