"""Shadows on the ground, as flat dark copies of what moves: how high a thing is shows at hardly any cost.

MuJoCo's own shadow maps draw the scene once more for each light, and cost more than all else together on a CPU.
"""

# MuJoCo's bindings are compiled and ship no stubs
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

from typing import Any

import mujoco
import numpy as np

# Where the light goes: steep, so that a shadow lies near what throws it.
_LIGHT = np.array([-0.15, 0.2, -1.0])
_DARK = np.array([0.4, 0.41, 0.43, 1.0], np.float32)  # opaque: blended ones add up to black
_ABOVE = 1e-3  # m: shadows lie so high over the ground, or they flicker in it
_THICKNESS = 1e-3  # share of its height that a shadow keeps: none at all has no surface to draw


class GroundShadows:
    """Adds shadows to scenes of one model; nothing where it has no level ground."""

    def __init__(self, model: Any) -> None:
        self._height = _ground_height(model)
        self._flat = np.eye(3)
        self._flat[:, 2] -= _LIGHT / _LIGHT[2]
        self._flat[2, 2] = _THICKNESS

    def add(self, scene: Any) -> None:
        """Add to an updated scene the shadow of every solid geom that moves and is over the ground."""
        if self._height is None:
            return
        ground = np.array([0.0, 0.0, self._height])
        for geom in scene.geoms[: scene.ngeom]:
            if scene.ngeom == scene.maxgeom:
                return
            if not _throws_shadow(geom) or geom.pos[2] < self._height:
                continue
            place = ground + self._flat @ (geom.pos - ground) + [0.0, 0.0, _ABOVE]
            shadow = scene.geoms[scene.ngeom]
            mujoco.mjv_initGeom(shadow, geom.type, np.ones(3), place, (self._flat @ geom.mat).ravel(), _DARK)
            shadow.size[:], shadow.dataid = geom.size, geom.dataid
            shadow.category = mujoco.mjtCatBit.mjCAT_DECOR
            shadow.specular = shadow.shininess = shadow.reflectance = 0.0
            scene.ngeom += 1


def _throws_shadow(geom: Any) -> bool:
    solid = geom.objtype == mujoco.mjtObj.mjOBJ_GEOM and geom.rgba[3] == 1.0
    return (
        solid and geom.category == mujoco.mjtCatBit.mjCAT_DYNAMIC and geom.type != mujoco.mjtGeom.mjGEOM_PLANE
    )


def _ground_height(model: Any) -> float | None:
    """Where the highest level plane of the world lies [m, world]; None where there is none."""
    planes = (model.geom_type == mujoco.mjtGeom.mjGEOM_PLANE) & (model.geom_bodyid == 0)
    level = [int(geom) for geom in np.flatnonzero(planes) if not model.geom_quat[geom, 1:3].any()]
    return max((float(model.geom_pos[geom, 2]) for geom in level), default=None)
