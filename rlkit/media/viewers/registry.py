"""The viewers by name: which one this machine can open, chosen before anything boots."""

from __future__ import annotations

import importlib.util
import os
import sys

from rlkit.media.viewers.api import Viewer, ViewerError
from rlkit.packages import how_to_install


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
            raise ViewerError(f"viewer=native needs MuJoCo: {how_to_install('mujoco')}")
        return asked
    if asked == "web":
        missing = [name for name in ("viser", "trimesh", "mujoco") if not _installed(name)]
        if missing:
            raise ViewerError(f"viewer=web needs {' and '.join(missing)}: {how_to_install('viewer')}")
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

    obeyed: whether the caller keeps to the viewer's pace and does what the user asks for; without it the loop goes as
    fast as it can, and only a pause and which env to show can be asked for. `host` and `port` are the web viewer's;
    port 0 takes a free one. Raises ViewerError, as for a taken port.
    """
    choose_viewer(kind)
    if kind == "native":
        from rlkit.media.viewers.native.viewer import NativeViewer

        return NativeViewer(
            mjcf, title=title, num_envs=num_envs, control_period=control_period, obeyed=obeyed
        )
    from rlkit.media.viewers.web.viewer import WebViewer

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
