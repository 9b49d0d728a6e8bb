"""Where the camera stands when nobody says: near enough that what moves fills the picture."""

# MuJoCo's bindings are compiled and ship no stubs
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

import itertools
from typing import Any, Optional, Sequence

import mujoco
import numpy as np

AZIMUTH, ELEVATION = 60.0, -18.0  # degrees: from behind to the right, a little above
_MARGIN = 1.35  # of room around what is framed
_ROAMING_MARGIN = 1.7  # around a robot that swings its limbs as it goes
_FOLLOW = 0.1  # share of the way to the robot that the camera makes up in a frame
_DRAWN_GROUPS = 3  # geom groups 0 to 2 are drawn, the rest are collision shapes
_CORNERS = np.array(list(itertools.product((-1.0, 1.0), repeat=3)))


class TrackingCamera:
    """Frames what can move as it stands in the first pose; goes along with a robot whose root is a free joint.

    `aspect`: width of the picture divided by its height.
    """

    def __init__(self, model: Any, aspect: float) -> None:
        self._model = model
        self._robot = floating_robot(model)
        self._geoms = _framed_geoms(model, self._robot)
        half = np.tan(np.radians(model.vis.global_.fovy) / 2.0)
        self._half_width, self._half_height = half * aspect, half
        self._camera = mujoco.MjvCamera()
        self._camera.azimuth, self._camera.elevation = AZIMUTH, ELEVATION
        self._offset: Optional[np.ndarray] = None  # m, from the robot to where the camera looks

    def aim(self, data: Any) -> Any:
        """The camera for this pose; its positions must be computed."""
        if self._offset is None:
            points = corners(self._model, data, self._geoms)
            centre = (points.min(axis=0) + points.max(axis=0)) / 2.0
            self._camera.lookat[:] = centre
            self._camera.distance = self._distance(points - centre)
            self._offset = centre - self._root(data)
        elif self._robot is not None:
            self._camera.lookat += _FOLLOW * (self._root(data) + self._offset - self._camera.lookat)
        return self._camera

    def _root(self, data: Any) -> np.ndarray:
        return np.zeros(3) if self._robot is None else data.xpos[self._robot].copy()

    def _distance(self, points: np.ndarray) -> float:
        """How far from the origin the camera must stand for `points` [P, 3] m to be in the picture."""
        azimuth, elevation = np.radians(AZIMUTH), np.radians(ELEVATION)
        flat = np.array([np.cos(azimuth), np.sin(azimuth), 0.0])
        forward = np.cos(elevation) * flat + np.array([0.0, 0.0, np.sin(elevation)])
        right = np.array([np.sin(azimuth), -np.cos(azimuth), 0.0])
        up = np.cross(right, forward)
        margin = _MARGIN if self._robot is None else _ROAMING_MARGIN
        wide = margin * np.abs(points @ right) / self._half_width
        high = margin * np.abs(points @ up) / self._half_height
        return float(np.max(np.maximum(wide, high) - points @ forward))


def floating_robot(model: Any) -> Optional[int]:
    """The body with a free joint that carries most other joints; None where only loose things float."""
    free = [
        int(model.jnt_bodyid[joint])
        for joint in range(model.njnt)
        if model.jnt_type[joint] == mujoco.mjtJoint.mjJNT_FREE
    ]
    carried = {body: int(np.sum(model.body_rootid[model.jnt_bodyid] == body)) - 1 for body in free}
    best = max(free, key=lambda body: carried[body], default=None)
    return best if best is not None and carried[best] > 0 else None


def _framed_geoms(model: Any, robot: Optional[int]) -> Sequence[int]:
    """Drawn geoms of the robot, else of all that can move, else of all; never planes, which may be endless."""
    drawn = [
        geom
        for geom in range(model.ngeom)
        if model.geom_type[geom] != mujoco.mjtGeom.mjGEOM_PLANE and model.geom_group[geom] < _DRAWN_GROUPS
    ]
    if robot is not None:
        chosen = [geom for geom in drawn if model.body_rootid[model.geom_bodyid[geom]] == robot]
    else:
        chosen = [geom for geom in drawn if model.body_weldid[model.geom_bodyid[geom]] != 0]
    return chosen or drawn


def corners(model: Any, data: Any, geoms: Sequence[int]) -> np.ndarray:
    """Corners [8 G, 3] m, world, of the geoms' own bounding boxes; a cube of 1 m where there are none."""
    if not geoms:
        return 0.5 * _CORNERS
    boxes = model.geom_aabb[geoms]  # [G, centre and half sizes] in the geom's frame
    local = boxes[:, None, :3] + _CORNERS * boxes[:, None, 3:]
    frames = data.geom_xmat[geoms].reshape(-1, 3, 3)
    world = np.einsum("gij,gpj->gpi", frames, local) + data.geom_xpos[geoms][:, None]
    return world.reshape(-1, 3)
