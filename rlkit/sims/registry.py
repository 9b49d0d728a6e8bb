"""The simulators by name. The only place that knows import order: a backend is imported when it is made."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rlkit.sims.api import PhysicsSettings, SceneSpec, Simulator

# name: (module, class). rlkit.config lists the same names in its schema; a test holds the two together.
SIMULATORS = {
    "mujoco": ("rlkit.sims.mujoco", "MujocoSimulator"),
    "warp": ("rlkit.sims.warp.simulator", "WarpSimulator"),
    "mjx": ("rlkit.sims.mjx.simulator", "MjxSimulator"),
    "isaacgym": ("rlkit.sims.isaacgym.simulator", "IsaacGymSimulator"),
    "genesis": ("rlkit.sims.genesis.simulator", "GenesisSimulator"),
}


def make(name: str, spec: SceneSpec, physics: PhysicsSettings, num_envs: int, device: str) -> Simulator:
    """Build the simulator `name` with `num_envs` copies of the scene on `device`.

    Raises KeyError for an unknown name and SimulatorError when the backend cannot build the scene.
    """
    module, cls = SIMULATORS[name]
    return getattr(importlib.import_module(module), cls)(spec, physics, num_envs, device)
