"""Damped least squares on MuJoCo's Jacobians, frame after frame."""

# MuJoCo's bindings are compiled and ship no stubs
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

from typing import Callable, Iterator

import numpy as np

from rlkit.motion.retargeting.figure import Figure
from rlkit.motion.retargeting.rows import Rows

DAMPING = 1e-3
FIRST = 200  # iterations of a first frame at most, which starts far away
_STILL = 1e-4  # m and rad: a smaller change of a pose is its last

Step = Callable[[], float]


def least_squares(figure: Figure, rows: Rows) -> Step:
    """One step of `figure.data.qpos` `[nq]` by (JᵀJ + λI)⁻¹Jᵀr, then back into the joints' limits; it gives the largest
    change, m or rad.

    Source: C. W. Wampler, Manipulator inverse kinematic solutions based on vector formulations and damped least-squares
    methods, 1986.
    """
    import mujoco

    model, data = figure.model, figure.data
    damping = DAMPING * np.eye(model.nv)

    def step() -> float:
        jacobian = rows.jacobian
        change = np.linalg.solve(jacobian.T @ jacobian + damping, jacobian.T @ rows.error)
        mujoco.mj_integratePos(model, data.qpos, change, 1.0)
        data.qpos[figure.joints] = np.clip(data.qpos[figure.joints], figure.low, figure.high)
        return float(np.abs(change).max())

    return step


def follow(
    figure: Figure, rows: Rows, step: Step, iterations: int, starts: np.ndarray | None = None
) -> Iterator[np.ndarray]:
    """`qpos` `[nq]` of each frame, from that of the frame before, or from `starts` `[T, nq]`: m and rad, the root as m
    in the world and wxyz, body to world.

    The first frame without `starts` begins with angles of zero where the pelvis should be.
    """
    data = figure.data
    for frame in range(len(rows.targets)):
        count = iterations
        if starts is not None:
            data.qpos[:] = starts[frame]
        elif frame == 0:
            _begin(figure, rows)
            count = FIRST
        for _ in range(count):
            rows.fill(frame)
            if step() < _STILL:
                break
        yield data.qpos.copy()


def _begin(figure: Figure, rows: Rows) -> None:
    import mujoco

    qpos = figure.zero.copy()
    turn = rows.targets.turn["pelvis"][0]
    qpos[figure.root : figure.root + 3] = rows.targets.pos["pelvis"][0]
    mujoco.mju_mat2Quat(qpos[figure.root + 3 : figure.root + 7], turn.ravel())
    figure.data.qpos[:] = qpos
