"""Activations that write over what they are given, where nobody else needs it."""

from __future__ import annotations

from torch import nn

_BY_RESULT = (nn.ELU, nn.ReLU, nn.SELU)  # their slopes follow from their results


def in_place(network: nn.Module) -> None:
    """Let activations right behind a linear layer of an `nn.Sequential` overwrite its output.

    One tensor `[B, units]` less a layer is taken and kept for the backward pass, and an ELU's exponential is not taken
    again there. Gradients are the same up to rounding.
    """
    for stages in network.modules():
        if isinstance(stages, nn.Sequential):
            for layer, activation in zip(stages, list(stages)[1:]):
                if isinstance(layer, nn.Linear) and isinstance(activation, _BY_RESULT):
                    activation.inplace = True
