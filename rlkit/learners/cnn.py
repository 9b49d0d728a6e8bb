"""Which convolutions `train.cnn` asks for, and how large an image is behind each; no torch is imported here.

Sources: nature: Mnih et al. 2015, Human-level control through deep reinforcement learning. impala: the deep network of
Espeholt et al. 2018 (arXiv 1802.01561), figure 3.
"""

from __future__ import annotations

from typing import Any, Sequence, Tuple

from rlkit.env.images import Image

Layer = Tuple[int, int, int]
"""Filters, width of the square kernel, stride; nothing is padded."""

NATURE: tuple[Layer, ...] = ((32, 8, 4), (64, 4, 2), (64, 3, 1))
SMALL: tuple[Layer, ...] = ((32, 3, 2), (64, 3, 2))
IMPALA = (16, 32, 32)
"""Filters of its three blocks, each of which halves the image."""

NATURE_LEAST = 36  # pixels of the shorter side


def layers_of(cnn: Any, image: Image) -> tuple[Layer, ...]:
    """The layers for an image; none of them: impala's blocks."""
    if cnn == "impala":
        return ()
    if cnn == "auto":
        return NATURE if min(image.height, image.width) >= NATURE_LEAST else SMALL
    if cnn == "nature":
        return NATURE
    return tuple((int(filters), int(kernel), int(stride)) for filters, kernel, stride in cnn)


def shapes(cnn: Any, image: Image) -> list[tuple[int, int, int]]:
    """Filters, height and width behind each layer, or block; a side below 1 is one that the kernel does not fit on."""
    found, height, width = [], image.height, image.width
    layers = layers_of(cnn, image)
    for filters in () if layers else IMPALA:
        height, width = (height + 1) // 2, (width + 1) // 2
        found.append((filters, height, width))
    for filters, kernel, stride in layers:
        height, width = ((side - kernel) // stride + 1 for side in (height, width))
        found.append((filters, height, width))
    return found


def features(cnn: Any, image: Image) -> int:
    """Numbers that the last layer makes of an image."""
    filters, height, width = shapes(cnn, image)[-1]
    return filters * height * width


def problem(cnn: Any, name: str, image: Image) -> str | None:
    """What to say where the layers do not fit on the image called `name`; else None."""
    for number, (_, height, width) in enumerate(shapes(cnn, image), start=1):
        if min(height, width) < 1:
            shown = cnn if isinstance(cnn, str) else _shown(cnn)
            return (
                f"train.cnn={shown}: the kernel of layer {number} is larger than what is left of {name}, an image"
                f" {image}; train.cnn=auto chooses layers that fit, train.cnn={_shown(SMALL)} are small ones"
            )
    return None


def _shown(layers: Sequence[Sequence[int]]) -> str:
    return "[" + ",".join("[" + ",".join(map(str, layer)) + "]" for layer in layers) + "]"
