"""The sensors of a robot's own file, at the state that the physics has reached."""

# MuJoCo's bindings are compiled and ship no stubs
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

import contextlib

import numpy as np
import torch
from mujoco import batch
from torch import Tensor

from rlkit.sims.api import SceneSpec
from rlkit.sims.mjmodel.scene import Scene
from rlkit.sims.mjmodel.sensors import rest_ctrl
from rlkit.sims.mujoco.motion import MotionReader


class SensorReader:
    """The sensors that a scene lists, in every env.

    Kinematic ones are evaluated with the poses. For the others a batch of its own computes the forces at the new
    state, once a call: the physics goes on as if nobody had looked.

    values: `[N, width]`, persistent; `views` are its parts by the sensors' names.
    """

    def __init__(self, scene: Scene, spec: SceneSpec, physics: batch.Batch, motion: MotionReader) -> None:
        sensors = scene.sensors
        self.values = torch.zeros(physics.nsim, 0 if sensors is None else sensors.width)
        self.views: dict[str, Tensor] = {}
        self._forces: batch.Batch | None = None
        if sensors is None:
            return
        self.views = {name: self.values[:, columns] for name, columns in sensors.columns.items()}
        self._places, self._out = sensors.places, self.values.numpy()
        self._source = motion.sensors
        if not sensors.kinematic:
            self._forces = batch.Batch(sensors.model, physics.nsim, nthread=physics.nthread)
            self._source: np.ndarray = self._forces.bind("sensordata")
            self._ctrl: np.ndarray = self._forces.bind("ctrl")
            self._state: tuple[np.ndarray, np.ndarray] = (self._forces.state, physics.state)  # mine, theirs
            self._rest = rest_ctrl(spec, sensors.model)

    def refresh(self, env_ids: np.ndarray | None = None) -> None:
        """Bring `values` up to date in all envs, after a step; or in `env_ids` ([k], sorted), at rest after a reset."""
        if not self.views:
            return
        rows = slice(None) if env_ids is None else env_ids
        if self._forces is not None:
            mine, theirs = self._state
            mine[rows] = theirs[rows]
            if env_ids is not None:
                self._ctrl[env_ids] = self._rest
            with contextlib.suppress(batch.SimulationError):  # of envs that are unstable
                self._forces.forward(env_ids)
        with np.errstate(over="ignore", invalid="ignore"):  # an unstable env may not fit into float32
            self._out[rows] = self._source[rows][:, self._places]

    def expand(self, field: str) -> np.ndarray | None:
        """Per-env values of a model field, `[N, ...]`, live; None where none are needed."""
        return None if self._forces is None else self._forces.expand(field)

    def set_const(self, env_ids: np.ndarray) -> None:
        """Recompute what the engine derives from written model fields, in `env_ids` ([k], sorted)."""
        if self._forces is not None:
            self._forces.set_const(env_ids)
