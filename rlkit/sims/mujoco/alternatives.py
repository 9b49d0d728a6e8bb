"""Models of one scene that differ in numbers alone: each env of a batch may have another of them."""

# MuJoCo's bindings are compiled and ship no stubs
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

from typing import Sequence

import mujoco
import numpy as np
from mujoco import batch

from rlkit.sims.api import PhysicsSettings, SceneSpec, SimulatorError
from rlkit.sims.mjmodel.fields import owner_of
from rlkit.sims.mjmodel.scene import parse, physics_model

_SEEN_ONLY = ("geom_rgba",)
_OF_TEXT = ("nnames", "nnames_map", "npaths", "nbuffer")  # the last is the sum of all


class Alternatives:
    """The fields in which the models of `spec.alternatives` differ, and which of these models each env has.

    values: `[alternatives, ...]` by the name of the model's field, with what the engine derives from others. chosen:
    `[N]` int64. Raises SimulatorError for models that are not of one layout.
    """

    def __init__(
        self, spec: SceneSpec, physics: PhysicsSettings, base: mujoco.MjModel, num_envs: int
    ) -> None:
        self.chosen = np.zeros(num_envs, np.int64)
        self.values: dict[str, np.ndarray] = {}
        if not spec.alternatives:
            return
        others = (physics_model(parse(mjcf), spec, physics) for mjcf in spec.alternatives[1:])
        models = [base, *others]
        for number, model in enumerate(models):
            _check_layout(base, model, number)
        # What MuJoCo derives is asked of the engine that will step: a compiled model has other bounds of its meshes
        engine = batch.Batch(base, len(models), nthread=1)
        fields = [name for name in sorted(batch.MODEL_FIELDS) if _differ(models, name)]
        self.values = {name: engine.expand(name) for name in fields}
        for name, values in self.values.items():
            for number, model in enumerate(models):
                owner, attribute = owner_of(model, name)
                values[number] = np.asarray(getattr(owner, attribute))[: values.shape[1]]
        engine.set_const()
        self.values = {name: values.copy() for name, values in self.values.items()}

    def own(self, field: str, env_ids: np.ndarray) -> np.ndarray | None:
        """The values of a field in the models that these envs have, `[k, ...]`; None where no models differ in it."""
        values = self.values.get(field)
        return None if values is None else values[self.chosen[env_ids]]


def _check_layout(base: mujoco.MjModel, model: mujoco.MjModel, number: int) -> None:
    sizes = [name for name in dir(base) if name.startswith("n") and isinstance(getattr(base, name), int)]
    for name in ("nbody", "njnt", "ngeom", "nmesh", *sizes):  # those first that people know
        ours, theirs = getattr(base, name), getattr(model, name)
        if ours != theirs and name not in _OF_TEXT:
            raise SimulatorError(
                f"alternative {number} of the scene has {name}={theirs}, and the first {ours}: they must be of the same"
                " bodies, joints, geoms and meshes, and differ in numbers alone"
            )


def _differ(models: Sequence[mujoco.MjModel], name: str) -> bool:
    if name in _SEEN_ONLY:
        return False
    values = [np.asarray(getattr(*owner_of(model, name))) for model in models]
    return any(not np.array_equal(values[0], other) for other in values[1:])
