"""The sensors of a robot's own file, at the state that the simulation has reached."""

# MuJoCo's bindings are compiled and ship no stubs
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

import mujoco
import mujoco_warp as mjw
import numpy as np
import torch
import warp as wp
from torch import Tensor

from rlkit.sims.mjmodel.sensors import Sensors
from rlkit.sims.warp import kernels

NO_SENSORS = int(mujoco.mjtDisableBit.mjDSBL_SENSOR)


class SensorReader:
    """The sensors that a scene lists, in every world; launched after the motion, whose kinematics they need.

    The model has its sensors switched off but while they are read: once a step, not in every substep.

    values: `[N, width]`, persistent; `views` are its parts by the sensors' names.
    """

    def __init__(
        self, model: mjw.Model, data: mjw.Data, sensors: Sensors | None, device: torch.device
    ) -> None:
        self._model, self._data, self._sensors = model, data, sensors
        self.values = torch.zeros(data.nworld, 0 if sensors is None else sensors.width, device=device)
        self.views: dict[str, Tensor] = {}
        if sensors is None:
            return
        self.views = {name: self.values[:, columns] for name, columns in sensors.columns.items()}
        with wp.ScopedDevice(wp.device_from_torch(device)):
            self._places = wp.array(sensors.places.astype(np.int32), dtype=int)
        self._out = wp.from_torch(self.values)

    def launch(self, chosen: Tensor) -> None:
        """Launch the kernels that bring `values` up to date in the worlds `chosen` (`[N]` bool).

        What depends on forces takes the controls and outer forces that the worlds have now. The next step does not
        notice: it starts from positions, velocities and warm starts, which stay.
        """
        if self._sensors is None:
            return
        m, d = self._model, self._data
        m.opt.disableflags &= ~NO_SENSORS
        if self._sensors.kinematic:
            mjw.sensor_pos(m, d)
            mjw.sensor_vel(m, d)
        else:
            mjw.forward(m, d)
        m.opt.disableflags |= NO_SENSORS
        wp.launch(
            kernels.read_sensors,
            dim=self.values.shape,
            inputs=[self._places, wp.from_torch(chosen), d.sensordata],
            outputs=[self._out],
        )
