"""STL meshes that are written as text, which MuJoCo does not read, in the binary form that it does."""

from __future__ import annotations

import re

import numpy as np

_HEADER, _FACE = 84, 50  # bytes of a binary file: before its faces, and of each
_ROW = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attribute", "<u2")])
_CORNER = re.compile(rb"\bvertex\s+(\S+)\s+(\S+)\s+(\S+)", re.IGNORECASE)

_FACE_END = re.compile(rb"\bendloop\b", re.IGNORECASE)


def binary(content: bytes) -> bytes:
    """The same mesh as a binary STL; what is no text comes back as it is.

    Normals are left out: MuJoCo computes its own. Raises ValueError for corners that are no numbers or no triangles.
    """
    if not content[:512].lstrip().lower().startswith(b"solid") or _is_binary(content):
        return content
    numbers = [float(number) for corner in _CORNER.findall(content) for number in corner]
    corners, faces = np.array(numbers, np.float32).reshape(-1, 3), len(_FACE_END.findall(content))
    if not faces or len(corners) != 3 * faces or not np.isfinite(corners).all():
        raise ValueError(f"it has {len(corners)} corners for {faces} triangles, or one that is not finite")
    rows = np.zeros(faces, _ROW)
    rows["corners"] = corners.reshape(-1, 3, 3)
    return bytes(80) + len(rows).to_bytes(4, "little") + rows.tobytes()


def _is_binary(content: bytes) -> bool:
    """Whether the length is what a binary file says of itself: some of those begin with "solid", too."""
    return len(content) == _HEADER + _FACE * int.from_bytes(content[80:84], "little")
