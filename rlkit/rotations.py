"""Batched rotations: quaternions as (w, x, y, z), unit length, active, body to world."""

from __future__ import annotations

import math
from typing import Sequence

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
    """Rotate vectors: `quat` `[..., 4]`, `vec` `[..., 3]` in the world's frame, to the body's."""
    return rotate(conjugate(quat), vec)


def conjugate(quat: Tensor) -> Tensor:
    """The inverse rotation of unit quaternions `[..., 4]`."""
    return torch.cat((quat[..., :1], -quat[..., 1:]), dim=-1)


def multiply(a: Tensor, b: Tensor) -> Tensor:
    """The rotation `b` followed by `a`, `[..., 4]` (Hamilton product)."""
    return torch.stack(multiply_columns(a.unbind(-1), b.unbind(-1)), dim=-1)


def multiply_columns(a: Sequence[Tensor], b: Sequence[Tensor]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """`multiply` of quaternions whose w, x, y and z are four tensors `[...]`: three times as fast for very many."""
    (aw, ax, ay, az), (bw, bx, by, bz) = a, b
    return (
        aw * bw - ax * bx - ay * by - az * bz,
        aw * bx + ax * bw + ay * bz - az * by,
        aw * by - ax * bz + ay * bw + az * bx,
        aw * bz + ax * by - ay * bx + az * bw,
    )


def rotate_columns(quat: Sequence[Tensor], vec: Sequence[Tensor]) -> tuple[Tensor, Tensor, Tensor]:
    """`rotate` of vectors whose x, y and z are three tensors `[...]`, by quaternions whose w, x, y and z are four.

    From the body's frame to the world's.
    """
    (w, x, y, z), (a, b, c) = quat, vec
    tx, ty, tz = 2.0 * (y * c - z * b), 2.0 * (z * a - x * c), 2.0 * (x * b - y * a)
    return a + w * tx + y * tz - z * ty, b + w * ty + z * tx - x * tz, c + w * tz + x * ty - y * tx


def about_z(angle: Tensor) -> Tensor:
    """Quaternions `[..., 4]` that turn by `angle` (rad) about the world's z axis."""
    half = 0.5 * angle
    zero = torch.zeros_like(half)
    return torch.stack((half.cos(), zero, zero, half.sin()), dim=-1)


def turn_about_z(values: Tensor, cosine: Tensor, sine: Tensor, dim: int = -1) -> None:
    """Turn vectors `[..., 2, ...]`, x and y along `dim`, about the world's z axis, in place; or quaternions of 4.

    cosine, sine: `[...]`, which broadcast, of the angle (rad), for quaternions of half of it.
    """
    first, second = values.chunk(2, dim)
    across = second.flip(dim)
    second.mul_(cosine).addcmul_(first.flip(dim), sine)
    first.mul_(cosine).addcmul_(across, sine, value=-1.0)


def yaw(quat: Tensor) -> Tensor:
    """Where the body's x axis points, seen from above: `[...]` rad from the world's x, in [-pi, pi], of `[..., 4]`."""
    w, x, y, z = quat.unbind(-1)
    return torch.atan2(2.0 * (w * z + x * y), 1.0 - 2.0 * (y * y + z * z))


def heading(quat: Tensor) -> Tensor:
    """The turn about the world's z axis by the `yaw` (rad) of `quat` `[..., 4]`: heading's frame to the world's."""
    return about_z(yaw(quat))


def rotation_vector(quat: Tensor) -> Tensor:
    """The axis, as long as the angle, `[..., 3]` rad, of unit quaternions `[..., 4]`, the short way (logarithm map)."""
    w, u = quat[..., :1], quat[..., 1:]
    sine = u.norm(dim=-1, keepdim=True)
    angle = 2.0 * torch.atan2(sine, w.abs())
    # At an angle of nothing, angle / sine is 2; below the smallest sine its square is lost in the sum.
    scale = torch.where(sine > 1e-7, angle / sine.clamp(min=1e-7), 2.0)
    return torch.where(w < 0.0, -scale, scale) * u


def from_rotation_vector(vector: Tensor) -> Tensor:
    """Quaternions `[..., 4]` that turn about an axis by an angle: axis times angle `[..., 3]` rad (exponential map)."""
    half = 0.5 * vector.norm(dim=-1, keepdim=True)
    return torch.cat((half.cos(), 0.5 * torch.sinc(half / math.pi) * vector), dim=-1)


def angle_between(a: Tensor, b: Tensor) -> Tensor:
    """The angle `[...]` rad in [0, pi] of the turn from `a` to `b`, both `[..., 4]`.

    Four times the arcsine of half the chord between them, which keeps small angles that 1 - cosine would lose.
    """
    chord = torch.minimum((a - b).square().sum(-1), (a + b).square().sum(-1)).sqrt()
    return 4.0 * torch.asin((0.5 * chord).clamp(max=1.0))


def squared_angle(a: Tensor, b: Tensor) -> Tensor:
    """The square `[...]` of `angle_between` (rad) of `a`, `b` `[..., 4]`: half the work, off by 1e-6 at most."""
    return (2.0 * torch.acos((a * b).sum(-1).abs().clamp(max=1.0))).square()


def slerp(a: Tensor, b: Tensor, share: Tensor) -> Tensor:
    """From `a` to `b`, both `[..., 4]`, the short way round, evenly: `share` `[..., 1]` of it, 0 is `a`.

    Source: K. Shoemake, Animating rotation with quaternion curves, 1985.
    """
    cosine = (a * b).sum(-1, keepdim=True)
    first, second = slerp_shares(slerp_angle(cosine), share)
    return first * a + torch.where(cosine < 0.0, -second, second) * b


def slerp_angle(cosine: Tensor) -> Tensor:
    """The angle `[...]` rad between two quaternions, of either sign, for `slerp_shares`.

    cosine: `[...]`, the sum of the products of their four numbers. Never below 0.001, where shares mix linearly; the
    length is off by less than float32 can tell.
    """
    return torch.acos(cosine.abs().clamp(max=1.0)).clamp(min=1e-3)


def slerp_shares(angle: Tensor, share: Tensor) -> tuple[Tensor, Tensor]:
    """What `slerp` takes of two quaternions, `[...]` each, of like signs and `angle` `[...]` rad apart (`slerp_angle`).

    share: `[...]`, how far it is from the first to the second.
    """
    part = share * angle
    sine = angle.sin()
    return (angle - part).sin() / sine, part.sin() / sine


def six_d(quat: Tensor) -> Tensor:
    """The first two columns `[..., 6]` of the matrices of quaternions `[..., 4]`: the body's x and y axes.

    A continuous form of rotations, unlike quaternions and angles. Source: Y. Zhou et al., On the continuity of
    rotation representations in neural networks, 2019.
    """
    w, x, y, z = quat.unbind(-1)
    x2, y2, z2 = 2.0 * x, 2.0 * y, 2.0 * z
    xy, wz, zz = x2 * y, w * z2, z * z2
    columns = (1.0 - (y * y2 + zz), xy + wz, x * z2 - w * y2, xy - wz, 1.0 - (x * x2 + zz), y * z2 + w * x2)
    return torch.stack(columns, dim=-1)
