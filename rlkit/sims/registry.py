"""The simulators by name. The only place that knows import order: a backend is imported when it is made."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from typing import TYPE_CHECKING, Any, Collection

from rlkit.errors import RlkitError
from rlkit.plugins import modules
from rlkit.sims.facts import SIMULATORS, simulator_facts

if TYPE_CHECKING:
    from rlkit.sims.api import PhysicsSettings, SceneSpec, Simulator


def prepare(name: str, trusted: Collection[str] = ()) -> None:
    """Import what the simulator `name` needs loaded before torch: call it before anything imports torch.

    trusted: as of `make`. Raises ImportError when the engine is not installed, or when torch came first, and CodeError
    where a simulator of others may not be imported.
    """
    row = simulator_facts(name)
    if row is None or not row.before_torch:
        return
    if ":" in row.backend:
        modules.require(row.backend, trusted)
        if "torch" in sys.modules and row.before_torch not in sys.modules:
            raise ImportError(
                f"{row.before_torch} must be imported before torch, which is here already: start a process of its own"
            )
    modules.imported(row.before_torch)


def make(
    name: str,
    spec: SceneSpec,
    physics: PhysicsSettings,
    num_envs: int,
    device: str,
    trusted: Collection[str] = (),
) -> Simulator:
    """Build the simulator `name` with `num_envs` copies of the scene on `device`.

    trusted: what may be imported though it is not installed, see `modules.load`. Raises KeyError for an unknown
    name, CodeError where its class may not be imported, and SimulatorError when the backend cannot build the scene.
    """
    row = simulator_facts(name)
    if row is None:
        raise KeyError(name)
    from rlkit.sims.api import Simulator  # torch comes with it
    from rlkit.sims.checks import refuse_alternatives, refuse_sensors

    if not row.alternatives:
        refuse_alternatives(spec, name)
    if ":" in row.backend:
        cls: Any = modules.load(row.backend, trusted, Simulator)
    else:
        module, _, ours = row.backend.rpartition(".")
        cls = getattr(importlib.import_module(module), ours)
    sim = cls(spec, physics, num_envs, device)
    if any(sensor not in sim.sensors for sensor in spec.sensors):
        refuse_sensors(spec, name)
    return sim


def askable() -> list[str]:
    """The simulators that this machine can ask what they refuse of a scene."""
    return [name for name, row in SIMULATORS.items() if row.check and all(map(_importable, row.check_needs))]


def refusal(name: str, spec: SceneSpec, physics: PhysicsSettings) -> str | None:
    """What an askable simulator refuses of a scene, None: nothing that is known before it steps."""
    module, _, function = SIMULATORS[name].check.rpartition(".")
    try:
        getattr(importlib.import_module(module), function)(spec, physics)
    except RlkitError as error:
        return str(error)
    return None


def _importable(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False
