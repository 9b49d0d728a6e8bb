"""What can vary from env to env: Isaac Gym takes properties actor by actor, on the CPU, so at resets alone."""

# MuJoCo's bindings are compiled and ship no stubs
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

from typing import Any, Sequence

import torch
from torch import Tensor

from rlkit.sims.api import QUANTITIES, SimulatorError
from rlkit.sims.isaacgym.tree import body_name, solid_geoms
from rlkit.sims.isaacgym.urdf import inertia_tensor
from rlkit.sims.isaacgym.world import World, require


class Quantities:
    """The factors of all envs, and how they get into the sim."""

    def __init__(self, world: World, actuators: Sequence[str], num_envs: int) -> None:
        self._world = world
        self._parts = _parts(world, actuators)
        self.factors = {name: torch.ones(num_envs, len(parts)) for name, parts in self._parts.items()}
        self._place = {link.name: k for k, tree in enumerate(world.trees) for link in tree.links}
        self._place_of_joint = {name: k for k, names in enumerate(world.dofs_of) for name in names}

    def parts(self, quantity: str) -> tuple[str, ...]:
        """See `Simulator.parts`. The ground belongs to all envs, so its friction is not among them."""
        if quantity not in QUANTITIES:
            raise SimulatorError(f"no quantity {quantity!r} can vary; there are {', '.join(QUANTITIES)}")
        return self._parts[quantity]

    def scale(self, quantity: str, env_ids: Sequence[int], factors: Tensor) -> None:
        """Make `quantity` in these envs the model's own times `factors` (`[k, parts]`)."""
        self.parts(quantity)
        self.factors[quantity][list(env_ids)] = factors.detach().cpu().float()
        for env in env_ids:
            self._apply(quantity, env)

    def _apply(self, quantity: str, env: int) -> None:
        names = self._parts[quantity]
        factor = dict(zip(names, self.factors[quantity][env].tolist()))
        if quantity in ("friction", "mass"):
            apply = self._apply_friction if quantity == "friction" else self._apply_mass
            for place in sorted({self._place[name] for name in names}):
                apply(env, place, factor)
            return
        stiffness, kv = (
            dict(zip(self._parts[name], self.factors[name][env].tolist()))
            for name in ("stiffness", "damping")
        )
        for place in sorted(set(self._place_of_joint.values())):
            self._world.set_drives(env, place, stiffness, kv)

    def _apply_friction(self, env: int, place: int, factor: dict[str, float]) -> None:
        world = self._world
        shapes = world.gym.get_actor_rigid_shape_properties(world.envs[env], world.actors[env][place])
        for shape, geom in zip(shapes, world.geoms[place]):
            name = body_name(world.model, int(world.model.geom_bodyid[geom]))
            shape.friction = float(world.model.geom_friction[geom][0]) * factor[name]
        world.put_shapes(env, place, shapes)

    def _apply_mass(self, env: int, place: int, factor: dict[str, float]) -> None:
        """Mass and inertia together; the centre of mass stays, as the GPU pipeline demands."""
        world = self._world
        handle = world.envs[env], world.actors[env][place]
        properties = world.gym.get_actor_rigid_body_properties(*handle)
        body_of = {link.name: link.body for link in world.trees[place].links}
        first = world.first_body[place]
        for name, body in zip(world.bodies[first : first + len(properties)], properties):
            if name in factor:
                _set_mass(world, body, body_of[name], factor[name])
        done = world.gym.set_actor_rigid_body_properties(*handle, properties, False)
        require(done, "set_actor_rigid_body_properties")


def _set_mass(world: World, properties: Any, body: int, factor: float) -> None:
    properties.mass = float(world.model.body_mass[body]) * factor
    properties.invMass = 1.0 / properties.mass
    tensor = inertia_tensor(world.model, body) * factor
    inverse = torch.linalg.inv(torch.from_numpy(tensor)).tolist()
    for matrix, rows in ((properties.inertia, tensor.tolist()), (properties.invInertia, inverse)):
        for vector, row in zip((matrix.x, matrix.y, matrix.z), rows):
            vector.x, vector.y, vector.z = row


def _parts(world: World, actuators: Sequence[str]) -> dict[str, tuple[str, ...]]:
    model = world.model
    bodies = range(1, model.nbody)
    drives = {drive.actuator: drive for drive in world.drives.values() if drive.actuator}
    return {
        "friction": tuple(body_name(model, k) for k in bodies if solid_geoms(model, k)),
        "mass": tuple(body_name(model, k) for k in bodies if model.body_mass[k] > 0),
        "stiffness": tuple(name for name in actuators if drives[name].stiffness != 0),
        "damping": tuple(name for name in actuators if drives[name].kv != 0),
    }
