"""Put weights from elsewhere into a learner's networks: by name, else layer by layer where the sizes leave no doubt."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from typing import Mapping, Tuple

import torch
from torch import Tensor

from rlkit.learners.api import Fit, LearnerError

# Parts of names that say that a tensor belongs to no network from observations to the mean action.
_NO_ACTOR = re.compile(
    r"critic|value|target|(^|[._])(qf|vf|q)\d*([._]|$)|std|sigma|var([._]|$)", re.IGNORECASE
)

Sizes = Tuple[Tuple[str, Tuple[int, ...]], ...]
"""A layer's tensors with their shapes: (("bias", (256,)), ("weight", (256, 51)))."""


def transfer(own: Mapping[str, Tensor], weights: Mapping[str, Tensor], *, actor: tuple[str, ...]) -> Fit:
    """Copy `weights` into `own`, in place, wherever they fit, and tell of which layers that is true.

    own: the learner's tensors by dotted name, as `weights` of any shape `[...]`; those that begin with one of `actor`
    make up its policy network. A layer (all tensors whose names differ in the last part alone) is taken whole or not
    at all. Layers of the same sizes and name come first; names may differ in what stands before a dot. Layers of the
    actor that are left then get those of the file with the same sizes, in order, if there are as many of them; critics,
    target networks and deviations are never taken for an actor. Raises LearnerError, before anything is changed, when
    nothing fits.
    """
    here, there = _layers(own), _layers(weights)
    pairs = _by_name(here, there)
    taken = set(pairs.values())
    left_here = {
        layer: sizes for layer, sizes in here.items() if layer not in pairs and layer.startswith(actor)
    }
    left_there = {
        layer: sizes for layer, sizes in there.items() if layer not in taken and not _NO_ACTOR.search(layer)
    }
    pairs.update(_by_sizes(left_here, left_there))
    if not pairs:
        raise LearnerError(_nothing_fits(here, there, actor))
    require_finite(
        "policy", {name: weights[name] for source in pairs.values() for name in _names(source, there)}
    )
    with torch.no_grad():
        for layer, source in pairs.items():
            for leaf, _ in here[layer]:
                own[_join(layer, leaf)].copy_(weights[_join(source, leaf)])
    used = set(pairs.values())
    return Fit(
        loaded=tuple(
            layer if layer == pairs[layer] else f"{layer} <- {pairs[layer]}"
            for layer in here
            if layer in pairs
        ),
        missing=tuple(_sized(layer, here) for layer in here if layer not in pairs),
        unused=tuple(_sized(layer, there) for layer in there if layer not in used),
    )


def require_finite(part: str, tensors: Mapping[str, Tensor]) -> None:
    """Raise LearnerError naming the tensors (`[...]`, of `part`) that hold NaN or Inf: no action comes of them."""
    bad = [
        name
        for name, tensor in tensors.items()
        if tensor.is_floating_point() and not bool(tensor.isfinite().all())
    ]
    if bad:
        more = f" and {len(bad) - 3} more" if len(bad) > 3 else ""
        raise LearnerError(
            f"The saved {part} holds NaN or Inf in {', '.join(bad[:3])}{more}: training had diverged when it was saved;"
            " take an earlier checkpoint"
        )


def _names(layer: str, layers: Mapping[str, Sizes]) -> list[str]:
    return [_join(layer, leaf) for leaf, _ in layers[layer]]


def _layers(tensors: Mapping[str, Tensor]) -> dict[str, Sizes]:
    """The sizes of each layer by its name, in order of appearance."""
    parameters: dict[str, list[tuple[str, tuple[int, ...]]]] = defaultdict(list)
    for name, tensor in tensors.items():
        layer, _, leaf = name.rpartition(".")
        parameters[layer].append((leaf, tuple(tensor.shape)))
    return {layer: tuple(sorted(sizes)) for layer, sizes in parameters.items()}


def _by_name(here: Mapping[str, Sizes], there: Mapping[str, Sizes]) -> dict[str, str]:
    """Own layers to those of the same sizes whose name is equal, or is the one that ends as theirs does."""
    pairs = {}
    for layer, sizes in here.items():
        alike = [o for o in there if o.endswith(f".{layer}") or layer.endswith(f".{o}")]
        same = [layer] if layer in there else alike
        if len(same) == 1 and there[same[0]] == sizes:
            pairs[layer] = same[0]
    claims = Counter(pairs.values())
    return {layer: source for layer, source in pairs.items() if claims[source] == 1}


def _by_sizes(here: Mapping[str, Sizes], there: Mapping[str, Sizes]) -> dict[str, str]:
    """Own layers to those of the same sizes, in order, where both sides have equally many."""
    pairs: dict[str, str] = {}
    for sizes in set(here.values()):
        ours = [layer for layer in here if here[layer] == sizes]
        theirs = [layer for layer in there if there[layer] == sizes]
        if len(ours) == len(theirs):
            pairs.update(zip(ours, theirs))
    return pairs


def _join(layer: str, leaf: str) -> str:
    return f"{layer}.{leaf}" if layer else leaf


def _sized(layer: str, layers: Mapping[str, Sizes]) -> str:
    return f"{layer} ({', '.join(f'{leaf} {list(shape)}' for leaf, shape in reversed(layers[layer]))})"


def _nothing_fits(here: Mapping[str, Sizes], there: Mapping[str, Sizes], actor: tuple[str, ...]) -> str:
    ours = [_sized(layer, here) for layer in here if layer.startswith(actor)]
    theirs = [_sized(layer, there) for layer in there]
    return (
        "None of the pretrained weights fits this learner's networks.\n"
        f"  the policy has: {', '.join(ours[:8])}\n  the file has: {', '.join(theirs[:8])}\n"
        "Give the hidden widths, the layer normalisation and the observations that the weights were trained with"
    )
