"""Batched rotations: quaternions as (w, x, y, z), unit length, active, body to world."""

from __future__ import annotations

import torch
from torch import Tensor


def rotate(quat: Tensor, vec: Tensor) -> Tensor:
    """Rotate vectors: `quat` `[..., 4]`, `vec` `[..., 3]` in the body's frame, to the world's.

    v' = v + 2w (u × v) + 2 u × (u × v) for q = (w, u).
    """
    w, u = quat[..., :1], quat[..., 1:]
    u, vec = torch.broadcast_tensors(u, vec)
    t = 2.0 * torch.cross(u, vec, dim=-1)
    return vec + w * t + torch.cross(u, t, dim=-1)


def rotate_inverse(quat: Tensor, vec: Tensor) -> Tensor:
    """Rotate vectors `[..., 3]` from the world's frame into the body's."""
    return rotate(conjugate(quat), vec)


def conjugate(quat: Tensor) -> Tensor:
    """The inverse rotation of unit quaternions `[..., 4]`."""
    return torch.cat((quat[..., :1], -quat[..., 1:]), dim=-1)


def multiply(a: Tensor, b: Tensor) -> Tensor:
    """The rotation `b` followed by `a`, `[..., 4]` (Hamilton product)."""
    aw, ax, ay, az = a.unbind(-1)
    bw, bx, by, bz = b.unbind(-1)
    return torch.stack(
        (
            aw * bw - ax * bx - ay * by - az * bz,
            aw * bx + ax * bw + ay * bz - az * by,
            aw * by - ax * bz + ay * bw + az * bx,
            aw * bz + ax * by - ay * bx + az * bw,
        ),
        dim=-1,
    )


def about_z(angle: Tensor) -> Tensor:
    """Quaternions `[..., 4]` that turn by `angle` (rad) about the world's z axis."""
    half = 0.5 * angle
    zero = torch.zeros_like(half)
    return torch.stack((half.cos(), zero, zero, half.sin()), dim=-1)
