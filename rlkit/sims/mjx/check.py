"""What MJX refuses of a scene, without compiling its programs."""

# pyright: reportMissingImports=false, reportAttributeAccessIssue=false

from __future__ import annotations

from rlkit.sims.api import PhysicsSettings, SceneSpec, SimulatorError
from rlkit.sims.mjmodel.scene import build_scene
from rlkit.sims.mjx.physics import without_sensors
from rlkit.sims.mjx.start import mjx


def check_scene(spec: SceneSpec, physics: PhysicsSettings) -> None:
    """Raise SimulatorError naming what sim=mjx cannot simulate."""
    build_scene(spec, physics)
    try:
        mjx.put_model(without_sensors(spec, physics))
    except (NotImplementedError, ValueError) as error:
        raise SimulatorError(f"sim=mjx cannot simulate this scene: {error}; use sim=mujoco") from error
