"""How many contacts and constraint rows to reserve for one env: Warp's buffers have a fixed size."""

# MuJoCo's bindings are compiled and ship no stubs
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

import math
from dataclasses import dataclass

import mujoco
import numpy as np

from rlkit.sims.mjmodel.trial import random_motion

_SMALL = 64  # contact points: up to here the upper bound is reserved
_MANY = 8
_GEOM = mujoco.mjtGeom
# At most, of pairs with a formula of their own; the general algorithm makes up to `_MANY` of all others
_POINTS = {
    (_GEOM.mjGEOM_PLANE, _GEOM.mjGEOM_SPHERE): 1,
    (_GEOM.mjGEOM_PLANE, _GEOM.mjGEOM_CAPSULE): 2,
    (_GEOM.mjGEOM_PLANE, _GEOM.mjGEOM_ELLIPSOID): 1,
    (_GEOM.mjGEOM_PLANE, _GEOM.mjGEOM_CYLINDER): 4,
    (_GEOM.mjGEOM_PLANE, _GEOM.mjGEOM_BOX): 4,
    (_GEOM.mjGEOM_PLANE, _GEOM.mjGEOM_MESH): 4,
    (_GEOM.mjGEOM_SPHERE, _GEOM.mjGEOM_SPHERE): 1,
    (_GEOM.mjGEOM_SPHERE, _GEOM.mjGEOM_CAPSULE): 1,
    (_GEOM.mjGEOM_SPHERE, _GEOM.mjGEOM_CYLINDER): 1,
    (_GEOM.mjGEOM_SPHERE, _GEOM.mjGEOM_BOX): 1,
    (_GEOM.mjGEOM_CAPSULE, _GEOM.mjGEOM_CAPSULE): 2,
    (_GEOM.mjGEOM_CAPSULE, _GEOM.mjGEOM_BOX): 2,
}


@dataclass(frozen=True)
class Room:
    """Of one env: contact points, or pairs of geoms that come close; rows of constraints.

    convex_pairs: those of the pairs that need the general algorithm, which takes 2 KB of scratch for each.
    """

    contacts: int
    rows: int
    convex_pairs: int


def room_for(model: mujoco.MjModel, pairs: np.ndarray, max_contacts: int) -> Room:
    """Room for every contact that the scene can have, or for twice those seen in a trial if that is a lot.

    pairs: `[n, 2]` geoms that may touch. max_contacts: points in one env, 0: chosen here.
    """
    bound = sum(_POINTS.get(_kinds(model, *pair), _MANY) for pair in pairs)
    if max_contacts:
        contacts = max_contacts
    elif bound <= _SMALL:
        contacts = bound
    else:
        contacts = min(bound, max(_SMALL, 2 * _trial(model, pairs)))
    rows = _fixed_rows(model) + contacts * _rows_of_a_contact(model)
    convex = sum(_kinds(model, *pair) not in _POINTS for pair in pairs)
    # the solver works on tiles of 16 rows
    return Room(contacts, max(16, math.ceil(rows / 16) * 16), min(convex, contacts))


def _kinds(model: mujoco.MjModel, geom1: int, geom2: int) -> tuple[mujoco.mjtGeom, mujoco.mjtGeom]:
    first, second = sorted((int(model.geom_type[geom1]), int(model.geom_type[geom2])))
    return _GEOM(first), _GEOM(second)


def _rows_of_a_contact(model: mujoco.MjModel) -> int:
    dim = max([1, *model.geom_condim, *model.pair_dim])
    return int(dim) if model.opt.cone == int(mujoco.mjtCone.mjCONE_ELLIPTIC) else max(1, 2 * (int(dim) - 1))


def _fixed_rows(model: mujoco.MjModel) -> int:
    """Rows of all friction losses, limits and equalities, were they all active.

    Also a friction loss that is zero in the model has its row: an env may have another one.
    """
    friction = model.nv + model.ntendon
    limits = np.count_nonzero(model.jnt_limited) + np.count_nonzero(model.tendon_limited)
    return int(friction + limits + 6 * model.neq)


def _trial(model: mujoco.MjModel, pairs: np.ndarray) -> int:
    """The most contact points, or pairs that come close, while MuJoCo's own engine moves the scene at random."""
    most = 0
    for data, drawn in random_motion(model):
        most = max(most, data.ncon, _close_pairs(model, data, pairs) if drawn else 0)
    return most


def _close_pairs(model: mujoco.MjModel, data: mujoco.MjData, pairs: np.ndarray) -> int:
    """Pairs whose bounding spheres overlap; a plane is close to what its bounding sphere reaches."""
    first, second = pairs.T
    radius = model.geom_rbound + model.geom_margin
    apart = np.linalg.norm(data.geom_xpos[first] - data.geom_xpos[second], axis=1)
    for this, other in ((first, second), (second, first)):
        normal = data.geom_xmat[this].reshape(-1, 3, 3)[:, :, 2]
        height = np.einsum("ij,ij->i", data.geom_xpos[other] - data.geom_xpos[this], normal)
        apart = np.where(model.geom_type[this] == int(_GEOM.mjGEOM_PLANE), height, apart)
    return int(np.count_nonzero(apart <= radius[first] + radius[second]))
