"""What a viewer is to the code that has something to show, and how one is chosen and opened."""

from __future__ import annotations

import importlib.util
import os
import sys
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Mapping, Optional, Sequence, Tuple

from rlkit.workspace import WorkspaceError

if TYPE_CHECKING:
    import numpy as np

Push = Tuple[str, float, float, float]
"""A body's name and the force on it [N], world frame."""

_INSTALL_WEB = "pip install 'rlkit[viewer]'"
_INSTALL_NATIVE = "pip install 'rlkit[mujoco]'"


class ViewerError(WorkspaceError):
    """The viewer asked for cannot work here."""


@dataclass(frozen=True)
class Frame:
    """One state of one env, and what is known about it.

    step, time [s]: since the episode began. qpos: [nq] of the model. reward: of the step that led here;
    total: the return so far; terms: its weighted reward terms by name. caption: such as "iteration 350".
    """

    env: int
    episode: int
    step: int
    time: float
    qpos: np.ndarray
    reward: float = 0.0
    total: float = 0.0
    terms: Mapping[str, float] = field(default_factory=dict)
    caption: str = ""


@dataclass
class Wishes:
    """What the user asked for since the last look; all but `env` are asked for once."""

    env: int = 0
    push: Optional[Push] = None
    checkpoint: Optional[str] = None
    restart: bool = False


class Viewer(ABC):
    """Shows the frames of one env at the pace the user sets, and collects what the user asks for.

    address: where a browser finds it, None for a window. env: which env to show; the caller sends no other.
    """

    address: Optional[str] = None
    env: int = 0

    @abstractmethod
    def show(self, frame: Frame) -> None:
        """Draw, then wait until the next frame is due: real time times the speed that is set.

        While paused this blocks until the user steps, resumes, closes, or makes a wish that the caller
        must see to be fulfilled: another env, another checkpoint, a restart.
        """

    @abstractmethod
    def wishes(self) -> Wishes:
        """What the user asked for since the last call."""

    @abstractmethod
    def offer_checkpoints(self, names: Sequence[str], playing: str) -> None:
        """Let the user choose among `names`; `playing` is the one in use."""

    @property
    @abstractmethod
    def closed(self) -> bool:
        """Whether the user closed it, or `close` was called."""

    @abstractmethod
    def close(self) -> None:
        """Take it off the screen and free its port; a second call does nothing."""


def choose_viewer(asked: str) -> str:
    """The kind of viewer to open, "native", "web" or "none", for auto, native or web.

    auto is the native one where there is a display, else none. Imports nothing and opens nothing, so that
    it can be called before anything boots. Raises ViewerError for what cannot work on this machine.
    """
    if asked == "auto":
        return "native" if _has_display() and _installed("mujoco") else "none"
    if asked == "native":
        if not _has_display():
            raise ViewerError(
                "viewer=native needs a display, and neither DISPLAY nor WAYLAND_DISPLAY is set;"
                " try viewer=web, which shows the scene in a browser"
            )
        if not _installed("mujoco"):
            raise ViewerError(f"viewer=native needs MuJoCo: {_INSTALL_NATIVE}")
        return asked
    if asked == "web":
        missing = [name for name in ("viser", "trimesh", "mujoco") if not _installed(name)]
        if missing:
            raise ViewerError(f"viewer=web needs {' and '.join(missing)}: {_INSTALL_WEB}")
        return asked
    raise ViewerError(f"viewer={asked} is not one of auto, native, web")


def open_viewer(
    kind: str,
    *,
    mjcf: str,
    title: str,
    num_envs: int,
    control_period: float,
    host: str = "127.0.0.1",
    port: int = 8080,
    obeyed: bool = True,
) -> Viewer:
    """Open a "native" or "web" viewer of the model `mjcf`; `control_period` [s] is the time of one step.

    obeyed: whether the caller keeps to the viewer's pace and fulfils wishes; without it the loop goes as fast
    as it can, and only a pause and which env to show can be asked for. `host` and `port` are the web viewer's;
    port 0 takes a free one. Raises ViewerError, as for a taken port.
    """
    choose_viewer(kind)
    if kind == "native":
        from rlkit.media.viewers.native import NativeViewer

        return NativeViewer(
            mjcf, title=title, num_envs=num_envs, control_period=control_period, obeyed=obeyed
        )
    from rlkit.media.viewers.web import WebViewer

    return WebViewer(
        mjcf,
        title=title,
        num_envs=num_envs,
        control_period=control_period,
        host=host,
        port=port,
        obeyed=obeyed,
    )


def _has_display() -> bool:
    if sys.platform in ("darwin", "win32"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _installed(module: str) -> bool:
    return importlib.util.find_spec(module) is not None
