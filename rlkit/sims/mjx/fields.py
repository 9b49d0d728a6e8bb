"""Model fields that differ from env to env, and the constants that MuJoCo derives from them."""

# pyright: reportMissingImports=false, reportAttributeAccessIssue=false

from __future__ import annotations

from typing import Any, Iterable

import numpy as np
import torch
from torch import Tensor

from rlkit.sims.mjmodel.fields import FLUID, check_field, derives_constants, left_out, owner_of
from rlkit.sims.mjx.start import jax

import mujoco  # isort: skip
from mujoco import batch  # isort: skip

# Of what mj_setConst writes, that which MJX's physics reads.
_DERIVED = (
    *("body_subtreemass", "body_invweight0", "dof_invweight0", "tendon_length0", "tendon_invweight0"),
    *("actuator_acc0", "eq_data", "geom_rbound"),
)
# They vary together: with one of them, the program has all as inputs, so that no later one compiles it again.
_QUANTITIES = ("geom_friction", "body_mass", "body_inertia", "actuator_gainprm", "actuator_biasprm")
# MJX leaves these out of the program where the whole model has none of it.
_STRUCTURE = ("dof_frictionloss", "tendon_frictionloss", "body_gravcomp")
# MJX keeps these and never reads them.
_UNREAD = (
    *("geom_gap", "pair_gap", "dof_dampingpoly", "jnt_stiffnesspoly"),
    *("tendon_dampingpoly", "tendon_stiffnesspoly"),
)


class ModelFields:
    """Per-env values of the fields that were asked for: what tasks write, and what the programs read.

    MuJoCo itself derives the constants, on the CPU in float64, in the envs that `apply` names.
    """

    def __init__(self, model: mujoco.MjModel, mjx_model: Any, num_envs: int, device: torch.device) -> None:
        self._model, self._mjx_model, self._num_envs, self._device = model, mjx_model, num_envs, device
        self.written: dict[str, Tensor] = {}  # [N, ...] live
        self._applied: dict[str, Tensor] = {}  # [N, ...] as of the last `apply`, derived ones too
        self.programs: dict[str, jax.Array] = {}  # copies of those
        self._engine: batch.Batch | None = None

    def view(self, name: str) -> Tensor:
        """Values of a field in every env, `[N, ...]`, live; raises SimulatorError for a field that cannot vary."""
        if name not in self.written:
            self._check(name)
            self.written[name] = self._spread(name)
            inputs = {name} | (set(_QUANTITIES) if name in _QUANTITIES else set())
            inputs |= set(_DERIVED) if any(map(derives_constants, inputs)) else set()
            for each in inputs - set(self._applied):
                if self._size(each):
                    self._applied[each] = self._spread(each)
                    self._hand_over(each)
        return self.written[name]

    def own(self, name: str) -> Tensor:
        """The model's own value of a field, `[...]` as the model has it, float32."""
        owner, attribute = owner_of(self._model, name)
        value = np.asarray(getattr(owner, attribute), np.float32)
        return torch.tensor(value, device=self._device)

    def apply(self, env_ids: Tensor, names: Iterable[str] | None = None) -> None:
        """Let what was written into these fields (None: all) act in the envs `env_ids` (`[k]`); about 0.1 ms an env."""
        chosen = list(self.written if names is None else names)
        changed = set(chosen)
        for name in chosen:
            self._applied[name][env_ids] = self.written[name][env_ids]
        if any(map(derives_constants, chosen)):
            changed |= self._derive(env_ids)
        for name in sorted(changed):
            self._hand_over(name)

    def _derive(self, env_ids: Tensor) -> set[str]:
        """Run mj_setConst in these envs; returns the names of the fields that it wrote."""
        rows = np.sort(env_ids.cpu().numpy())
        if self._engine is None:
            self._engine = batch.Batch(self._model, self._num_envs)
        for name in self.written:
            if derives_constants(name):
                self._engine.expand(name)[rows] = self._applied[name][rows].cpu().numpy()
        self._engine.set_const(rows)
        derived = {name for name in _DERIVED if name in self._applied and name not in self.written}
        for name in derived:
            values = torch.from_numpy(self._engine.expand(name)[rows]).float()
            self._applied[name][rows] = values.to(self._device)
        return derived

    def _check(self, name: str) -> None:
        owner, attribute = owner_of(self._mjx_model, name)
        names = _fields(self._mjx_model) | {f"opt.{each}" for each in _fields(self._mjx_model.opt)}
        check_field("MJX", name, names - set(_UNREAD))
        if attribute in _STRUCTURE and not np.asarray(getattr(owner, attribute)).all():
            raise left_out("MJX", name, (name,))
        if name in FLUID and not self._mjx_model.opt._impl.has_fluid_params:
            raise left_out("MJX", name, FLUID)

    def _size(self, name: str) -> int:
        owner, attribute = owner_of(self._mjx_model, name)
        return getattr(owner, attribute).size

    def _spread(self, name: str) -> Tensor:
        own = self.own(name)
        return own.expand(self._num_envs, *own.shape).clone()

    def _hand_over(self, name: str) -> None:
        """A copy, as JAX's arrays must not change under it."""
        self.programs[name] = jax.dlpack.from_dlpack(self._applied[name].clone())


def _fields(owner: Any) -> set[str]:
    """Names of the arrays of floats of a part of the MJX model: the others are structure."""
    values = {each.name: getattr(owner, each.name) for each in owner.fields()}
    return {
        name
        for name, value in values.items()
        if isinstance(value, jax.Array)
        and jax.numpy.issubdtype(value.dtype, jax.numpy.floating)
        and value.size
    }
