"""A scene moved at random by MuJoCo's own engine: how many contacts an engine with fixed buffers needs room for."""

# MuJoCo's bindings are compiled and ship no stubs
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

from typing import Iterator

import mujoco
import numpy as np

_EPISODES, _STEPS, _HELD = 8, 150, 10


def random_motion(model: mujoco.MjModel) -> Iterator[tuple[mujoco.MjData, bool]]:
    """The data after each of 8 times 150 steps from the initial state, and whether the controls were drawn for it.

    Controls are uniform in their range, held for 10 steps; always the same ones.
    """
    random, data = np.random.default_rng(0), mujoco.MjData(model)
    low, high = np.where(model.actuator_ctrllimited[:, None] != 0, model.actuator_ctrlrange, (-1.0, 1.0)).T
    for _ in range(_EPISODES):
        mujoco.mj_resetData(model, data)
        for step in range(_STEPS):
            drawn = step % _HELD == 0
            if drawn:
                data.ctrl[:] = random.uniform(low, high)
            mujoco.mj_step(model, data)
            yield data, drawn
