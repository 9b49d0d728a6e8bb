"""Fresh poses and velocities of every env, from the joint state alone."""

# MuJoCo's bindings are compiled and ship no stubs
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

import mujoco
import numpy as np
from mujoco import batch

_VELOCITY_STAGE = int(mujoco.mjtStage.mjSTAGE_VEL)


class MotionReader:
    """Evaluates the pose and velocity sensors of a scene at the state that a physics batch has reached.

    After `Batch.step` MuJoCo's derived quantities and sensors belong to the state one integrator step ago.
    Its own cure (`stage=mjSTAGE_VEL`) repeats collision detection and the constraint rows, which poses do not
    need, and evaluates these sensors in every integrator step. This second batch runs the same kinematics, to
    the same bits, without contacts, once per call: faster, see docs/simulators.md for the measurements.
    """

    def __init__(self, model: mujoco.MjModel, physics: batch.Batch) -> None:
        self._batch = batch.Batch(model, physics.nsim, nthread=physics.nthread)
        self.sensors: np.ndarray = self._batch.bind("sensordata")
        self._inputs = [(self._batch.bind(name), physics.bind(name)) for name in ("qpos", "qvel")]

    def refresh(self, env_ids: np.ndarray | None = None) -> None:
        """Bring `sensors` up to date, in all envs or in `env_ids` ([k], sorted)."""
        for mine, theirs in self._inputs:
            np.copyto(mine, theirs)
        self._batch.forward(env_ids, stage=_VELOCITY_STAGE)

    def expand(self, field: str) -> np.ndarray:
        """Per-env values of a model field, `[N, ...]`, live."""
        return self._batch.expand(field)

    def set_const(self, env_ids: np.ndarray) -> None:
        """Recompute what the engine derives from written model fields, in `env_ids` ([k], sorted)."""
        self._batch.set_const(env_ids)
