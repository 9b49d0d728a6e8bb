"""Adam and AdamW without the detour through torch's compiler.

torch's optimisers import `torch._dynamo` (1.4 CPU-seconds, with sympy and torch.distributed) when they are made, step
or are saved, only to tell the compiler to leave them out. These have the same methods from below those wrappers.
"""

from __future__ import annotations

import inspect
from typing import Any, Mapping, TypeVar

import torch

T = TypeVar("T", bound=torch.optim.Optimizer)

_WRAPPED = ("add_param_group", "zero_grad", "state_dict", "load_state_dict")


def _direct(cls: type[T]) -> type[T]:
    """A subclass whose methods are those of `cls` without wrappers; `step` keeps its no_grad."""
    methods: dict[str, Any] = {name: inspect.unwrap(getattr(cls, name)) for name in _WRAPPED}
    step = torch.no_grad()(inspect.unwrap(cls.step))
    direct: Any = type(cls.__name__, (cls,), {**methods, "step": step, "__doc__": cls.__doc__})
    return direct


def go_on(optimizer: torch.optim.Optimizer, state: Mapping[str, Any], learning_rate: float) -> None:
    """Continue from a `state_dict()`, with the learning rate of the settings: one that was saved hides another that is
    asked for now.
    """
    optimizer.load_state_dict(dict(state))
    for group in optimizer.param_groups:
        group["lr"] = learning_rate


Adam = _direct(torch.optim.Adam)
AdamW = _direct(torch.optim.AdamW)
