"""Poses of a person's skeleton from the rotations of its joints; world frame, quaternions wxyz, body to world."""

from __future__ import annotations

from typing import Sequence

import numpy as np
import torch
from torch import Tensor

from rlkit.motion.readers.rows import require_finite, unit_quaternions
from rlkit.motion.readers.source import Source
from rlkit.motion.skeleton import SkeletonMotion
from rlkit.rotations import conjugate, from_rotation_vector, multiply, rotate

Y_UP_Z_FORWARD = torch.tensor((0.5, 0.5, 0.5, 0.5), dtype=torch.float64)
"""Turns a world with y up and z forward into ours, z up and x forward: x to y, y to z, z to x."""

Y_UP_X_FORWARD = torch.tensor((0.5**0.5, 0.5**0.5, 0.0, 0.0), dtype=torch.float64)
"""The same of a world with y up and x forward: a quarter turn about x."""

_AXES = {"X": 0, "Y": 1, "Z": 2}


def forward(
    parents: Sequence[int], offsets: Tensor, local: Tensor, root_pos: Tensor
) -> tuple[Tensor, Tensor]:
    """Positions `[T, B, 3]` m and rotations `[T, B, 4]` wxyz in the world, a parent before its children.

    offsets: `[B, 3]` or `[T, B, 3]` m, of a joint in its parent's frame; the root's is not used. local: `[T, B, 4]`,
    joint to parent. root_pos: `[T, 3]` m.
    """
    quats, places = [local[:, 0]], [root_pos]
    for joint in range(1, len(parents)):
        parent = parents[joint]
        quats.append(multiply(quats[parent], local[:, joint]))
        places.append(places[parent] + rotate(quats[parent], offsets[..., joint, :]))
    return torch.stack(places, 1), torch.stack(quats, 1)


def from_angles(order: str, degrees: Tensor) -> Tensor:
    """Quaternions `[..., 4]` wxyz, body to world, of turns about the turned axes in `order`, as "ZXY".

    degrees: `[..., len(order)]`, no rad. The other way round, about fixed axes, is the reversed order.
    """
    turns = torch.zeros((*degrees.shape[:-1], 4), dtype=torch.float64)
    turns[..., 0] = 1.0
    for place, letter in enumerate(order):
        vector = torch.zeros((*degrees.shape[:-1], 3), dtype=torch.float64)
        vector[..., _AXES[letter]] = torch.deg2rad(degrees[..., place])
        turns = multiply(turns, from_rotation_vector(vector))
    return turns


def in_our_axes(change: Tensor, pos: Tensor, quat: Tensor) -> tuple[Tensor, Tensor]:
    """Poses in a world that `change` `[4]` turns into ours: `pos` `[..., 3]` m, `quat` `[..., 4]` wxyz, body to world.

    The bodies' frames turn likewise: a body that stood like the world's axes stands like our axes.
    """
    return rotate(change, pos), multiply(multiply(change.expand_as(quat), quat), conjugate(change))


def skeleton_motion(
    source: Source,
    names: Sequence[str],
    parents: Sequence[int],
    pos: Tensor,
    quat: Tensor,
    fps: float,
    loop: bool,
) -> SkeletonMotion:
    """The motion of poses `[T, B, 3]` m and `[T, B, 4]` wxyz, body to world; raises MotionError for no numbers."""
    places, quats = pos.numpy(), quat.numpy()
    require_finite(source, "position", places)
    require_finite(source, "rotation", quats)
    return SkeletonMotion(
        tuple(names), tuple(parents), places.astype(np.float32),
        unit_quaternions(source, quats).astype(np.float32), float(fps), loop, source.origin, source.licence,
    )  # fmt: skip
