"""The sensors of a robot's own file that a scene reads: which there are, and where their numbers stand."""

# MuJoCo's bindings are compiled and ship no stubs
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

from dataclasses import dataclass

import mujoco
import numpy as np

from rlkit.sims.api import SceneSpec, SimulatorError, check_known

_KINDS = mujoco.mjtSensor
# What follows from poses and velocities, without forces, contacts, tendons or rays
_KINEMATIC = {
    int(kind)
    for kind in (
        *(_KINDS.mjSENS_GYRO, _KINDS.mjSENS_VELOCIMETER, _KINDS.mjSENS_MAGNETOMETER),
        *(_KINDS.mjSENS_JOINTPOS, _KINDS.mjSENS_JOINTVEL, _KINDS.mjSENS_BALLQUAT, _KINDS.mjSENS_BALLANGVEL),
        *(_KINDS.mjSENS_FRAMEPOS, _KINDS.mjSENS_FRAMEQUAT, _KINDS.mjSENS_FRAMEXAXIS),
        *(_KINDS.mjSENS_FRAMEYAXIS, _KINDS.mjSENS_FRAMEZAXIS),
        *(_KINDS.mjSENS_FRAMELINVEL, _KINDS.mjSENS_FRAMEANGVEL),
    )
}
_CAMERA = int(mujoco.mjtObj.mjOBJ_CAMERA)
_CODE = (int(_KINDS.mjSENS_USER), int(_KINDS.mjSENS_PLUGIN))


@dataclass(frozen=True)
class Sensors:
    """Those that a scene lists.

    model: the physics, with these sensors and no others. columns: by name, of a row of all of them in the scene's
    order. places: `[width]` int64, where each number of the row stands in the model's sensordata. kinematic: whether
    poses and velocities decide them all, so that no forces need be computed.
    """

    model: mujoco.MjModel
    columns: dict[str, slice]
    places: np.ndarray
    kinematic: bool

    @property
    def width(self) -> int:
        """Numbers in a row."""
        return len(self.places)


def keep_sensors(source: mujoco.MjSpec, names: tuple[str, ...]) -> None:
    """Take all other sensors out of the model: what nobody reads need not be computed."""
    for sensor in [sensor for sensor in source.sensors if sensor.name not in names]:
        source.delete(sensor)


def check_sensors(spec: SceneSpec, source: mujoco.MjSpec) -> bool:
    """Whether the scene's sensors are all kinematic; raises SimulatorError for one that cannot be read."""
    known = {sensor.name: sensor for sensor in source.sensors if sensor.name}
    check_known("sensor", spec.sensors, list(known))
    for name in spec.sensors:
        if int(known[name].type) in _CODE:
            raise SimulatorError(f"sensor '{name}' is computed by code beside the model, which is not run")
        if known[name].nsample:
            raise SimulatorError(
                f"sensor '{name}' keeps samples of the past (nsample), and a task reads those of this moment"
            )
    return all(map(_is_kinematic, (known[name] for name in spec.sensors)))


def _is_kinematic(sensor: mujoco.MjsSensor) -> bool:
    """Cameras are placed with the forces' stages by the engines that are not MuJoCo's own."""
    return int(sensor.type) in _KINEMATIC and _CAMERA not in (int(sensor.objtype), int(sensor.reftype))


def read_sensors(model: mujoco.MjModel, spec: SceneSpec, kinematic: bool) -> Sensors:
    """Where the scene's sensors stand in a model that `keep_sensors` has left them in."""
    columns, places = {}, []
    for name in spec.sensors:
        k = model.sensor(name).id
        first, dim = int(model.sensor_adr[k]), int(model.sensor_dim[k])
        columns[name] = slice(len(places), len(places) + dim)
        places += range(first, first + dim)
    return Sensors(model, columns, np.array(places, np.int64), kinematic)


def rest_ctrl(spec: SceneSpec, model: mujoco.MjModel) -> np.ndarray:
    """`[actuators]` in the model's order, float32: the controls of the scene's start, zero where it has none."""
    given = dict(zip(spec.actuators, spec.start.ctrl)) if spec.start is not None else {}
    return np.array([given.get(model.actuator(k).name, 0.0) for k in range(model.nu)], np.float32)
