"""A small animated GIF of a video, for TensorBoard and for pages that play no video."""

from __future__ import annotations

import io
import math
from fractions import Fraction
from typing import Sequence

import numpy as np
from PIL import Image

WIDTH, MAX_FPS, MAX_FRAMES, MAX_BYTES = 240, 10, 80, 1_000_000
_COLOURS, _PALETTE_PICTURES = 128, 6


class GifFrames:
    """Keeps every n-th picture of a video, small, so that the GIF runs in real time within the limits above.

    fps, frames: of the video. pause: how long the last picture stays [s].
    """

    def __init__(self, fps: Fraction, frames: int, pause: float = 0.0) -> None:
        self._fps, self._last, self._pause = fps, frames - 1, round(1000 * pause)
        self._every = max(math.ceil(fps / MAX_FPS), math.ceil(frames / MAX_FRAMES))
        self._numbers: list[int] = []
        self._kept: list[Image.Image] = []

    def offer(self, number: int, picture: np.ndarray) -> None:
        """Keep the picture [H, W, 3] uint8 where its turn has come."""
        if number % self._every:
            return
        image = Image.fromarray(picture)
        if image.width > WIDTH:
            image = image.resize(
                (WIDTH, max(1, round(image.height * WIDTH / image.width))), Image.Resampling.LANCZOS
            )
        self._numbers.append(number)
        self._kept.append(image)

    def encoded(self) -> bytes:
        """The GIF; where the pictures hold too much for MAX_BYTES, every second is left out until it fits."""
        kept, numbers = self._kept, self._numbers
        while True:
            content = _gif(kept, self._durations(numbers))
            if len(content) <= MAX_BYTES or len(kept) == 1:
                return content
            kept, numbers = kept[::2], numbers[::2]

    def _durations(self, numbers: Sequence[int]) -> list[int]:
        """Milliseconds that each picture stays; GIF counts in 10 ms, so the rounding must not add up."""
        starts = [10 * round(100 * number / self._fps) for number in (*numbers, self._last + 1)]
        durations = [max(20, end - start) for start, end in zip(starts, starts[1:])]
        return [*durations[:-1], durations[-1] + self._pause]


def _gif(images: Sequence[Image.Image], durations: Sequence[int]) -> bytes:
    some = images[:: max(1, len(images) // _PALETTE_PICTURES)]
    sheet = np.concatenate([np.asarray(image) for image in some])
    palette = Image.fromarray(sheet).quantize(_COLOURS)  # one for all: else colours flicker
    first, *rest = [image.quantize(palette=palette, dither=Image.Dither.NONE) for image in images]
    buffer = io.BytesIO()
    first.save(buffer, "GIF", save_all=True, append_images=rest, duration=list(durations), loop=0)
    return buffer.getvalue()
