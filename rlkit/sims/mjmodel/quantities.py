"""Where MuJoCo's model keeps the quantities of the seam that can vary: friction, mass, stiffness, damping."""

# MuJoCo's bindings are compiled and ship no stubs
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, Sequence

import mujoco
import numpy as np
import torch
from torch import Tensor

from rlkit.sims.api import QUANTITIES, SimulatorError

_STIFFNESS, _DAMPING = 1, 2  # columns of biasprm: force per position and per velocity, negative


@dataclass(frozen=True)
class Entries:
    """Numbers of one model field that belong to a quantity.

    index: where they are in the field, one tensor a dimension. part: which part each of them belongs to.
    own: their values in the model, float64. Scaling a part by f makes its entries `own * f`.
    """

    field: str
    index: tuple[Tensor, ...]
    part: Tensor
    own: Tensor


class Scales:
    """Makes the quantities of a model, in some envs, its own times a factor; what that takes is found once for each."""

    def __init__(self, model: mujoco.MjModel, actuators: Sequence[str], device: torch.device) -> None:
        self._model, self._actuators, self._device = model, tuple(actuators), device
        self._entries: dict[str, list[Entries]] = {}

    def write(
        self,
        quantity: str,
        env_ids: Tensor,
        factors: Tensor,
        field: Callable[[str], Tensor],
        own: Callable[[str], Tensor | None] = lambda name: None,
    ) -> list[str]:
        """Write into the model fields that make up `quantity`; returns their names.

        factors: `[k, parts]` for the envs `env_ids`. field: gives the values of a model field by its name, `[N, ...]`.
        own: those `[k, ...]` of the models that these envs have, None where all have the same.
        Raises SimulatorError for no quantity.
        """
        if quantity not in self._entries:
            found = quantity_entries(self._model, self._actuators, quantity)
            self._entries[quantity] = [_on_device(entries, self._device) for entries in found]
        for entries in self._entries[quantity]:
            values = field(entries.field)
            models = own(entries.field)
            nominal = entries.own if models is None else models[(slice(None), *entries.index)]
            scaled = nominal * factors[:, entries.part].double()
            values[(env_ids[:, None], *entries.index)] = scaled.to(values.dtype)
        return [entries.field for entries in self._entries[quantity]]


def _on_device(entries: Entries, device: torch.device) -> Entries:
    index = tuple(column.to(device) for column in entries.index)
    return Entries(entries.field, index, entries.part.to(device), entries.own.to(device))


def quantity_parts(model: mujoco.MjModel, actuators: Sequence[str], quantity: str) -> tuple[str, ...]:
    """The bodies, or the actuators in the given order, that have `quantity`.

    Raises SimulatorError for no quantity. A body without a name is called "body" and its number.
    """
    owners = quantity_owners(model, actuators, quantity)
    if quantity in ("friction", "mass"):
        return tuple(model.body(k).name or f"body {k}" for k in owners)
    return tuple(model.actuator(k).name for k in owners)


def quantity_entries(model: mujoco.MjModel, actuators: Sequence[str], quantity: str) -> list[Entries]:
    """All numbers of the model that make up `quantity`, with their part in the order of `quantity_parts`."""
    part_of = {owner: part for part, owner in enumerate(quantity_owners(model, actuators, quantity))}
    if quantity == "friction":
        return [_read(model, "geom_friction", _geoms_of(model, part_of), (0,))]
    if quantity == "mass":
        return [_read(model, "body_mass", part_of, ()), _read(model, "body_inertia", part_of, (0, 1, 2))]
    if quantity == "damping":
        return [_read(model, "actuator_biasprm", part_of, (_DAMPING,))]
    return [
        _read(model, "actuator_gainprm", part_of, (0,)),
        _read(model, "actuator_biasprm", part_of, (_STIFFNESS,)),
    ]


def quantity_owners(model: mujoco.MjModel, actuators: Sequence[str], quantity: str) -> list[int]:
    """The ids of the bodies or actuators that `quantity_parts` names; raises SimulatorError for no quantity."""
    if quantity not in QUANTITIES:
        raise SimulatorError(f"no quantity {quantity!r} can vary; there are {', '.join(QUANTITIES)}")
    if quantity in ("friction", "mass"):
        has = _touchable(model) if quantity == "friction" else model.body_mass > 0
        return np.nonzero(has)[0].tolist()
    values = model.actuator_gainprm[:, 0] if quantity == "stiffness" else model.actuator_biasprm[:, _DAMPING]
    return [k for k in (model.actuator(name).id for name in actuators) if values[k] != 0]


def body_id(model: mujoco.MjModel, body: str) -> int:
    """The index of a body that can be pushed; raises SimulatorError naming those there are."""
    names = [model.body(k).name for k in range(1, model.nbody)]
    if body not in names:
        raise SimulatorError(f"no body {body!r} can be pushed; there are {', '.join(names)}")
    return names.index(body) + 1


def _touchable(model: mujoco.MjModel) -> np.ndarray:
    """`[bodies]` bool: has a geom that can touch something."""
    solid = (model.geom_contype | model.geom_conaffinity) != 0
    return np.bincount(model.geom_bodyid[solid], minlength=model.nbody) > 0


def _geoms_of(model: mujoco.MjModel, part_of_body: dict[int, int]) -> dict[int, int]:
    """Geom -> the part that its body is."""
    return {
        g: part_of_body[int(body)] for g, body in enumerate(model.geom_bodyid) if int(body) in part_of_body
    }


def _read(model: mujoco.MjModel, field: str, part_of: dict[int, int], columns: tuple[int, ...]) -> Entries:
    """The entries of the rows `part_of`, in each of the `columns` (none: the field has one number a row)."""
    rows, parts = np.array(list(part_of), np.int64), np.array(list(part_of.values()), np.int64)
    index: tuple[np.ndarray, ...] = (rows,)
    if columns:
        rows, parts = np.repeat(rows, len(columns)), np.repeat(parts, len(columns))
        index = (rows, np.tile(np.array(columns, np.int64), len(part_of)))
    own = np.asarray(getattr(model, field))[index]  # a copy
    return Entries(field, tuple(map(torch.from_numpy, index)), torch.from_numpy(parts), torch.from_numpy(own))
