"""How many contacts to keep room for in one env: MJX computes every place, whether a contact is there or not."""

# MuJoCo's bindings are compiled and ship no stubs
# pyright: reportMissingImports=false, reportAttributeAccessIssue=false

from __future__ import annotations

import math

import numpy as np

from rlkit.sims.api import SimulatorError
from rlkit.sims.mjmodel.trial import random_motion

import mujoco  # isort: skip
from mujoco.mjx._src.collision_driver import geom_pairs, has_collision_fn, make_condim  # isort: skip
from mujoco.mjx._src.types import GeomType  # isort: skip

_SMALL = 24  # contact points: up to here every candidate has its place


def room_for(model: mujoco.MjModel, max_contacts: int) -> int:
    """Contact points of each friction dimension to keep, the deepest ones; 0: all candidates.

    max_contacts: what the user asks for, 0: as the scene needs, which is twice what a trial of random controls in
    MuJoCo's own engine sees, and at least 24. Raises SimulatorError for geoms that MJX cannot collide.
    """
    _check_pairs(model)
    dims = make_condim(model)
    most = max((int(np.count_nonzero(dims == dim)) for dim in np.unique(dims)), default=0)
    if not max_contacts and most > _SMALL:
        max_contacts = max(_SMALL, 8 * math.ceil(2 * _trial(model) / 8))
    return max_contacts if max_contacts < most else 0


def _check_pairs(model: mujoco.MjModel) -> None:
    for pair in geom_pairs(model):
        kinds = [GeomType(int(model.geom_type[geom])) for geom in pair[:2]]
        if GeomType.HFIELD in kinds:
            raise SimulatorError(
                "sim=mjx: nobody has tested that what lies on a height field rests there; use sim=mujoco or sim=warp"
            )
        if not has_collision_fn(kinds[0], kinds[1]):
            words = [kind.name.lower() for kind in kinds]
            names = [model.geom(geom).name or model.body(model.geom_bodyid[geom]).name for geom in pair[:2]]
            raise SimulatorError(
                f"MJX cannot collide a {words[0]} with a {words[1]} ('{names[0]}' and '{names[1]}'): use sim=mujoco,"
                " or spheres, capsules and boxes"
            )


def _trial(model: mujoco.MjModel) -> int:
    """The most contact points while MuJoCo moves the scene with random controls."""
    return max(data.ncon for data, _ in random_motion(model))
