"""Batched rotations: quaternions as (w, x, y, z), unit length, body to world."""

from __future__ import annotations

import torch
from torch import Tensor


def rotate(quat: Tensor, vector: Tensor) -> Tensor:
    """`vector` (`[..., 3]`) turned by `quat` (`[..., 4]`): v + 2 (w (u × v) + u × (u × v)) for q = (w, u)."""
    w, axis = quat[..., :1], quat[..., 1:]
    axis, vector = torch.broadcast_tensors(axis, vector)
    cross = torch.linalg.cross(axis, vector)
    return vector + 2.0 * (w * cross + torch.linalg.cross(axis, cross))


def rotate_inverse(quat: Tensor, vector: Tensor) -> Tensor:
    """`vector` (`[..., 3]`, world) in the frame of `quat` (`[..., 4]`)."""
    return rotate(torch.cat((quat[..., :1], -quat[..., 1:]), dim=-1), vector)


def multiply(a: Tensor, b: Tensor) -> Tensor:
    """The rotation `b`, then `a`, `[..., 4]` (Hamilton product)."""
    aw, av, bw, bv = a[..., :1], a[..., 1:], b[..., :1], b[..., 1:]
    w = aw * bw - (av * bv).sum(dim=-1, keepdim=True)
    av, bv = torch.broadcast_tensors(av, bv)
    return torch.cat((w, aw * bv + bw * av + torch.linalg.cross(av, bv)), dim=-1)
