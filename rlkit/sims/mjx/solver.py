"""Three parts of MJX as we take them: two of its constraint solver that cost less, one of its integrator as in MuJoCo.

MJX writes the Hessian of elliptic cones as `J' C J` with a dense matrix C of all constraint rows, filled contact by
contact: with 132 contacts that is 1.2 MB written 132 times in each iteration of each env. C has blocks of a contact's
size on its diagonal and zeros elsewhere. And its line search runs all of its iterations, the last ones on hold, so
that gradients can flow back through it; nobody asks for these here. On a GPU it stays, as a loop of
unknown length asks the host there before each turn.

Its `implicitfast` lets the damping of a servo act on while the servo is at its force limit. MuJoCo leaves it out there
(`mjd_actuator_vel`), and so do we: else the H1 with random actions is off by 0.1 rad after 0.2 s.
"""

# pyright: reportMissingImports=false

from __future__ import annotations

import contextlib
from typing import Any, Callable, Iterator

import numpy as np

from rlkit.sims.mjx.start import jax

from mujoco.mjx._src import derivative, solver, support  # isort: skip
from mujoco.mjx._src.types import ConeType, SolverType  # isort: skip

_BY_VELOCITY = 2  # column of biasprm and gainprm


@contextlib.contextmanager
def mended(on_cpu: bool) -> Iterator[None]:
    """While a program is traced in here, MJX takes the three parts from this module; its line search on a CPU alone."""
    ours = [
        (solver, "_update_gradient", _gradient(solver._update_gradient)),
        (derivative, "deriv_smooth_vel", _without_limited_servos(derivative.deriv_smooth_vel)),
    ]
    if on_cpu:
        ours.append((solver, "_while_loop_scan", _while_loop))
    theirs = [(module, name, getattr(module, name)) for module, name, _ in ours]
    for module, name, part in ours:
        setattr(module, name, part)
    try:
        yield
    finally:
        for module, name, part in theirs:
            setattr(module, name, part)


def _without_limited_servos(theirs: Callable) -> Callable:
    """The derivative of smooth forces by velocity, in which an actuator at its force limit has no part."""

    def derive(m: Any, d: Any) -> Any:
        low, high = m.actuator_forcerange.T
        held = m.actuator_forcelimited & ((d.actuator_force <= low) | (d.actuator_force >= high))
        free = (~held).astype(d.actuator_force.dtype)
        bias, gain = m.actuator_biasprm, m.actuator_gainprm
        m = m.replace(
            actuator_biasprm=bias.at[:, _BY_VELOCITY].multiply(free),
            actuator_gainprm=gain.at[:, _BY_VELOCITY].multiply(free),
        )
        return theirs(m, d)

    return derive


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
