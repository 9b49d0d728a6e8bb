"""Convolutions in front of a learner's networks: observations with images become features."""

from __future__ import annotations

from typing import Any, Mapping

import torch
from torch import Tensor, nn

from rlkit.env.api import EnvSpec, read_numbers
from rlkit.env.images import Image
from rlkit.learners import cnn as convolutions
from rlkit.learners.api import LearnerError

SCALE = 255.0


class PixelRows(nn.Module):
    """Rows of the env's bytes `[B, bytes]`, or of numbers `[B, numbers]`, to what networks compute with: numbers.

    Pixels become 0 to 1, each divided by 255 whatever was seen before; the numbers in front of them are normalised by
    `vector`, where that is given.
    """

    def __init__(self, spec: EnvSpec, vector: nn.Module | None) -> None:
        super().__init__()
        self._bytes, self._numbers = spec.vector_bytes, vector_numbers(spec)
        self.vector = vector

    def forward(self, rows: Tensor) -> Tensor:
        """`[B, numbers]` float32."""
        numbers, count = read_numbers(rows, self._bytes), self._numbers
        if not count:
            return torch.div(numbers, SCALE)
        vector, pixels = numbers[..., :count], numbers[..., count:]
        if self.vector is not None:
            vector = self.vector(vector)
        return torch.cat((vector, torch.div(pixels, SCALE)), dim=-1)

    def update(self, rows: Tensor) -> None:
        """Let the statistics of the numbers that are no pixels learn from rows `[..., bytes]`."""
        if self.vector is not None:
            seen = rows[..., : self._bytes].clone(memory_format=torch.contiguous_format).view(torch.float32)
            self.vector.update(seen)  # type: ignore[operator]


class Encoder(nn.Module):
    """Numbers `[B, numbers]` of `PixelRows` to features `[B, features]`: those that are no pixels as they are, and
    behind them what the convolutions make of each image; the frames of one are channels beside each other.

    columns: where the features of each term stand.
    """

    def __init__(self, cnn: Any, spec: EnvSpec) -> None:
        super().__init__()
        self._count = vector_numbers(spec)
        self._frames = [spec.frames.get(name, 1) for name in spec.images]
        self._images = list(spec.images.values())
        self.stacks = nn.ModuleList(
            _stack(cnn, image.channels * frames, name, image)
            for (name, image), frames in zip(spec.images.items(), self._frames)
        )
        self.columns = feature_columns(cnn, spec)

    @property
    def features(self) -> int:
        """How many there are."""
        return max(part.stop for part in self.columns.values())

    def forward(self, numbers: Tensor) -> Tensor:
        """See the class."""
        made, start = [numbers[:, : self._count]] if self._count else [], self._count
        for stack, image, frames in zip(self.stacks, self._images, self._frames):
            end = start + frames * image.size
            made.append(stack(_planes(numbers[:, start:end], image, frames)).flatten(1))
            start = end
        return torch.cat(made, dim=1) if len(made) > 1 else made[0]


def vector_numbers(spec: EnvSpec) -> int:
    """Numbers of the policy's observation that are no pixels."""
    return sum(size for name, size in spec.number_terms if name not in spec.images)


def feature_columns(cnn: Any, spec: EnvSpec) -> Mapping[str, slice]:
    """Where the features of each term of the policy's observation stand."""
    columns, start = {}, 0
    for name, size in spec.number_terms:
        if name in spec.images:
            size = convolutions.features(cnn, spec.images[name])
        columns[name] = slice(start, start + size)
        start += size
    return columns


def _planes(pixels: Tensor, image: Image, frames: int) -> Tensor:
    """Pixels `[B, numbers]` as convolutions take them: `[B, frames x channels, height, width]`."""
    planes = pixels.reshape(-1, frames, *image.shape)
    if not image.channels_first:
        planes = planes.permute(0, 1, 4, 2, 3)
    return planes.reshape(-1, frames * image.channels, image.height, image.width)


def _stack(cnn: Any, channels: int, name: str, image: Image) -> nn.Sequential:
    found = convolutions.problem(cnn, name, image)
    if found is not None:
        raise LearnerError(found)
    layers: list[nn.Module] = []
    for filters, kernel, stride in convolutions.layers_of(cnn, image):
        layers += [nn.Conv2d(channels, filters, kernel, stride), nn.ReLU()]
        channels = filters
    if not layers:
        for filters in convolutions.IMPALA:
            layers += [nn.Conv2d(channels, filters, 3, padding=1), nn.MaxPool2d(3, 2, padding=1)]
            layers += [_Residual(filters), _Residual(filters)]
            channels = filters
        layers.append(nn.ReLU())
    return nn.Sequential(*layers)


class _Residual(nn.Module):
    """Two convolutions whose result is added to what went in, `[B, filters, H, W]`."""

    def __init__(self, filters: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(filters, filters, 3, padding=1)
        self.second = nn.Conv2d(filters, filters, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        return x + self.second(torch.relu(self.first(torch.relu(x))))
