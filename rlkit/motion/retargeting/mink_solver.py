"""The same least squares problem by mink, whose quadratic program knows the joints' limits."""

from __future__ import annotations

from typing import Any

import numpy as np

from rlkit.motion.errors import MotionError
from rlkit.motion.retargeting.figure import Figure
from rlkit.motion.retargeting.rows import Rows
from rlkit.motion.retargeting.solver import DAMPING, Step

_INSIDE = 1e-4  # rad from a limit; without it mink oversteps limits


def mink_step(figure: Figure, rows: Rows) -> Step:
    """One step of `figure.data.qpos` `[nq]` by mink and daqp. Raises MotionError where they are not installed."""
    try:
        import mink  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        raise MotionError(
            f"solver=mink needs mink and daqp ({error}); pip install 'rlkit-robotics[retarget]' brings them, on Python"
            " 3.10 and newer; rlkit's own solver needs neither"
        ) from error

    class Problem(mink.Task):
        """Rows as a task of mink, which wants J Δq = -error."""

        def compute_error(self, configuration: Any) -> np.ndarray:
            return -rows.error

        def compute_jacobian(self, configuration: Any) -> np.ndarray:
            return rows.jacobian

    configuration = mink.Configuration(figure.model)
    task = Problem(cost=np.ones(len(rows.error)))
    limits = [mink.ConfigurationLimit(figure.model, min_distance_from_limits=_INSIDE)]

    def step() -> float:
        data = figure.data
        configuration.update(data.qpos)
        velocity = mink.solve_ik(configuration, [task], dt=1.0, solver="daqp", damping=DAMPING, limits=limits)
        configuration.integrate_inplace(velocity, 1.0)
        data.qpos[:] = configuration.q
        data.qpos[figure.joints] = np.clip(data.qpos[figure.joints], figure.low, figure.high)
        return float(np.abs(velocity).max())

    return step
