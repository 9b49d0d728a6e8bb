"""Where MuJoCo's model keeps the quantities of the seam that can vary: friction, mass, stiffness, damping."""

# MuJoCo's bindings are compiled and ship no stubs
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

from dataclasses import dataclass
from typing import Sequence

import mujoco
import numpy as np

from rlkit.sims.api import QUANTITIES, SimulatorError

_STIFFNESS, _DAMPING = 1, 2  # columns of biasprm: force per position and per velocity, negative


@dataclass(frozen=True)
class Entries:
    """Numbers of one model field that belong to a quantity.

    index: where they are in the field, one array a dimension. part: which part each of them belongs to.
    own: their values in the model, float64. Scaling a part by f makes its entries `own * f`.
    """

    field: str
    index: tuple[np.ndarray, ...]
    part: np.ndarray
    own: np.ndarray


def quantity_parts(model: mujoco.MjModel, actuators: Sequence[str], quantity: str) -> tuple[str, ...]:
    """The bodies, or the actuators in the given order, that have `quantity`; raises SimulatorError for no quantity."""
    _check(quantity)
    if quantity in ("friction", "mass"):
        bodies = range(model.nbody)
        has = _touchable(model) if quantity == "friction" else model.body_mass > 0
        return tuple(model.body(k).name for k in bodies if has[k])
    values = model.actuator_gainprm[:, 0] if quantity == "stiffness" else model.actuator_biasprm[:, _DAMPING]
    return tuple(name for name in actuators if values[model.actuator(name).id] != 0)


def quantity_entries(model: mujoco.MjModel, actuators: Sequence[str], quantity: str) -> list[Entries]:
    """All numbers of the model that make up `quantity`, with their part in the order of `quantity_parts`."""
    names = quantity_parts(model, actuators, quantity)
    if quantity == "friction":
        body = {model.body(name).id: k for k, name in enumerate(names)}
        return [_entries(model, "geom_friction", _geoms_of(model, body), (0,))]
    if quantity == "mass":
        body = {model.body(name).id: k for k, name in enumerate(names)}
        return [_entries(model, "body_mass", body, ()), _entries(model, "body_inertia", body, (0, 1, 2))]
    actuator = {model.actuator(name).id: k for k, name in enumerate(names)}
    if quantity == "damping":
        return [_entries(model, "actuator_biasprm", actuator, (_DAMPING,))]
    return [
        _entries(model, "actuator_gainprm", actuator, (0,)),
        _entries(model, "actuator_biasprm", actuator, (_STIFFNESS,)),
    ]


def body_id(model: mujoco.MjModel, body: str) -> int:
    """The index of a body that can be pushed; raises SimulatorError naming those there are."""
    names = [model.body(k).name for k in range(1, model.nbody)]
    if body not in names:
        raise SimulatorError(f"no body {body!r} can be pushed; there are {', '.join(names)}")
    return names.index(body) + 1


def _check(quantity: str) -> None:
    if quantity not in QUANTITIES:
        raise SimulatorError(f"no quantity {quantity!r} can vary; there are {', '.join(QUANTITIES)}")


def _touchable(model: mujoco.MjModel) -> np.ndarray:
    """`[bodies]` bool: has a geom that can touch something."""
    solid = (model.geom_contype | model.geom_conaffinity) != 0
    return np.bincount(model.geom_bodyid[solid], minlength=model.nbody) > 0


def _geoms_of(model: mujoco.MjModel, part_of_body: dict[int, int]) -> dict[int, int]:
    """Geom -> the part that its body is."""
    return {
        g: part_of_body[int(body)] for g, body in enumerate(model.geom_bodyid) if int(body) in part_of_body
    }


def _entries(model: mujoco.MjModel, field: str, part_of: dict[int, int], columns: tuple[int, ...]) -> Entries:
    """The entries of the rows `part_of`, in each of the `columns` (none: the field has one number a row)."""
    rows, parts = np.array(list(part_of), np.int64), np.array(list(part_of.values()), np.int64)
    values = np.asarray(getattr(model, field))
    if not columns:
        return Entries(field, (rows,), parts, values[rows].copy())
    rows, parts = np.repeat(rows, len(columns)), np.repeat(parts, len(columns))
    index = (rows, np.tile(np.array(columns, np.int64), len(part_of)))
    return Entries(field, index, parts, values[index].copy())
