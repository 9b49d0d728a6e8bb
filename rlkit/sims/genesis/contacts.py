"""Net contact forces on bodies, from the list of contact points that Genesis keeps for every env."""

# MuJoCo's bindings are compiled and ship no stubs
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

from typing import Sequence

import mujoco
import torch
from torch import Tensor

from rlkit.sims.api import ContactSensor
from rlkit.sims.mjmodel.checks import subtree


class ContactReader:
    """Which contact points belong to which sensor, as a table over the bodies of a contact's two sides."""

    def __init__(
        self,
        model: mujoco.MjModel,
        sensors: Sequence[ContactSensor],
        dtype: torch.dtype,
        device: torch.device,
    ) -> None:
        """Bodies of the model are the links of Genesis, in the same order."""
        shape = (model.nbody + 1, len(sensors))  # the last row is the body of a slot without contact
        self._on, self._by = torch.zeros(shape), torch.zeros(shape)
        for k, sensor in enumerate(sensors):
            body = model.body(sensor.body).id
            self._on[subtree(model, body) if sensor.subtree else body, k] = 1.0
            anything = slice(0, model.nbody)
            self._by[anything if sensor.other is None else model.body(sensor.other).id, k] = 1.0
        self._on, self._by = self._on.to(device, dtype), self._by.to(device, dtype)

    def read(self, first: Tensor, second: Tensor, force: Tensor) -> tuple[Tensor, Tensor]:
        """Net force `[N, sensors, 3]` (N, world) and number of points `[N, sensors]`.

        first, second: `[N, points]` bodies of each contact, -1 in empty slots. force: `[N, points, 3]` that `first`
        exerts on `second`.
        """
        on_second = self._on[second.long()] * self._by[first.long()]
        on_first = self._on[first.long()] * self._by[second.long()]
        net = torch.einsum("npk,npd->nkd", on_second - on_first, force)
        return net, torch.maximum(on_second, on_first).sum(dim=1)
