"""What a retargeted motion is like: errors, soles, skate, limits, joint speeds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Mapping, NamedTuple, Sequence

import numpy as np

from rlkit.motion.retargeting.figure import Figure
from rlkit.motion.retargeting.targets import BONES, Targets

TOUCHING = 0.01  # m above the ground
AT_LIMIT = 0.01  # rad from the end of a joint's range


@dataclass(frozen=True, eq=False)
class Measures:
    """T frames of a robot against what it was asked for.

    position: pelvis, ankles -> `[T]` m of error. angle: turns and directions -> `[T]` rad of error. sole: `[T]` m,
    height of the lowest point of both soles over the ground. slip: ankle -> `[T - 1]` m/s over the ground of that
    point of a sole near it that moves least, NaN where none is near. at_limit: `[T, J]`; an ankle's joints count while
    its foot stands. speed: `[T - 1, J]` rad/s. places: `[T, B, 3]` m of the robot's bodies, in the world.
    """

    position: Mapping[str, np.ndarray]
    angle: Mapping[str, np.ndarray]
    sole: np.ndarray
    slip: Mapping[str, np.ndarray]
    at_limit: np.ndarray
    speed: np.ndarray
    places: np.ndarray

    @property
    def skate(self) -> float:
        """The mean slip, m/s; NaN where no foot touches the ground."""
        slips = np.concatenate(list(self.slip.values()))
        slips = slips[~np.isnan(slips)]
        return float(slips.mean()) if len(slips) else float("nan")


class Sticks(NamedTuple):
    """What a picture draws. person: `[T, B, 3]` m in the world. robot: `[T, R, 3]` m in the world. parents: numbers, -1
    for none. sides: 1 of the left, -1 of the right, 0 of the middle."""

    person: np.ndarray
    person_parents: tuple[int, ...]
    person_sides: tuple[int, ...]
    robot: np.ndarray
    robot_parents: tuple[int, ...]
    robot_sides: tuple[int, ...]


def sides(parents: Sequence[int], parts: Mapping[str, int]) -> tuple[int, ...]:
    """On which side a body is, as `Sticks` has it: that of the part that it plays, else of the body it hangs on.

    parents: of each body, -1 for none. parts: part -> number of its body.
    """
    of_parts = {body: {"left": 1, "right": -1}.get(part.partition("_")[0], 0) for part, body in parts.items()}

    def side(body: int) -> int:
        while body >= 0 and body not in of_parts:
            body = parents[body]
        return of_parts.get(body, 0)

    return tuple(map(side, range(len(parents))))


def measured(figure: Figure, qpos: np.ndarray, targets: Targets) -> Measures:
    """Of poses `[T, nq]` and their targets."""
    position: dict[str, list[float]] = {part: [] for part in targets.pos}
    angle: dict[str, list[float]] = {name: [] for name in (*targets.turn, *targets.direction)}
    soles: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {ankle: [] for ankle in targets.contact}
    bodies = [figure.model.body(body).id for body in figure.robot.bodies]
    places = np.zeros((len(qpos), len(bodies), 3))
    for frame, pose in enumerate(qpos):
        figure.set(pose)
        places[frame] = figure.data.xpos[bodies]
        for part, place in targets.pos.items():
            position[part].append(float(np.linalg.norm(figure.place(part) - place[frame])))
        for part, turn in targets.turn.items():
            cosine = 0.5 * (np.sum(figure.turn(part) * (turn[frame] @ figure.rest[part])) - 1.0)
            angle[part].append(float(np.arccos(np.clip(cosine, -1.0, 1.0))))
        for bone, direction in targets.direction.items():
            way = figure.place(BONES[bone][1]) - figure.place(BONES[bone][0])
            angle[bone].append(
                float(np.arccos(np.clip(way @ direction[frame] / np.linalg.norm(way), -1.0, 1.0)))
            )
        for ankle, points in soles.items():
            points.append(figure.lowest(ankle))
    joints = qpos[:, figure.joints]
    near = np.minimum(joints - figure.low, figure.high - joints) < AT_LIMIT
    for ankle, contact in targets.contact.items():
        near &= contact[:, None] | ~figure.below_knee(ankle)
    lowest = np.min([[heights.min() for _, heights in points] for points in soles.values()], axis=0)
    return Measures(
        {part: np.array(errors) for part, errors in position.items()},
        {name: np.array(errors) for name, errors in angle.items()},
        lowest,
        {ankle: slip(points, targets.fps) for ankle, points in soles.items()},
        near,
        np.abs(np.diff(joints, axis=0)) * targets.fps,
        places,
    )


def slip(soles: list[tuple[np.ndarray, np.ndarray]], fps: float) -> np.ndarray:
    """`[T - 1]` m/s of one sole: points `[P, 3]` m in the world and their heights `[P]` m, frame by frame."""
    points = np.stack([point for point, _ in soles])
    heights = np.stack([height for _, height in soles])
    speeds = np.linalg.norm(np.diff(points[..., :2], axis=0), axis=-1) * fps
    speeds[np.maximum(heights[1:], heights[:-1]) > TOUCHING] = np.inf
    slowest = speeds.min(axis=-1)
    return np.where(np.isinf(slowest), np.nan, slowest)
