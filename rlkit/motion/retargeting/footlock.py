"""Feet that stand keep their spot: flat while they stand, then rolling over the toes, and before that over the heel."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from rlkit.motion.retargeting.figure import Figure
from rlkit.motion.retargeting.person import heading
from rlkit.motion.retargeting.targets import Targets

SETTLE = 0.1  # s in which a foot comes to where it will be held, and leaves it
ROLL_HEIGHT, ROLL_SPEED = 0.02, 0.8  # m and m/s of the toes or the heel that a foot still rolls over

SWING_HEIGHT = (
    0.02  # m over the ground of a foot that swings, at least: a robot's foot may be longer than a person's
)


def locked(targets: Targets, figure: Figure) -> Targets:
    """The same with feet that do not slide while they are in contact, and never are below the ground.

    A foot in contact is flat, where it was in the mean of that contact. Before and after it the foot turns as the
    person's does; as long as its heel or its toes are near the ground, they keep their place.
    """
    pos, turn = dict(targets.pos), dict(targets.turn)
    for ankle, contact in targets.contact.items():
        if not contact.any():
            continue
        spans = _spans(contact)
        yaw = np.unwrap(heading(turn[ankle]))
        stands = _Held(contact, targets.fps)
        held_yaw = spans.mean(yaw[:, None])
        ahead = stands.drawn(yaw[:, None], held_yaw)[:, 0]
        turned = _mixed(_about_z(ahead - yaw) @ turn[ankle], _about_z(ahead), stands.weight)
        heel, toes = figure.ends(ankle)
        pivot = np.where(spans.past[:, None], toes, heel)
        near = [_near(pos[ankle] + turn[ankle] @ point, targets.fps) for point in (heel, toes)]
        rolls = _rolling(np.where(spans.past, near[1], near[0]), spans)
        held = _Held(contact | rolls, targets.fps)
        spot = spans.mean(pos[ankle]) + _turned(_about_z(held_yaw[:, 0]), pivot) - _turned(turned, pivot)
        spot[:, 2] = figure.clearance(ankle, turned)
        pos[ankle] = held.drawn(pos[ankle], spot)
        pos[ankle][:, 2] = np.maximum(pos[ankle][:, 2], spot[:, 2] + SWING_HEIGHT * (1.0 - held.weight))
        turn[ankle] = turned
    return replace(targets, pos=pos, turn=turn)


@dataclass(frozen=True, eq=False)
class _Spans:
    """The times that a foot stands. contact: `[T]`. nearest: `[T]`, number of the span that a frame is in or nearest
    to. past: `[T]`, whether that one is over."""

    contact: np.ndarray
    nearest: np.ndarray
    past: np.ndarray

    def mean(self, values: np.ndarray) -> np.ndarray:
        """`[T, n]`, of each frame the mean of values `[T, n]` over its nearest span."""
        spans = range(int(self.nearest.max()) + 1)
        return np.stack([values[self.contact & (self.nearest == span)].mean(axis=0) for span in spans])[
            self.nearest
        ]


def _spans(contact: np.ndarray) -> _Spans:
    frames = np.arange(len(contact))[:, None]
    first = np.flatnonzero(np.diff(contact.astype(np.int8), prepend=0) == 1)
    last = np.flatnonzero(np.diff(contact.astype(np.int8), append=0) == -1)
    nearest = np.maximum(first - frames, frames - last).argmin(axis=1)
    return _Spans(contact, nearest, frames[:, 0] > last[nearest])


class _Held:
    """Values that are drawn to others in some frames.

    frames: `[T]`, which. weight: `[T]`, 1 in them, smoothly to 0 outside.
    """

    def __init__(self, frames: np.ndarray, fps: float) -> None:
        self.frames = np.flatnonzero(frames)
        away = np.abs(np.arange(len(frames))[:, None] - self.frames).min(axis=1)
        share = np.minimum(away / (SETTLE * fps + 1.0), 1.0)
        self.weight = 1.0 - share * share * (3.0 - 2.0 * share)

    def drawn(self, values: np.ndarray, goal: np.ndarray) -> np.ndarray:
        """Values `[T, n]` at their goal `[T, n]` while they are held; between two such times what they were changed by
        goes over from one to the other."""
        at = np.arange(len(values))
        change = [np.interp(at, self.frames, column[self.frames]) for column in (goal - values).T]
        moved = values + np.stack(change, axis=-1)
        return moved + self.weight[:, None] * (goal - moved)


def _near(point: np.ndarray, fps: float) -> np.ndarray:
    """`[T]`, whether a point `[T, 3]` m of a foot is near the ground and slow."""
    speed = np.linalg.norm(np.gradient(point, axis=0), axis=-1) * fps
    return (point[:, 2] < ROLL_HEIGHT) & (speed < ROLL_SPEED)


def _rolling(near: np.ndarray, spans: _Spans) -> np.ndarray:
    """`[T]`, whether a foot rolls over its point that is near `[T]`, up to its contact or on from it, no pause."""
    rolls = spans.contact.copy()
    for frame in range(1, len(rolls)):
        rolls[frame] |= near[frame] and spans.past[frame] and rolls[frame - 1]
    for frame in range(len(rolls) - 2, -1, -1):
        rolls[frame] |= near[frame] and not spans.past[frame] and rolls[frame + 1]
    return rolls & ~spans.contact


def _turned(turn: np.ndarray, vector: np.ndarray) -> np.ndarray:
    return (turn @ vector[..., None])[..., 0]


def _about_z(angle: np.ndarray) -> np.ndarray:
    cosine, sine, zero = np.cos(angle), np.sin(angle), np.zeros_like(angle)
    rows = (cosine, -sine, zero, sine, cosine, zero, zero, zero, zero + 1.0)
    return np.stack(rows, axis=-1).reshape(-1, 3, 3)


def _mixed(first: np.ndarray, second: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Rotations `[T, 3, 3]` between two that are near to each other: the nearest to the mean of their matrices."""
    mean = first + share[:, None, None] * (second - first)
    left, _, right = np.linalg.svd(mean)
    return left @ right
