"""What a scene is refused for by name, whatever simulates it."""

from __future__ import annotations

from typing import Sequence

from rlkit.sims.api import SceneSpec, SimulatorError, check_known
from rlkit.sims.facts import able


def refuse_sensors(spec: SceneSpec, simulator: str) -> None:
    """Raise SimulatorError where the scene lists sensors, for a simulator that reads none."""
    for name in spec.sensors:
        raise SimulatorError(
            f"sim={simulator} reads no sensors of the robot's file, and the task asks for '{name}'; use sim=mujoco, mjx"
            " or warp"
        )


def refuse_alternatives(spec: SceneSpec, simulator: str) -> None:
    """Raise SimulatorError where envs have different models, for a simulator with one model for all of them."""
    if spec.alternatives:
        raise SimulatorError(
            f"sim={simulator} has one model for all envs, and the task asks for {len(spec.alternatives)} different"
            f" ones; use {able('alternatives')}"
        )


def check_actuators(spec: SceneSpec, known: Sequence[str]) -> None:
    """Raise SimulatorError unless the scene lists every actuator of the model, and no other."""
    unnamed = sum(not name for name in known)
    if unnamed:
        raise SimulatorError(
            f"{unnamed} of the model's {len(known)} actuators have no name, so a task cannot list them; name them, or"
            " read the model's file with SceneSpec.from_file(path), which calls them as their joints"
        )
    check_known("actuator", spec.actuators, known)
    missing = sorted(set(known) - set(spec.actuators))
    if missing:
        raise SimulatorError(
            f"the scene must list every actuator of the model; missing: {', '.join(missing)}"
        )
