"""A line of text in the lower left corner of a picture."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw, ImageFont

_SMALLEST = 8  # px: below this no one can read it
_SHADE = np.float32(0.4)  # of the brightness is left behind the text
_MARGIN = 0.4  # of the font's size, around the text


@lru_cache(maxsize=16)
def _font(size: int) -> ImageFont.FreeTypeFont:
    font = ImageFont.load_default(size)
    assert isinstance(font, ImageFont.FreeTypeFont)  # Pillow's wheels bring FreeType
    return font


def burn(image: np.ndarray, text: str) -> np.ndarray:
    """The picture [H, W, 3] uint8 with `text` on a dark band, as large as fits its width."""
    if not text:
        return image
    height, width = image.shape[:2]
    size = max(_SMALLEST, height // 28)
    while size > _SMALLEST and _font(size).getlength(text) + 2 * _MARGIN * size > width:
        size -= 1
    pad = round(_MARGIN * size)
    band = size + 2 * pad
    shaded = Image.fromarray(np.ascontiguousarray(image[-band:] * _SHADE).astype(np.uint8))
    middle = shaded.height // 2
    ImageDraw.Draw(shaded).text((pad, middle), text, font=_font(size), fill=(245, 245, 245), anchor="lm")
    captioned = image.copy()
    captioned[-band:] = np.asarray(shaded)
    return captioned
