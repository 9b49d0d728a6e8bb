"""Hidden layers that the networks of several learners are made of."""

from __future__ import annotations

from functools import partial
from typing import Callable, Sequence

from torch import nn

ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "relu": partial(nn.ReLU, inplace=True),  # a linear layer does not need its output again: saves a copy
    "silu": nn.SiLU,
    "elu": nn.ELU,
    "gelu": nn.GELU,
    "tanh": nn.Tanh,
}


def hidden(size: int, units: Sequence[int], activation: str) -> nn.Sequential:
    """A linear layer and an activation for each width: rows `[B, size]` to features `[B, units[-1]]`."""
    layers: list[nn.Module] = []
    for inputs, outputs in zip((size, *units), units):
        layers += [nn.Linear(inputs, outputs), ACTIVATIONS[activation]()]
    return nn.Sequential(*layers)
