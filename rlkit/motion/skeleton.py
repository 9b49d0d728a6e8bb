"""Motions of people, as the readers of mocap formats give them: joints that turn freely, of any number."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rlkit.motion.errors import MotionError


@dataclass(frozen=True, eq=False)
class SkeletonMotion:
    """T frames of B joints of a skeleton; z up, x forward at its start, metres, world frame.

    names: of the joints. parents: index of each joint's parent, which comes before it; -1 for the root. pos:
    `[T, B, 3]` m. quat: `[T, B, 4]` wxyz, body to world. fps, loop, source, licence: as of a ClipEntry.
    Raises MotionError where these do not fit together.
    """

    names: tuple[str, ...]
    parents: tuple[int, ...]
    pos: np.ndarray
    quat: np.ndarray
    fps: float
    loop: bool
    source: str
    licence: str

    def __post_init__(self) -> None:
        bodies, frames = len(self.names), len(self.pos)
        if len(set(self.names)) != bodies or len(self.parents) != bodies:
            raise MotionError(
                f"{self.source}: a skeleton has a name and a parent for each joint, each name once"
            )
        if any(not -1 <= parent < number for number, parent in enumerate(self.parents)):
            raise MotionError(f"{self.source}: a joint of the skeleton comes before its parent")
        for name, width in (("pos", 3), ("quat", 4)):
            shape = getattr(self, name).shape
            if shape != (frames, bodies, width) or frames < 2:
                raise MotionError(
                    f"{self.source}: {name} is {list(shape)}; a skeleton of {bodies} joints has [frames, {bodies},"
                    f" {width}], of two frames or more"
                )

    @property
    def duration(self) -> float:
        """Seconds from the first frame to the last."""
        return (len(self.pos) - 1) / self.fps
