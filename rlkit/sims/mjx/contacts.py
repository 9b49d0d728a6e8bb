"""The forces of contacts as the seam asks for them, from MJX's constraint forces.

MJX has no contact sensors that tell bodies apart, so they are computed here.
"""

# pyright: reportMissingImports=false, reportAttributeAccessIssue=false

from __future__ import annotations

from typing import Any, Sequence

import numpy as np

from rlkit.sims.api import ContactSensor
from rlkit.sims.mjmodel.checks import subtree
from rlkit.sims.mjx.start import jax

import mujoco  # isort: skip

_ELLIPTIC = int(mujoco.mjtCone.mjCONE_ELLIPTIC)


class ContactReader:
    """Number of contact points and net force (N, world) of each sensor, `[sensors, 4]`, of one env.

    Two tables say for each sensor and geom whether the geom belongs to the body that feels the force, and whether to
    one that may cause it.
    """

    def __init__(self, model: mujoco.MjModel, sensors: Sequence[ContactSensor]) -> None:
        bodies = np.asarray(model.geom_bodyid)
        self._feels = np.zeros((len(sensors), model.ngeom), bool)
        self._causes = np.ones((len(sensors), model.ngeom), bool)
        for row, sensor in enumerate(sensors):
            body = model.body(sensor.body).id
            self._feels[row] = np.isin(bodies, subtree(model, body)) if sensor.subtree else bodies == body
            if sensor.other is not None:
                self._causes[row] = bodies == model.body(sensor.other).id
        self._elliptic = int(model.opt.cone) == _ELLIPTIC

    def __call__(self, d: Any) -> jax.Array:
        """Read the contacts of one env after a step."""
        if not len(self._feels) or not d._impl.ncon:
            return jax.numpy.zeros((len(self._feels), 4))
        contact = d._impl.contact
        force = self._world_forces(contact, d._impl.efc_force)
        feels, causes = jax.numpy.asarray(self._feels), jax.numpy.asarray(self._causes)
        first, second = contact.geom[:, 0], contact.geom[:, 1]
        # a force acts on the second geom, its reaction on the first; where both match, MuJoCo takes the second
        on_second = feels[:, second] & causes[:, first]
        on_first = feels[:, first] & causes[:, second] & ~on_second
        touching = active_contacts(d)
        sign = (on_second * 1.0 - on_first * 1.0) * touching
        return jax.numpy.concatenate((jax.numpy.abs(sign).sum(1, keepdims=True), sign @ force), axis=1)

    def _world_forces(self, contact: Any, rows: jax.Array) -> jax.Array:
        """`[contacts, 3]` N, world: the force on each contact's second geom, from the constraint forces `rows`."""
        dims, address = np.asarray(contact.dim), np.asarray(contact.efc_address)
        forces = []
        for dim in np.unique(dims).tolist():  # MJX keeps the contacts sorted by their dimension
            places = np.nonzero(dims == dim)[0]
            size = dim if self._elliptic or dim == 1 else 2 * (dim - 1)
            start = int(address[places[0]])
            block = rows[start : start + size * len(places)].reshape(len(places), size)
            friction = contact.friction[places[0] : places[-1] + 1]
            forces.append(block[:, :3] if size == dim else _from_pyramid(block, friction))
        padded = [jax.numpy.pad(force, ((0, 0), (0, 3 - force.shape[1]))) for force in forces]
        return jax.numpy.einsum("ck,ckx->cx", jax.numpy.concatenate(padded), contact.frame)


def active_contacts(d: Any) -> jax.Array:
    """`[contacts]` bool: those that touch; MJX keeps a place for every pair of geoms that could."""
    return d._impl.contact.dist < d._impl.contact.includemargin


def _from_pyramid(edges: jax.Array, friction: jax.Array) -> jax.Array:
    """Normal and two tangential forces, `[contacts, 3]`, from those along a pyramid's edges n + mu t, n - mu t, ..."""
    return jax.numpy.stack(
        (
            edges.sum(axis=1),
            friction[:, 0] * (edges[:, 0] - edges[:, 1]),
            friction[:, 1] * (edges[:, 2] - edges[:, 3]),
        ),
        axis=1,
    )
