"""The same model as a plain Gymnasium env: what people run in an AsyncVectorEnv today. Imports no torch."""

# MuJoCo's bindings are compiled and ship no stubs
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

from typing import Any

import gymnasium
import mujoco
import numpy as np


class PlainEnv(gymnasium.Env):
    """One MjData in its own process; an action is the actuators' commands, the observation all sensors.

    model_file: a compiled model with the sensors to observe. start: the integration state that a reset returns to.
    """

    def __init__(self, model_file: str, integrator_steps: int, start: np.ndarray) -> None:
        self.model = mujoco.MjModel.from_binary_path(model_file)
        self.data = mujoco.MjData(self.model)
        self.integrator_steps, self.start = integrator_steps, start
        self.action_space = gymnasium.spaces.Box(-np.inf, np.inf, (self.model.nu,), np.float32)
        sensors = (self.model.nsensordata,)
        self.observation_space = gymnasium.spaces.Box(-np.inf, np.inf, sensors, np.float32)

    def reset(self, *, seed: int | None = None, options: dict | None = None) -> tuple[np.ndarray, dict]:
        super().reset(seed=seed)
        mujoco.mj_setState(self.model, self.data, self.start, int(mujoco.mjtState.mjSTATE_INTEGRATION))
        self._began = self.data.time
        return self.data.sensordata.astype(np.float32), {}

    @property
    def integrator_steps_done(self) -> int:
        """Since the reset, by the engine's own clock."""
        return round((self.data.time - self._began) / self.model.opt.timestep)

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        self.data.ctrl[:] = action
        mujoco.mj_step(self.model, self.data, nstep=self.integrator_steps)
        mujoco.mj_step1(self.model, self.data)  # fresh poses, as the simulator gives them
        return self.data.sensordata.astype(np.float32), 0.0, False, False, {}
