"""What a simulator says that reads no sensors of a robot's own file."""

from __future__ import annotations

from rlkit.sims.api import SceneSpec, SimulatorError


def refuse_sensors(spec: SceneSpec, simulator: str) -> None:
    """Raise SimulatorError where the scene lists sensors, for a simulator that reads none."""
    for name in spec.sensors:
        raise SimulatorError(
            f"sim={simulator} reads no sensors of the robot's file, and the task asks for '{name}'; use sim=mujoco, mjx"
            " or warp"
        )
