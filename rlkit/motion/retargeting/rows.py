"""The rows of one least squares problem a frame: what is wrong with a pose, and how joints change it."""

# MuJoCo's bindings are compiled and ship no stubs
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

import numpy as np

from rlkit.motion.retargeting.figure import Figure
from rlkit.motion.retargeting.parts import PARTS
from rlkit.motion.retargeting.targets import BONES, Targets


class Rows:
    """Weighted errors and their Jacobian by MuJoCo, of the pose in `figure.data`.

    jacobian: `[R, nv]`, of positions, directions, turns and the posture. error: `[R]`, what these should change by: m
    and rad in the world's frame, times the weights.
    """

    def __init__(self, figure: Figure, targets: Targets) -> None:
        self.figure, self.targets = figure, targets
        model, weights = figure.model, figure.map.weights
        bones = {bone: BONES[bone] for bone in targets.direction}
        ends = {part for start, end, _ in bones.values() for part in (start, end)}
        self.parts = [part for part in PARTS if part in targets.pos or part in targets.turn or part in ends]
        number = {part: index for index, part in enumerate(self.parts)}
        self._pos = [number[part] for part in targets.pos]
        self._turn = [number[part] for part in targets.turn]
        self._start = [number[start] for start, _, _ in bones.values()]
        self._end = [number[end] for _, end, _ in bones.values()]
        kinds = [part.split("_")[-1] for part in (*targets.pos, *targets.turn)]
        count = len(targets.pos)
        self._weights = np.array(
            [weights[f"{kind}_position"] for kind in kinds[:count]]
            + [weights[kind] for _, _, kind in bones.values()]
            + [weights[f"{kind}_turn"] for kind in kinds[count:]]
        )[:, None]
        # [P, T, 3]: the numbers of a frame lie side by side
        self._wanted_pos = np.stack(list(targets.pos.values()), axis=1)
        self._wanted_direction = np.stack(
            [*targets.direction.values()] or [np.zeros((len(targets), 3))], axis=1
        )
        self._wanted_turn = np.stack(
            [turn @ figure.rest[part] for part, turn in targets.turn.items()], axis=1
        )
        rows = 3 * len(self._weights)
        joints = model.jnt_dofadr[[model.joint(name).id for name in figure.robot.joints]]
        self.jacobian = np.zeros((rows + len(joints), model.nv))
        self.error = np.zeros(rows + len(joints))
        self._rows = rows
        self.jacobian[rows + np.arange(len(joints)), joints] = weights["posture"]
        self._posture = np.array([figure.map.posture.get(name, 0.0) for name in figure.robot.joints])
        self._posture = np.clip(self._posture, figure.low, figure.high)
        self._bodies = [figure.bodies[part] for part in self.parts]
        self._at = np.stack([figure.at[part] for part in self.parts])[..., None]
        self._places = np.zeros((len(self.parts), 3, model.nv))
        self._turns = np.zeros((len(self.parts), 3, model.nv))

    def fill(self, frame: int) -> None:
        """Set `jacobian` and `error` for the targets of a frame; kinematics of `figure.data` are up to date after."""
        import mujoco

        figure = self.figure
        model, data = figure.model, figure.data
        mujoco.mj_kinematics(model, data)
        mujoco.mj_comPos(model, data)
        turns = data.xmat[self._bodies].reshape(-1, 3, 3)
        places = data.xpos[self._bodies] + (turns @ self._at)[..., 0]
        for index, body in enumerate(self._bodies):
            mujoco.mj_jac(model, data, self._places[index], self._turns[index], places[index], body)
        bones = places[self._end] - places[self._start]
        lengths = np.linalg.norm(bones, axis=-1, keepdims=True)
        bones /= lengths
        swing = (self._places[self._end] - self._places[self._start]) / lengths[..., None]
        swing -= bones[..., None] * (bones[:, None, :] @ swing)
        # A direction is asked for across itself alone: of the difference to it, the part along it says nothing.
        wanted = self._wanted_direction[frame, : len(bones)]
        error = np.concatenate(
            (
                self._wanted_pos[frame] - places[self._pos],
                wanted - (wanted * bones).sum(axis=-1, keepdims=True) * bones,
                _turn_between(turns[self._turn], self._wanted_turn[frame]),
            )
        )
        jacobian = np.concatenate((self._places[self._pos], swing, self._turns[self._turn]))
        self.error[: self._rows] = (self._weights * error).ravel()
        self.jacobian[: self._rows] = (self._weights[..., None] * jacobian).reshape(self._rows, -1)
        posture = figure.map.weights["posture"]
        self.error[self._rows :] = posture * (self._posture - data.qpos[figure.joints])


def _turn_between(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Rotation vectors `[P, 3]` rad in the world that turn bodies `[P, 3, 3]` to others."""
    between = (second @ first.swapaxes(-1, -2)).reshape(-1, 9)
    sine = 0.5 * (between[:, [7, 2, 3]] - between[:, [5, 6, 1]])
    length = np.sqrt((sine * sine).sum(axis=-1))
    angle = np.arctan2(length, 0.5 * (between[:, [0, 4, 8]].sum(axis=-1) - 1.0))
    return sine * (angle / np.maximum(length, 1e-9))[:, None]
