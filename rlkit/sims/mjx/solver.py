"""Two parts of MJX's constraint solver in a form that costs less, for the same numbers.

MJX writes the Hessian of elliptic cones as `J' C J` with a dense matrix C of all constraint rows, filled contact by
contact: with 132 contacts that is 1.2 MB written 132 times in each iteration of each env. C has blocks of a contact's
size on its diagonal and zeros elsewhere. And its line search runs all of its iterations, the last ones on hold, so
that gradients can flow back through it; nobody asks for these here.
"""

# pyright: reportMissingImports=false

from __future__ import annotations

import contextlib
from typing import Any, Callable, Iterator

import numpy as np

from rlkit.sims.mjx.start import jax

from mujoco.mjx._src import solver, support  # isort: skip
from mujoco.mjx._src.types import ConeType, SolverType  # isort: skip


@contextlib.contextmanager
def lean_solver() -> Iterator[None]:
    """While a program is traced in here, MJX's solver takes the two parts from this module."""
    names = {"_update_gradient": _gradient(solver._update_gradient), "_while_loop_scan": _while_loop}
    theirs = {name: getattr(solver, name) for name in names}
    for name, ours in names.items():
        setattr(solver, name, ours)
    try:
        yield
    finally:
        for name, own in theirs.items():
            setattr(solver, name, own)


def _while_loop(again: Callable, body: Callable, start: Any, limit: Any) -> Any:
    """Stops when every env has stopped; `again` knows the limit."""
    del limit
    return jax.lax.while_loop(again, body, start)


def _gradient(theirs: Callable) -> Callable:
    """MJX's gradient of the cost and the Newton step that it gives, with the cones' Hessians block by block."""

    def update(m: Any, d: Any, ctx: Any) -> Any:
        if m.opt.cone != ConeType.ELLIPTIC or m.opt.solver != SolverType.NEWTON:
            return theirs(m, d, ctx)
        gradient = ctx.Ma - d.qfrc_smooth - ctx.qfrc_constraint
        jacobian = d._impl.efc_J
        weighted = jacobian * (d._impl.efc_D * ctx.active)[:, None]
        for rows, cones, size in _cones(d._impl.contact):
            blocks = ctx.h[cones, :size, :size] @ jacobian[rows].reshape(-1, size, m.nv)
            weighted = weighted.at[rows].add(blocks.reshape(-1, m.nv))
        hessian = support.full_m(m, d) + jacobian.T @ weighted
        factor = jax.scipy.linalg.cho_factor((hessian + hessian.T) * 0.5)
        return ctx.replace(grad=gradient, Mgrad=jax.scipy.linalg.cho_solve(factor, gradient))

    return update


def _cones(contact: Any) -> Iterator[tuple[slice, slice, int]]:
    """Constraint rows, places among the contacts with friction, and rows a contact, for each number of these."""
    frictional = np.asarray(contact.dim) > 1
    sizes, address = np.asarray(contact.dim)[frictional], np.asarray(contact.efc_address)[frictional]
    for size in np.unique(sizes).tolist():
        places = np.nonzero(sizes == size)[0]
        first, count = int(address[places[0]]), len(places)
        yield slice(first, first + count * size), slice(int(places[0]), int(places[0]) + count), size
