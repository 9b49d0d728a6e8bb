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

# Engines whose libraries must be in the process before torch's; without them in here order does not matter.
BEFORE_TORCH = {"isaacgym": "isaacgym.gymapi"}


def prepare(name: str) -> None:
    """Import what the simulator `name` needs loaded before torch: call it before anything imports torch.

    Raises ImportError when the engine is not installed, or when torch came first.
    """
    if name in BEFORE_TORCH:
        importlib.import_module(BEFORE_TORCH[name])


def make(name: str, spec: SceneSpec, physics: PhysicsSettings, num_envs: int, device: str) -> Simulator:
    """Build the simulator `name` with `num_envs` copies of the scene on `device`.

    Raises KeyError for an unknown name and SimulatorError when the backend cannot build the scene.
    """
    module, cls = SIMULATORS[name]
    return getattr(importlib.import_module(module), cls)(spec, physics, num_envs, device)
