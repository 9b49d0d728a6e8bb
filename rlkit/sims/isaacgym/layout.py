"""Where the numbers of a `SceneSpec` are in Isaac Gym's tensors."""

# MuJoCo's bindings are compiled and ship no stubs
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

from typing import Any, Sequence

import numpy as np
import torch
from torch import Tensor

from rlkit.sims.api import SceneSpec
from rlkit.sims.isaacgym.kinematics import Kinematics
from rlkit.sims.isaacgym.tree import body_name
from rlkit.sims.isaacgym.world import World
from rlkit.sims.mjmodel.checks import subtree


class Layout:
    """Columns within an env, in the spec's order, with the constants that belong to them.

    joints: of the dofs. shown, shown_links: the spec's bodies, then each site's body, among the sim's bodies and the
    links of the kinematics; center `[shown, 3]`: their centres of mass, m, body frame. site_pos, site_quat: of the
    sites in their bodies. sensors: `[contacts, bodies]` 1 where a sensor counts a body. root_actors, dof_actors:
    `[N, ...]` int32, rows of each env's actors that are free and that have dofs.
    """

    def __init__(self, spec: SceneSpec, world: World, kinematics: Kinematics, device: torch.device) -> None:
        model, self._device = world.model, device
        sites = [model.site(name).id for name in spec.sites]
        shown = [*spec.bodies, *(body_name(model, int(model.site_bodyid[k])) for k in sites)]
        ids = [_named(model, name) for name in shown]
        self.joints = self._index([world.dofs.index(name) for name in spec.joints])
        self.shown = self._index([world.bodies.index(name) for name in shown])
        self.shown_links = self._index([kinematics.names.index(name) for name in shown])
        self.center = numbers([model.body_ipos[k] for k in ids], device, 3)
        self.site_pos = numbers([model.site_pos[k] for k in sites], device, 3)
        self.site_quat = numbers([model.site_quat[k] for k in sites], device, 4)
        self.sensors = torch.zeros(len(spec.contacts), len(world.bodies), device=device)
        for row, contact in enumerate(spec.contacts):
            body = model.body(contact.body).id
            counted = subtree(model, body) if contact.subtree else [body]
            self.sensors[row, [world.bodies.index(body_name(model, k)) for k in counted]] = 1.0
        table = torch.tensor(
            [[world.actor_index(env, k) for k in range(len(world.trees))] for env in range(len(world.envs))],
            dtype=torch.int32,
            device=device,
        )
        self.root_actors = table[:, [k for k, tree in enumerate(world.trees) if tree.free]]
        self.dof_actors = table[:, [k for k, names in enumerate(world.dofs_of) if names]]

    def _index(self, columns: Sequence[int]) -> Tensor:
        return torch.tensor(list(columns), dtype=torch.int64, device=self._device)


def numbers(rows: Sequence[Any], device: torch.device, *width: int) -> Tensor:
    """`[rows, *width]` float32, also of no rows."""
    return torch.tensor(np.array(rows), dtype=torch.float32, device=device).reshape(len(rows), *width)


def _named(model: Any, name: str) -> int:
    return next(k for k in range(1, model.nbody) if body_name(model, k) == name)
