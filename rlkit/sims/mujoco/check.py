"""What MuJoCo refuses of a scene."""

from __future__ import annotations

from rlkit.sims.api import PhysicsSettings, SceneSpec
from rlkit.sims.mjmodel.scene import build_scene


def check_scene(spec: SceneSpec, physics: PhysicsSettings) -> None:
    """Raise SimulatorError naming what sim=mujoco cannot simulate."""
    build_scene(spec, physics)
