"""What a robot is asked to do in each frame: a person's motion in the robot's size."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Mapping

import numpy as np

from rlkit.motion.retargeting.figure import Figure
from rlkit.motion.retargeting.parts import SIDES
from rlkit.motion.retargeting.person import Person, heading

_REACH, _EASE = 0.995, 0.07  # of the length of a leg; s before and after in which the pelvis goes down and up
_STEADY = 0.5  # s over which the heading is smoothed that the feet are moved apart by
_FLOOR = 2.0  # s over which the height of the floor is
BONES = {  # direction -> from part to part, and its weight
    **{f"{side}_thigh": (f"{side}_hip", f"{side}_knee", "thigh") for side in SIDES},
    **{f"{side}_upper_arm": (f"{side}_shoulder", f"{side}_elbow", "upper_arm") for side in SIDES},
    **{f"{side}_forearm": (f"{side}_elbow", f"{side}_hand", "forearm") for side in SIDES},
}


@dataclass(frozen=True, eq=False)
class Targets:
    """T frames; world frame, z up.

    pos: pelvis, ankles -> `[T, 3]` m. turn: pelvis, torso, ankles -> `[T, 3, 3]`, columns are front, left, up.
    direction: of BONES -> `[T, 3]`, unit length. contact: ankle -> `[T]`, whether that foot stands.
    """

    pos: Mapping[str, np.ndarray]
    turn: Mapping[str, np.ndarray]
    direction: Mapping[str, np.ndarray]
    contact: Mapping[str, np.ndarray]
    fps: float

    def __len__(self) -> int:
        return len(self.pos["pelvis"])

    def part(self, start: int, stop: int) -> Targets:
        """The frames from `start` to before `stop`."""
        groups = (self.pos, self.turn, self.direction, self.contact)
        cut = [{name: array[start:stop] for name, array in group.items()} for group in groups]
        return Targets(cut[0], cut[1], cut[2], cut[3], self.fps)


def targets_of(person: Person, figure: Figure) -> Targets:
    """The person's motion for this robot: everything scaled by the length of a leg, the pelvis where its hips want it,
    the feet some of the difference in hip width farther apart, and so high that a foot stands on the ground."""
    scale = figure.leg / person.leg
    apart = figure.map.hip_width * (figure.half_hip_width - scale * person.half_hip_width)
    ahead = _evenly(np.unwrap(heading(person.turn["pelvis"])), _STEADY, person.fps)
    left = np.stack((-np.sin(ahead), np.cos(ahead), np.zeros_like(ahead)), axis=-1)
    pos = {"pelvis": scale * person.hips - person.turn["pelvis"] @ figure.hips}
    for side, sign in zip(SIDES, (1.0, -1.0)):
        pos[f"{side}_ankle"] = scale * person.pos[f"{side}_ankle"] + sign * apart * left
    rise = _rise(pos, person, figure)[:, None] * [0.0, 0.0, 1.0]
    direction = {
        bone: _unit(person.pos[end] - person.pos[start])
        for bone, (start, end, _) in BONES.items()
        if all(part in person.pos and part in figure.bodies for part in (start, end))
    }
    turn = {part: turn for part, turn in person.turn.items() if part in figure.bodies}
    return Targets(
        {part: place + rise for part, place in pos.items()}, turn, direction, person.contact, person.fps
    )


def _rise(pos: Mapping[str, np.ndarray], person: Person, figure: Figure) -> np.ndarray:
    """`[T]` m that lift everything so that a foot stands on the ground: what its contacts lack, evenly in time, as a
    lift of each frame for itself would glue a run to the ground. Without a contact what the lowest frame lacks."""
    missing = np.stack(
        [figure.clearance(ankle, person.turn[ankle]) - pos[ankle][:, 2] for ankle in person.contact], axis=-1
    )
    contact = np.stack(list(person.contact.values()), axis=-1)
    if not contact.any():
        return np.full(len(missing), missing.max())
    stands = contact.any(axis=-1)
    lacks = np.max(np.where(contact, missing, -np.inf), axis=-1)
    frames = np.arange(len(missing))
    return _evenly(np.interp(frames, frames[stands], lacks[stands]), _FLOOR, person.fps)


def within_reach(targets: Targets, figure: Figure) -> Targets:
    """The same with the pelvis lowered, smoothly, where a foot is farther from its hip than a nearly straight leg: such
    a leg has its knee snap."""
    pelvis, turn = targets.pos["pelvis"], targets.turn["pelvis"]
    drop = np.zeros(len(targets))
    for side in SIDES:
        way = pelvis + turn @ figure.hip(side) - targets.pos[f"{side}_ankle"]
        far = np.linalg.norm(way[:, :2], axis=-1)
        height = np.sqrt(np.maximum((_REACH * figure.leg) ** 2 - far**2, 0.0))
        drop = np.maximum(drop, way[:, 2] - height)
    reach = max(1, round(_EASE * targets.fps))
    padded = np.pad(drop, 2 * reach, mode="edge")
    highest = np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1).max(axis=-1)
    window = np.hanning(2 * reach + 3)[1:-1]
    lowered = pelvis.copy()
    lowered[:, 2] -= np.convolve(highest, window / window.sum(), mode="valid")
    return replace(targets, pos={**targets.pos, "pelvis": lowered})


def _evenly(values: np.ndarray, seconds: float, fps: float) -> np.ndarray:
    """Values `[T]` averaged over some time around each frame."""
    reach = max(1, round(0.5 * seconds * fps))
    padded = np.pad(values, reach, mode="edge")
    window = np.hanning(2 * reach + 3)[1:-1]
    return np.convolve(padded, window / window.sum(), mode="valid")


def _unit(vector: np.ndarray) -> np.ndarray:
    return vector / np.maximum(np.linalg.norm(vector, axis=-1, keepdims=True), 1e-12)
