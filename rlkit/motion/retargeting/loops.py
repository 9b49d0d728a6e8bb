"""Cycles: a person's made exact and repeated, a robot's seam closed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from rlkit.motion.skeleton import SkeletonMotion
from rlkit.rotations import about_z, conjugate, from_rotation_vector, multiply, rotate, rotation_vector

STRAIGHT = np.radians(15.0)
"""A cycle that turns by less was cut out of a straight motion."""


def turn_of(first: torch.Tensor, last: torch.Tensor) -> torch.Tensor:
    """The turn `[]` rad about the world's z axis that brings rotation `first` `[4]` wxyz nearest to `last` `[4]`."""
    between = multiply(last, conjugate(first))
    return 2.0 * torch.atan2(between[3], between[0])


def closed(motion: SkeletonMotion) -> SkeletonMotion:
    """The same cycle with its last frame exactly the first one moved on: what lacks is spread over the frames.

    Joints keep their places in their parents' frames, so bones keep their lengths.
    """
    pos, quat = (torch.from_numpy(np.asarray(array, np.float64)) for array in (motion.pos, motion.quat))
    share = torch.linspace(0.5, -0.5, len(pos), dtype=torch.float64)[:, None]
    turn = turn_of(quat[0, 0], quat[-1, 0])
    turn = torch.atan2(turn.sin(), turn.cos())
    turn = torch.where(turn.abs() < STRAIGHT, torch.zeros_like(turn), turn)
    moved = multiply(about_z(turn), quat[0, 0])
    lacks = rotation_vector(multiply(quat[-1, 0], conjugate(moved)))
    root = multiply(from_rotation_vector(share * _turned_along(lacks, turn, len(pos))), quat[:, 0])
    places, turns = [pos[:, 0].clone()], [root]
    places[0][:, 2] += share[:, 0] * (pos[-1, 0, 2] - pos[0, 0, 2])
    for joint, parent in enumerate(motion.parents[1:], start=1):
        local = multiply(conjugate(quat[:, parent]), quat[:, joint])
        gap = rotation_vector(multiply(conjugate(local[0]), local[-1]))
        turns.append(multiply(turns[parent], multiply(local, from_rotation_vector(share * gap))))
        offset = rotate(conjugate(quat[:, parent]), pos[:, joint] - pos[:, parent])
        offset = offset + share * (offset[-1] - offset[0])
        places.append(places[parent] + rotate(turns[parent], offset))
    return replace(motion, pos=torch.stack(places, 1).numpy(), quat=torch.stack(turns, 1).numpy())


def _turned_along(vector: torch.Tensor, turn: torch.Tensor, frames: int) -> torch.Tensor:
    """`[frames, 3]`: a vector of the last frame as a cycle that turns carries it from its first frame."""
    back = torch.linspace(-1.0, 0.0, frames, dtype=torch.float64) * turn
    return rotate(about_z(back), vector)


def repeated(motion: SkeletonMotion, cycles: int) -> SkeletonMotion:
    """So many cycles of an exact one, the last frame included: `cycles` (T - 1) + 1 frames."""
    pos, quat = (torch.from_numpy(np.asarray(array, np.float64)) for array in (motion.pos, motion.quat))
    turn = about_z(turn_of(quat[0, 0], quat[-1, 0]))
    shift = pos[-1, 0] - rotate(turn, pos[0, 0])
    places, turns = [], []
    for _ in range(cycles):
        places.append(pos[:-1])
        turns.append(quat[:-1])
        pos, quat = rotate(turn, pos) + shift, multiply(turn.expand_as(quat), quat)
    places.append(pos[:1])
    turns.append(quat[:1])
    return replace(motion, pos=torch.cat(places).numpy(), quat=torch.cat(turns).numpy())


def close_seam(
    root_pos: np.ndarray, root_quat: np.ndarray, joint_pos: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """A robot's cycle with its gap spread over the frames, and the largest gap of a joint there was, rad.

    root_pos `[T, 3]` m, root_quat `[T, 4]` wxyz, body to world, joint_pos `[T, J]` rad. The last frame becomes the
    first one moved on and turned about z; velocities across the seam change by as much as everywhere.
    """
    share = np.linspace(0.5, -0.5, len(root_pos))[:, None]
    gap = joint_pos[-1] - joint_pos[0]
    root_pos = root_pos.copy()
    root_pos[:, 2] += share[:, 0] * (root_pos[-1, 2] - root_pos[0, 2])
    quat = torch.from_numpy(root_quat)
    turn = about_z(turn_of(quat[0], quat[-1]))
    lacks = rotation_vector(multiply(conjugate(multiply(turn, quat[0])), quat[-1]))
    quat = multiply(quat, from_rotation_vector(torch.from_numpy(share) * lacks))
    return root_pos, quat.numpy(), joint_pos + share * gap, float(np.abs(gap).max())
