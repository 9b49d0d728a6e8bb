"""What the engines of MuJoCo's family share about model fields that differ from env to env."""

# MuJoCo's bindings are compiled and ship no stubs
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

from typing import Any, Collection, Sequence

import mujoco

from rlkit.nearest import nearest
from rlkit.sims.api import SimulatorError

FLUID = ("opt.wind", "opt.density", "opt.viscosity")
"""Where all of them are zero, engines for GPUs leave the fluid out."""


def owner_of(model: Any, name: str) -> tuple[Any, str]:
    """The object that holds the model field `name` ("opt.gravity" is in the options), and its name there."""
    return (model.opt, name[len("opt.") :]) if name.startswith("opt.") else (model, name)


def derives_constants(name: str) -> bool:
    """Whether MuJoCo derives other constants from the model field `name`, by its own documentation."""
    return name.startswith("opt.") or name in mujoco.MjModel._setconst_inputs


def check_field(engine: str, name: str, known: Collection[str]) -> None:
    """Raise SimulatorError unless `name` is among the fields that `engine` can keep for each env."""
    if name not in known:
        near = nearest(name, sorted(known))
        hint = f"; the nearest is '{near[0]}'" if near else ""
        raise SimulatorError(f"{engine} has no per-env model field '{name}'{hint}")


def left_out(engine: str, name: str, zero: Sequence[str]) -> SimulatorError:
    """What to raise for a field that `engine` leaves out, as the fields `zero` are zero in the model."""
    return SimulatorError(
        f"{engine} cannot vary '{name}': it leaves this out where {' and '.join(zero)}"
        f" {'are' if len(zero) > 1 else 'is'} zero in the model; use sim=mujoco"
    )
