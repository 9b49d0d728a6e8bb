"""What `task.cameras` says; read without numpy, so that a request can be refused for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Mapping, Tuple

from rlkit.env.images import Image

Point = Tuple[float, float, float]
Quaternion = Tuple[float, float, float, float]

CHANNELS = {"rgb": 3, "grey": 1, "depth": 1}
"""What a pixel may be, and of how many bytes."""


@dataclass(frozen=True)
class Camera:
    """A camera; its name is that of the observation term.

    size: height and width, pixels. camera: the name of one of the model's; None: it is placed as the next ones say, in
    the frame of `body`: at `position` (m), looking at the point `lookat` (m), the body's z axis up in the picture, or
    turned by `orientation` (wxyz, camera to body): it looks along its -z, its x is to the right of the picture.
    fovy: degrees from the lowest to the highest row. channels: of `CHANNELS`. every: control steps from one picture to
    the next. far: of depth, what is so far (m) or farther is 255.
    """

    name: str
    size: tuple[int, int] = (64, 64)
    camera: str | None = None
    body: str = "world"
    position: Point = (0.0, 0.0, 0.0)
    lookat: Point | None = None
    orientation: Quaternion | None = None
    fovy: float = 45.0
    channels: str = "rgb"
    every: int = 1
    far: float = 5.0

    @property
    def image(self) -> Image:
        """The picture as it lies in an observation."""
        return Image(*self.size, CHANNELS[self.channels])

    def described(self) -> dict[str, Any]:
        """What whoever uses a policy must know of it beside the size, by the names of the settings."""
        placed = (
            ("camera",) if self.camera is not None else ("body", "position", "lookat", "orientation", "fovy")
        )
        told = (*placed, "channels", *(("far",) if self.channels == "depth" else ()), "every")
        return {key: value for key in told if (value := getattr(self, key)) is not None}


def cameras_of(task: Mapping[str, Any]) -> tuple[Camera, ...]:
    """The cameras of a `task` section that `rlkit.config.checks.cameras` has found right, in their order."""
    return tuple(Camera(name, **_values(given)) for name, given in (task.get("cameras") or {}).items())


def _values(given: Mapping[str, Any]) -> dict[str, Any]:
    said = {key: value for key, value in given.items() if value is not None}
    return {key: tuple(value) if isinstance(value, list) else value for key, value in said.items()}
