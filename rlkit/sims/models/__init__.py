"""Our own robot models as MJCF text: mesh-free, radians, written from published numbers."""

from __future__ import annotations

from pathlib import Path

_FOLDER = Path(__file__).parent


def load(name: str) -> str:
    """The MJCF text of the model `name`, e.g. "dexhand"."""
    return path_of(name).read_text(encoding="utf-8")


def path_of(name: str) -> Path:
    """The file of the model `name`, whether there is one or not."""
    return _FOLDER / f"{name}.xml"


def names() -> list[str]:
    """The models that there are."""
    return sorted(path.stem for path in _FOLDER.glob("*.xml"))
