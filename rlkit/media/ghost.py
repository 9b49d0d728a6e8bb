"""Where the reference of a task is, beside what follows it: the same shapes, translucent and in one colour.

A thing of several colours keeps them: by them one sees how it should be turned.
"""

# MuJoCo's bindings are compiled and ship no stubs
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

import copy
from typing import Any, Tuple

import mujoco
import numpy as np

RGBA = (0.15, 0.45, 1.0, 0.35)
_COLOURED = 0.8  # how opaque a thing is that keeps its colours: they should not mix
_PLAIN = (0.5, 0.5, 0.5, 1.0)  # the colour of a geom that names none
_SAME = 1e-4  # m, and of a quaternion's numbers: what is so near is not drawn twice, which would flicker


Poses = Tuple[np.ndarray, np.ndarray]
"""Of all bodies of a model: positions `[B, 3]` m and quaternions `[B, 4]` wxyz, body to world."""


def apart(here: Poses, there: Poses) -> np.ndarray:
    """Which bodies are not in the same place in both, `[B]` bool."""
    moved = np.abs(here[0] - there[0]).max(axis=-1) > _SAME
    turned = [np.abs(here[1] - sign * there[1]).max(axis=-1) > _SAME for sign in (1.0, -1.0)]
    return moved | (turned[0] & turned[1])


def ghost_rgba(model: Any) -> np.ndarray:
    """The colour of each geom's ghost, `[ngeom, 4]` red, green, blue, alpha in 0 to 1.

    RGBA; of a body on a free joint that nothing hangs on and whose geoms differ in colour their own.
    """
    colours = np.tile(np.array(RGBA), (model.ngeom, 1))
    for body in range(1, model.nbody):
        first, joint = model.body_geomadr[body], model.body_jntadr[body]
        own = model.geom_rgba[first : first + model.body_geomnum[body], :3]
        alone = joint >= 0 and model.jnt_type[joint] == mujoco.mjtJoint.mjJNT_FREE
        alone = alone and not (model.body_parentid == body).any()
        if alone and len(np.unique(own, axis=0)) > 1:
            colours[first : first + len(own), :3], colours[first : first + len(own), 3] = own, _COLOURED
    return colours


def _alpha(model: Any) -> np.ndarray:
    """How opaque each geom is: its own, of one without a colour its material's."""
    own, material = model.geom_rgba, model.geom_matid
    plain = (material >= 0) & (own == _PLAIN).all(axis=-1)
    return np.where(plain, np.append(model.mat_rgba[:, 3], 1.0)[material], own[:, 3])


class GhostGeoms:
    """Adds the ghost to scenes of one model (`mjvScene`)."""

    def __init__(self, model: Any) -> None:
        self._model = copy.copy(model)  # geoms take their colour from the model
        self._data = mujoco.MjData(self._model)
        self._model.geom_rgba[:], self._model.geom_matid[:] = ghost_rgba(model), -1
        alpha = 1.0 - (1.0 - self._model.geom_rgba[:, 3]) ** 0.5  # MuJoCo draws what is translucent twice
        self._alpha = np.where(_alpha(model) > 0, alpha, 0.0)
        self._option, self._perturb = mujoco.MjvOption(), mujoco.MjvPerturb()

    def add(self, scene: Any, data: Any, qpos: np.ndarray) -> None:
        """Add to an updated scene the geoms of every body that `qpos` `[nq]` has elsewhere than `data`."""
        model, own = self._model, self._data
        own.qpos[:] = qpos
        mujoco.mj_kinematics(model, own)
        drawn = apart((data.xpos, data.xquat), (own.xpos, own.xquat))[model.geom_bodyid]
        model.geom_rgba[:, 3] = np.where(drawn, self._alpha, 0.0)
        mujoco.mjv_addGeoms(
            model, own, self._option, self._perturb, int(mujoco.mjtCatBit.mjCAT_DYNAMIC), scene
        )
