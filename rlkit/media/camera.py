"""Where the camera stands when nobody says: near enough that what moves fills the picture, and with it."""

# MuJoCo's bindings are compiled and ship no stubs
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

import itertools
from typing import Any, Sequence

import mujoco
import numpy as np

AZIMUTH, ELEVATION = 60.0, -18.0  # degrees: from behind to the right, a little above
_MARGIN = 1.4  # of room around what is framed
_SLACK = 0.3  # of the first pose's radius: so far may the middle wander before the camera goes along
_FOLLOW = 0.2  # share of the way beyond the slack that the camera makes up in a frame
_STRAY = 8.0  # times the first pose's radius: the camera does not stand farther away
_DRAWN_GROUPS = 3  # geom groups 0 to 2 are drawn, the rest are collision shapes
_CORNERS = np.array(list(itertools.product((-1.0, 1.0), repeat=3)))


class TrackingCamera:
    """Keeps what moves in the middle: still while it moves a little, gently along with it when it goes farther.

    `aspect`: width of the picture divided by its height. How far away it stands depends on the poses included
    before the first `aim`; without any, on that first one.
    """

    def __init__(self, model: Any, aspect: float) -> None:
        self._model, self._geoms = model, framed_geoms(model)
        half = np.tan(np.radians(model.vis.global_.fovy) / 2.0)
        self._half_width, self._half_height = half * aspect, half
        self._camera = mujoco.MjvCamera()
        self._camera.azimuth, self._camera.elevation = AZIMUTH, ELEVATION
        self._slack = self._distance = 0.0  # m
        self._aimed = False

    def include(self, data: Any) -> None:
        """Step back as far as this pose needs; its positions must be computed."""
        points, centre = self._seen(data)
        radius = float(np.linalg.norm(points - centre, axis=1).max())
        # What strays (a ball kicked away) may leave the picture, so that the rest does not shrink to dots.
        farthest = _STRAY * self._slack / _SLACK if self._slack else np.inf
        self._distance = max(self._distance, min(self._needed(points - centre), farthest))
        self._slack = self._slack or _SLACK * radius

    def aim(self, data: Any) -> Any:
        """The camera for this pose; its positions must be computed."""
        _, centre = self._seen(data)
        if not self._aimed:
            if not self._distance:
                self.include(data)
            self._camera.lookat[:], self._camera.distance = centre, self._distance
            self._aimed = True
        gap = centre - self._camera.lookat
        beyond = max(0.0, 1.0 - self._slack / max(float(np.linalg.norm(gap)), 1e-9))
        self._camera.lookat += _FOLLOW * beyond * gap
        return self._camera

    def _seen(self, data: Any) -> tuple[np.ndarray, np.ndarray]:
        points = corners(self._model, data, self._geoms)
        return points, (points.min(axis=0) + points.max(axis=0)) / 2.0

    def _needed(self, points: np.ndarray) -> float:
        """How far from the origin the camera must stand for `points` [P, 3] m to be in the picture."""
        azimuth, elevation = np.radians(AZIMUTH), np.radians(ELEVATION)
        flat = np.array([np.cos(azimuth), np.sin(azimuth), 0.0])
        forward = np.cos(elevation) * flat + np.array([0.0, 0.0, np.sin(elevation)])
        right = np.array([np.sin(azimuth), -np.cos(azimuth), 0.0])
        up = np.cross(right, forward)
        wide = _MARGIN * np.abs(points @ right) / self._half_width
        high = _MARGIN * np.abs(points @ up) / self._half_height
        return float(np.max(np.maximum(wide, high) - points @ forward))


def floating_robot(model: Any) -> int | None:
    """The body with a free joint that carries most other joints; None where only loose things float."""
    free = [
        int(model.jnt_bodyid[joint])
        for joint in range(model.njnt)
        if model.jnt_type[joint] == mujoco.mjtJoint.mjJNT_FREE
    ]
    carried = {body: int(np.sum(model.body_rootid[model.jnt_bodyid] == body)) - 1 for body in free}
    best = max(free, key=lambda body: carried[body], default=None)
    return best if best is not None and carried[best] > 0 else None


def framed_geoms(model: Any) -> Sequence[int]:
    """Drawn geoms of a floating robot, else of all that can move, else of all; never planes, which may be endless."""
    drawn = [
        geom
        for geom in range(model.ngeom)
        if model.geom_type[geom] != mujoco.mjtGeom.mjGEOM_PLANE and model.geom_group[geom] < _DRAWN_GROUPS
    ]
    robot = floating_robot(model)
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
