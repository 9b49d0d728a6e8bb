"""Our own robot models as MJCF text: mesh-free, radians, written from published numbers."""

from __future__ import annotations

from pathlib import Path


def load(name: str) -> str:
    """The MJCF text of the model `name`, e.g. "dexhand"."""
    return (Path(__file__).parent / f"{name}.xml").read_text(encoding="utf-8")
