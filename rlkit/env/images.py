"""Images among the observations: their sizes, and which of their axes has the channels."""

from __future__ import annotations

from dataclasses import dataclass

_LEAST_SIDE = 16  # pixels; a table of small numbers with fewer rows or columns stays a vector


@dataclass(frozen=True)
class Image:
    """An image as it lies in an observation: `[height, width, channels]` bytes, or the channels first."""

    height: int
    width: int
    channels: int
    channels_first: bool = False

    @property
    def size(self) -> int:
        """Numbers in it."""
        return self.height * self.width * self.channels

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the array that it lies in."""
        pixels = (self.height, self.width)
        return (self.channels, *pixels) if self.channels_first else (*pixels, self.channels)

    @property
    def order(self) -> str:
        """Of its axes, in the letters that are usual: HWC or CHW."""
        return "CHW" if self.channels_first else "HWC"

    def __str__(self) -> str:
        return f"{self.height} x {self.width} x {self.channels} ({self.order})"


def is_image(shape: tuple[int, ...]) -> bool:
    """Whether whole numbers of 0 to 255 in an array of this shape are an image: `[H, W]` or with channels."""
    return len(shape) in (3, 4) or (len(shape) == 2 and min(shape) >= _LEAST_SIDE)


def image_of(shape: tuple[int, ...]) -> Image:
    """The image of an array of this shape; the shorter of its first and last axis has the channels.

    Raises ValueError, which says what to do, where they are of one length, and for several images in one array.
    """
    if len(shape) == 2:
        return Image(*shape, 1)
    if len(shape) != 3:
        raise ValueError(
            "several images in one array; give the latest alone: task.history=4 keeps the others"
        )
    first, last = shape[0], shape[2]
    if first == last:
        raise ValueError(
            "its first and last axis are equally long, so neither is known to be that of the channels; a wrapper"
            " (task.wrapper) can leave out pixels or repeat a channel"
        )
    if first < last:
        return Image(shape[1], shape[2], first, channels_first=True)
    return Image(shape[0], shape[1], last)
