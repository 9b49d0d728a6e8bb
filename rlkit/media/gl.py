"""What making a video needs of the machine: an OpenGL that draws without a window, and an H.264 encoder.

Nothing here imports MuJoCo or loads OpenGL into this process: which OpenGL MuJoCo takes is settled when it is
imported, and a library that failed to load stays broken. Each one is tried in a process of its own.
"""

from __future__ import annotations

import os
import subprocess
import sys

from rlkit.errors import RlkitError
from rlkit.packages import how_to_install, python

_ANSWER_SECONDS = 60.0
_INSTALL_GL = (
    "apt-get install libegl1 libegl-mesa0 libgl1-mesa-dri (or libosmesa6), or `conda install mesalib`"
)
_INSTALL_ENCODER = how_to_install("video")
_CODEC = "libx264"
_DRAW_ONCE = """
import importlib, os
import mujoco
importlib.import_module("mujoco." + os.environ["MUJOCO_GL"])  # mujoco keeps this one's ImportError to itself
model = mujoco.MjModel.from_xml_string("<mujoco/>")
renderer = mujoco.Renderer(model, 16, 16)
renderer.update_scene(mujoco.MjData(model))
renderer.render()
renderer.close()
"""


class RenderError(RlkitError):
    """Pictures or videos cannot be made: of this model, or on this machine."""


def choose_gl() -> str:
    """The value of MUJOCO_GL to import mujoco with: the first that draws without a window, in about 0.5 s each.

    Where MUJOCO_GL is set, that one or none. Raises RenderError that says what was tried and why it failed.
    """
    known = _known_gl()
    wanted = os.environ.get("MUJOCO_GL", "").strip().lower()
    if wanted and wanted not in known:
        raise RenderError(
            f"MUJOCO_GL={wanted} draws nothing without a window here; allowed: {', '.join(known)}, or unset it"
        )
    failures = []
    for name in (wanted,) if wanted else known:
        if name == "glfw" and sys.platform == "linux" and not os.environ.get("DISPLAY"):
            failures.append("glfw: it needs a display, and DISPLAY is not set")
            continue
        reason = _why_not(name)
        if not reason:
            return name
        failures.append(f"{name}: {reason}")
    tried = "; ".join(failures)
    mend = f"unset MUJOCO_GL to try others, or {_INSTALL_GL}" if wanted else _INSTALL_GL
    raise RenderError(f"no OpenGL here draws without a window; tried {tried}. Mend it: {mend}")


def _known_gl() -> tuple[str, ...]:
    """What MuJoCo can draw with on this system, the quickest to set up first."""
    if sys.platform == "darwin":
        return ("cgl", "glfw")
    return ("egl", "osmesa", "glfw") if sys.platform == "linux" else ("glfw",)


def _why_not(name: str) -> str:
    """Draw once with this OpenGL in another process; the last line it failed with, empty when it worked."""
    try:
        done = subprocess.run(
            python(_DRAW_ONCE),
            env={**os.environ, "MUJOCO_GL": name},
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_ANSWER_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"no picture within {_ANSWER_SECONDS:g} s"
    if done.returncode == 0:
        return ""
    return last_line(done.stderr) or f"exit status {done.returncode}"


def last_line(text: str) -> str:
    """The last line that holds something, where a traceback or a tool says what was wrong."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else ""


def require_encoder() -> str:
    """The path of an ffmpeg that runs and encodes H.264; raises RenderError with what to install."""
    try:
        import imageio_ffmpeg
    except ImportError as error:
        raise RenderError(
            f"videos need imageio-ffmpeg, which is not installed: {_INSTALL_ENCODER}"
        ) from error
    try:
        program = imageio_ffmpeg.get_ffmpeg_exe()
        done = subprocess.run(
            [program, "-hide_banner", "-encoders"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_ANSWER_SECONDS,
            check=False,
        )
    except (OSError, RuntimeError, subprocess.TimeoutExpired) as error:
        raise RenderError(f"imageio-ffmpeg has no ffmpeg that runs ({error}): {_INSTALL_ENCODER}") from error
    if done.returncode or _CODEC not in done.stdout:
        lacks = last_line(done.stderr) if done.returncode else f"it has no encoder {_CODEC}"
        raise RenderError(
            f"{program} cannot encode videos: {lacks}; unset IMAGEIO_FFMPEG_EXE if it is set, else {_INSTALL_ENCODER}"
        )
    return program
