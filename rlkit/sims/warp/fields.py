"""Model fields that differ from env to env, and the constants that MuJoCo derives from them."""

# MuJoCo's bindings are compiled and ship no stubs
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

import dataclasses
from typing import Any, Callable

import mujoco_warp as mjw
import torch
import warp as wp
from torch import Tensor

from rlkit.sims.mjmodel.fields import FLUID, check_field, derives_constants, left_out

# What the physics reads of that which `set_const` writes
_DERIVED = (
    "body_subtreemass", "dof_invweight0", "body_invweight0", "tendon_length0", "tendon_invweight0",
    "actuator_acc0", "eq_data", "geom_aabb", "geom_rbound",
)  # fmt: skip
# What the kernels leave out where the whole model has none of it: the model's flag, and the fields that it is about
_OPTIONAL = {
    "has_fluid": FLUID,
    "flg_adhesion": ("geom_adhesion", "pair_adhesion"),
    "flg_surfacevel": ("geom_surfacevel",),
}


class ModelFields:
    """Per-env arrays in place of those of the model that all envs share, made when a field is first asked for."""

    def __init__(self, model: mjw.Model, num_envs: int, replaced: Callable[[], None]) -> None:
        """replaced: called after an array of the model became another one."""
        self._model, self._num_envs, self._replaced = model, num_envs, replaced
        self._owners = _batched_fields(model)
        self._own: dict[str, Tensor] = {}  # the model's own value, `[1, ...]`
        self._views: dict[str, Tensor] = {}

    @property
    def views(self) -> dict[str, Tensor]:
        """The fields that vary, `[N, ...]` by name, live; derived constants among them."""
        return self._views

    def view(self, name: str) -> Tensor:
        """Values of a field in every env, `[N, ...]`, live; raises SimulatorError for a field that cannot vary."""
        if name not in self._views:
            self._check(name)
            self._expand(name)
            if derives_constants(name):
                for derived in _DERIVED:
                    if derived not in self._views and self._shared(derived).size:
                        self._expand(derived)
            self._replaced()
        return self._views[name]

    def own(self, name: str) -> Tensor:
        """The model's own value of a field that varies, `[1, ...]`."""
        return self._own[name]

    def keep_others(self, chosen: Tensor) -> Callable[[], None]:
        """Call this before `set_const`, what it returns afterwards: constants change where `chosen` (`[N]` bool)."""
        before = {name: self._views[name].clone() for name in _DERIVED if name in self._views}

        def restore() -> None:
            for name, values in before.items():
                view = self._views[name]
                rows = chosen.view(-1, *[1] * (view.ndim - 1))
                torch.where(rows, view, values, out=view)

        return restore

    def _check(self, name: str) -> None:
        check_field("MuJoCo Warp", name, self._owners)
        for flag, fields in _OPTIONAL.items():
            if name in fields and not getattr(self._model, flag):
                raise left_out("MuJoCo Warp", name, fields)

    def _shared(self, name: str) -> wp.array:
        return getattr(self._owners[name], name.rpartition(".")[2])

    def _expand(self, name: str) -> None:
        shared = self._shared(name)
        own = wp.to_torch(shared)
        view = own.expand(self._num_envs, *own.shape[1:]).clone()
        # keeps the tensor's memory alive, as this object does
        array = wp.from_torch(view, dtype=shared.dtype)
        array._is_batched = True  # what MuJoCo Warp notes on arrays with a row for each world
        setattr(self._owners[name], name.rpartition(".")[2], array)
        self._own[name], self._views[name] = own.clone(), view


def _batched_fields(model: mjw.Model) -> dict[str, Any]:
    """Name -> its owner, of all fields of floats that may have a row for each world; options are "opt.name"."""
    found: dict[str, Any] = {}
    for prefix, owner in (("", model), ("opt.", model.opt)):
        for field in dataclasses.fields(owner):
            array = getattr(owner, field.name, None)
            shape = getattr(field.type, "shape", ())
            if isinstance(array, wp.array) and shape and shape[0] == "*" and _is_float(array):
                found[prefix + field.name] = owner
    return found


def _is_float(array: wp.array) -> bool:
    scalar = getattr(array.dtype, "_wp_scalar_type_", array.dtype)
    return scalar in (wp.float32, float)
