"""Velocities of recorded motions by central differences, how loops move on from cycle to cycle, and other rates.

Clips lie behind one another in their arrays, F frames of C clips, so that an hour of short ones takes no longer than
one long one.
"""

from __future__ import annotations

from itertools import accumulate
from typing import NamedTuple, Sequence

import numpy as np
import torch
from torch import Tensor

from rlkit.rotations import (
    about_z,
    conjugate,
    from_rotation_vector,
    multiply,
    rotate,
    rotate_inverse,
    rotation_vector,
    slerp_angle,
    turn_about_z,
    yaw,
)

_CHUNK = 4096  # frames at once: what they need stays in a core's cache


class Spans(NamedTuple):
    """Where clips lie in their arrays, and what a cycle of each moves on by; zero where a clip does not loop.

    first, last: `[C]` frames. fps: `[C]` frames a second. loop: `[C]` bool. turn: `[C]` rad about the world's z axis,
    and then shift: `[C, 3]` m, world frame.
    """

    first: Tensor
    last: Tensor
    fps: Tensor
    loop: Tensor
    turn: Tensor
    shift: Tensor


def spans_of(
    root_pos: Tensor, root_quat: Tensor, frames: Sequence[int], fps: Sequence[float], loops: Sequence[bool]
) -> Spans:
    """Of clips behind one another with so many frames each.

    root_pos: `[F, 3]` m, root_quat: `[F, 4]` wxyz, body to world, world frame. A loop's last frame is its first one
    moved on, so its displacement is read from these two.
    """
    device = root_pos.device
    ends = list(accumulate(frames))
    last = torch.tensor(ends, device=device) - 1
    first = last + 1 - torch.tensor(frames, device=device)
    loop = torch.tensor(loops, device=device)
    turn = yaw(root_quat[last]) - yaw(root_quat[first])
    turn = torch.atan2(turn.sin(), turn.cos()) * loop
    shift = root_pos[last] - rotate(about_z(turn), root_pos[first])
    shift = shift * loop[:, None] * torch.tensor([1.0, 1.0, 0.0], dtype=shift.dtype, device=device)
    return Spans(first, last, torch.tensor(fps, dtype=root_pos.dtype, device=device), loop, turn, shift)


def moved_on(turn: Tensor, shift: Tensor, cycles: Tensor) -> tuple[Tensor, Tensor]:
    """After so many cycles `[...]`: turned by `[...]` rad about z, and then shifted by `[..., 2]` m, world frame.

    turn: `[...]` rad and shift: `[..., 2]` m, x and y, of one cycle, see `Spans`. n cycles of a turn a and a shift s,
    as complex numbers, shift by (1 + e^ia + … + e^i(n-1)a) s, and that sum is e^i(n-1)a/2 · sin(n a/2) / sin(a/2).
    """
    half = 0.5 * turn
    sine = half.sin()
    straight = sine.abs() < 1e-6
    length = torch.where(straight, cycles, (cycles * half).sin() / torch.where(straight, 1.0, sine))
    middle = ((cycles - 1.0) * half)[..., None]
    moved = length[..., None] * shift
    turn_about_z(moved, middle.cos(), middle.sin())
    return cycles * turn, moved


def short_ways(quat: Tensor, spans: Spans) -> tuple[Tensor, Tensor]:
    """Rotations `[F, 4, B]` of the same clips, with the signs that go the short way, and how far it is to the next.

    quat: `[F, 4, B]` wxyz, body to world. The angles `[F, B]` rad are those of `slerp_angle`, between quaternions.
    """
    cosine = (quat[:-1] * quat[1:]).sum(dim=1)
    signs = torch.ones_like(quat[:, 0])
    signs[1:] -= 2.0 * (cosine < 0.0)
    signs = signs.cumprod(dim=0)
    signs *= torch.repeat_interleave(signs[spans.first], spans.last - spans.first + 1, dim=0)
    angle = slerp_angle(cosine)
    return quat * signs[:, None], torch.cat((angle, angle[-1:]))


def joint_velocities(joint_pos: Tensor, spans: Spans) -> Tensor:
    """`[F, J]` rad/s of angles `[F, J]` rad."""
    return _central(joint_pos[1:] - joint_pos[:-1], spans, turned=False)


