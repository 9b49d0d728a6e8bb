"""What Isaac Gym refuses of a scene; it need not be installed to say so."""

from __future__ import annotations

from rlkit.sims.api import PhysicsSettings, SceneSpec, SimulatorError
from rlkit.sims.checks import refuse_sensors
from rlkit.sims.isaacgym.drives import read_drives
from rlkit.sims.isaacgym.filters import shape_filters
from rlkit.sims.isaacgym.tree import build_trees, check_names, compile_model

OTHERS = "any other simulator can, as sim=mujoco"


def check_scene(spec: SceneSpec, _physics: PhysicsSettings) -> None:
    """Raise SimulatorError naming what sim=isaacgym cannot simulate."""
    refuse_pairs(spec)
    refuse_sensors(spec, "isaacgym")
    model = compile_model(spec.mjcf)
    check_names(spec, model)
    shape_filters(model, build_trees(model))
    read_drives(model)


def refuse_pairs(spec: SceneSpec) -> None:
    """Raise SimulatorError for a contact sensor that asks who causes a force."""
    for contact in spec.contacts:
        if contact.other is not None:
            raise SimulatorError(
                f"contact sensor '{contact.name}' asks for the force of '{contact.other}' alone on '{contact.body}':"
                f" Isaac Gym's tensors hold the net force on a body, not who causes it; {OTHERS}"
            )
