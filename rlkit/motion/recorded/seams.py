"""Where a motion repeats itself: the two frames between which it is most nearly a cycle."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from rlkit.motion.clip import ARRAYS, Clip
from rlkit.motion.errors import MotionError

SHORTEST, LONGEST = 0.4, 4.0  # s of a cycle: a quick step pair, a slow dance figure
_SECONDS = 0.1  # how much a difference of velocity counts beside one of position
_MOST_FRAMES = 3000  # of which all pairs are compared
_NEARLY = 1.05  # of what are nearly as good the shortest is taken: one cycle, not two


class Seam(NamedTuple):
    """first, last: frames that are nearly one moment of a cycle. gap: rad between their joints, root mean square."""

    first: int
    last: int
    gap: float


def best_seam(clip: Clip, shortest: float = SHORTEST, longest: float = LONGEST) -> Seam:
    """The cycle of `shortest` to `longest` s whose ends differ least in joints, tilt, height and their velocities.

    Where it goes and which way it looks may differ: a loop is moved on. Raises MotionError for one that is too short.
    """
    fps, frames = clip.entry.fps, clip.entry.frames
    least, most = max(int(np.ceil(shortest * fps)), 2), int(longest * fps)
    if frames <= least + 1:
        raise MotionError(
            f"clip {clip.name} lasts {clip.entry.duration:.2f} s; a cycle of {shortest:g} s or more is looked for"
        )
    if frames > _MOST_FRAMES:
        raise MotionError(
            f"clip {clip.name} has {frames} frames; a cycle is looked for in {_MOST_FRAMES} at most: take a part of it"
            " with --start and --end"
        )
    poses = _poses(clip)
    moments = np.concatenate((poses, _SECONDS * np.gradient(poses, 1.0 / fps, axis=0)), axis=1)
    norms = (moments**2).sum(axis=1)
    squares = np.maximum(norms[:, None] + norms[None] - 2.0 * moments @ moments.T, 0.0)
    apart = np.arange(frames)[None] - np.arange(frames)[:, None]
    squares[(apart < least) | (apart > most)] = np.inf
    near = np.argwhere(squares <= max(float(squares.min()), 1e-9) * _NEARLY**2)
    first, last = min(near.tolist(), key=lambda pair: (pair[1] - pair[0], squares[pair[0], pair[1]]))
    gap = float(np.sqrt(np.mean((clip.joint_pos[last] - clip.joint_pos[first]) ** 2)))
    return Seam(first, last, gap)


def _poses(clip: Clip) -> np.ndarray:
    """Joints, height and where up lies in the root's frame `[T, J + 4]`: what a cycle must come back to."""
    w, x, y, z = clip.root_quat.T.astype(np.float64)
    up = np.stack((2.0 * (x * z - w * y), 2.0 * (y * z + w * x), 1.0 - 2.0 * (x * x + y * y)), axis=-1)
    return np.concatenate(
        (clip.joint_pos.astype(np.float64), clip.root_pos[:, 2:].astype(np.float64), up), axis=1
    )


def looped(clip: Clip, seam: Seam) -> Clip:
    """The cycle as a loop: its last frame is exactly its first one moved on; what lacked is spread over all frames."""
    from rlkit.motion.quality import cut
    from rlkit.motion.retargeting.loops import close_seam

    part = cut(clip, seam.first, seam.last)
    pos, quat, joints, _ = close_seam(*(getattr(part, name).astype(np.float64) for name in ARRAYS))
    arrays = (array.astype(np.float32) for array in (pos, quat, joints))
    return Clip(replace(part.entry, loop=True), *arrays)