def linear_velocities(pos: Tensor, spans: Spans) -> Tensor:
    """`[F, ..., 3]` m/s of positions `[F, ..., 3]` m, world frame."""
    return _central(pos[1:] - pos[:-1], spans, turned=True)


def angular_velocities(quat: Tensor, spans: Spans) -> Tensor:
    """`[F, ..., 3]` rad/s, world frame, of rotations `[F, ..., 4]` wxyz, body to world: by the logarithm map."""
    steps = quat.new_empty(len(quat) - 1, *quat.shape[1:-1], 3)
    for start in range(0, len(steps), _CHUNK):
        some = quat[start : start + _CHUNK + 1]
        steps[start : start + _CHUNK] = rotation_vector(multiply(some[1:], conjugate(some[:-1])))
    return _central(steps, spans, turned=True)


def _central(steps: Tensor, spans: Spans, turned: bool) -> Tensor:
    """Half the sum of the steps `[F - 1, ...]` to a frame and from it, a second.

    Before a loop's first frame comes its last step, turned back by a cycle; after its last frame its first one, turned
    on. The ends of another clip have the one step that there is.
    """
    first, last = spans.first, spans.last
    to_first, from_last = steps[last - 1], steps[first]
    ones = (-1,) + (1,) * (steps.ndim - 1)
    if turned:
        turn = about_z(spans.turn).view(-1, *ones[1:-1], 4)
        to_first, from_last = rotate(conjugate(turn), to_first), rotate(turn, from_last)
    loop = spans.loop.view(ones)
    before, after = torch.cat((steps[:1], steps)), torch.cat((steps, steps[-1:]))
    before[first] = torch.where(loop, to_first, steps[first])
    after[last] = torch.where(loop, from_last, steps[last - 1])
    rate = torch.repeat_interleave(0.5 * spans.fps, last - first + 1)
    return before.add_(after).mul_(rate.view(ones))


def resampled(arrays: Sequence[np.ndarray], loop: bool, intervals: int) -> list[np.ndarray]:
    """A clip's arrays with so many intervals between frames, and one frame more.

    arrays: root positions `[T, 3]` m, root rotations `[T, 4]` wxyz, body to world, and joints `[T, J]` rad.
    """
    root_pos, root_quat, joint_pos = (torch.from_numpy(np.asarray(array, np.float64)) for array in arrays)
    frames = len(root_pos)
    spans = spans_of(root_pos, root_quat, [frames], [1.0], [loop])  # slopes are for a rate of one frame
    place = torch.linspace(0.0, frames - 1.0, intervals + 1, dtype=torch.float64)
    first = place.floor().long().clamp(max=frames - 2)
    share = (place - first)[:, None]
    found = (
        _through(root_pos, linear_velocities(root_pos, spans), first, share),
        _turns_through(root_quat, angular_velocities(root_quat, spans), first, share),
        _through(joint_pos, joint_velocities(joint_pos, spans), first, share),
    )
    return [new.numpy().astype(old.dtype) for new, old in zip(found, arrays)]


def _through(values: Tensor, slopes: Tensor, first: Tensor, share: Tensor) -> Tensor:
    return values[first] + _rise(values[first + 1] - values[first], slopes[first], slopes[first + 1], share)


def _turns_through(quat: Tensor, slopes: Tensor, first: Tensor, share: Tensor) -> Tensor:
    """The same in rotation vectors from the frame before: of two frames of a motion they are short."""
    start = quat[first]
    step = rotation_vector(multiply(conjugate(start), quat[first + 1]))
    ends = (rotate_inverse(start, slopes[first]), rotate_inverse(start, slopes[first + 1]))
    return multiply(start, from_rotation_vector(_rise(step, *ends, share)))


def _rise(step: Tensor, slope: Tensor, last_slope: Tensor, share: Tensor) -> Tensor:
    """Hermite's cubic from 0 to `step` with these slopes at its ends."""
    rest = 1.0 - share
    return share**2 * (3.0 - 2.0 * share) * step + share * rest**2 * slope - share**2 * rest * last_slope
