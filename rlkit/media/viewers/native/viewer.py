"""The live viewer in a window of MuJoCo's own, steered by keys."""

# MuJoCo's bindings are compiled and ship no stubs
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

import sys
import threading
import time
from typing import Callable, Optional, Sequence, Tuple

import mujoco
import mujoco.viewer
import numpy as np

from rlkit.media.camera import TrackingCamera
from rlkit.media.ghost import GhostGeoms
from rlkit.media.viewers.api import Frame, UserInput, Viewer, ViewerError
from rlkit.media.viewers.pacer import Pacer
from rlkit.media.viewers.scene import Scene
from rlkit.packages import launched

Text = Tuple[Optional[int], Optional[int], Optional[str], Optional[str]]
"""A font, a place, and two columns of lines, as MuJoCo's window takes them."""

_STRENGTH = 20.0  # N
_ASPECT = 1.5  # of the window as it opens
_ROOM = 1.4  # times as far as the first pose needs: things will move
_DRAW_EVERY = 1 / 30  # s
_RIGHT, _DOWN, _UP = 262, 264, 265  # GLFW's codes of the arrow keys
_HELP: tuple[tuple[str, str], ...] = (
    ("space", "pause, go on"),
    ("right", "one step"),
    ("up down", "faster, slower"),
    ("n p", "next, previous env"),
    ("r", "restart the episode"),
    ("f", "push at random"),
    ("c", "next checkpoint"),
)
_ALWAYS = ("space", "right", "n p")  # keys that mean something whatever the caller obeys
# What of a model is seen, where all else is the same
_SHAPES = (
    *("geom_type", "geom_dataid", "geom_size", "geom_aabb", "geom_rbound"),
    *("geom_pos", "geom_quat", "geom_rgba"),
)
# The window switches these drawing options on the same keys (n, p, f, c), and none of them is about the policy.
_SIDE_EFFECTS = (
    mujoco.mjtVisFlag.mjVIS_ISLAND,
    mujoco.mjtVisFlag.mjVIS_CONTACTSPLIT,
    mujoco.mjtVisFlag.mjVIS_CONTACTFORCE,
    mujoco.mjtVisFlag.mjVIS_CONTACTPOINT,
)


class NativeViewer(Viewer):
    """A window of one env; see Viewer for what its methods promise.

    num_envs: how many `n` and `p` turn over. period: seconds that a frame stays. help_lines: keys and what
    they do, for the corner of the picture. Raises ViewerError where no window can be opened.
    """

    def __init__(
        self,
        mjcf: str,
        *,
        title: str,
        num_envs: int,
        control_period: float,
        help_lines: Sequence[tuple[str, str]] = _HELP,
        obeyed: bool = True,
    ) -> None:
        self.env = 0
        self.pacer = Pacer(free=not obeyed)
        self._title = title
        self.num_envs = num_envs
        self.period = control_period
        self._help = help_lines if obeyed else [line for line in help_lines if line[0] in _ALWAYS]
        self._input = UserInput()
        self._checkpoints: list[str] = []
        self._playing = ""
        self._frame: Frame | None = None
        self._stale = self._reshaped = False
        self._draw_next = float("-inf")
        self._scene = Scene(mjcf)
        self._tracker = TrackingCamera(self._scene.model, _ASPECT)
        self._ghost: GhostGeoms | None = None
        self._looked_at: np.ndarray | None = None
        check_display()
        self._keys = self._bindings()
        before = set(threading.enumerate())
        try:
            self._window = mujoco.viewer.launch_passive(
                self._scene.model,
                self._scene.data,
                key_callback=self.press,
                show_left_ui=False,
                show_right_ui=False,
            )
        except RuntimeError as error:  # macOS: only mjpython may open windows
            raise ViewerError(f"{error}; try `mjpython {launched()} ...`, or viewer=web") from error
        self._threads = set(threading.enumerate()) - before

    def show(self, frame: Frame) -> None:
        if self.closed:
            return
        self._frame, self._stale = frame, True
        if time.monotonic() >= self._draw_next:
            self._draw()
        self.pacer.wait(self.period, while_paused=self._draw)

    def set_model(self, mjcf: str) -> None:
        model, other = self._scene.model, Scene(mjcf).model
        with self._window.lock():
            for name in _SHAPES:
                getattr(model, name)[:] = getattr(other, name)
        self._ghost, self._reshaped = None, True

    def poll_input(self) -> UserInput:
        asked, self._input = self._input, UserInput()
        asked.env = self.env
        return asked

    def offer_checkpoints(self, names: Sequence[str], playing: str) -> None:
        self._checkpoints, self._playing = list(names), playing

    @property
    def closed(self) -> bool:
        return self.pacer.closed or not self._window.is_running()

    def close(self) -> None:
        if not self.pacer.closed:
            self.pacer.closed = True
            self._window.close()
            # A process that ends while one still draws is killed by its X server
            for thread in self._threads:
                thread.join(timeout=5.0)

    def press(self, key: int) -> None:
        """Do what a key means; `key` is GLFW's code, of a letter that of its capital."""
        action = self._keys.get(key)
        if action is not None:
            action()

    def _bindings(self) -> dict[int, Callable[[], None]]:
        return {
            ord(" "): self._toggle_pause,
            _RIGHT: self.pacer.step,
            _UP: self.pacer.faster,
            ord("]"): self.pacer.faster,
            _DOWN: self.pacer.slower,
            ord("["): self.pacer.slower,
            ord("N"): lambda: self._turn(1),
            ord("P"): lambda: self._turn(-1),
            ord("R"): self._restart,
            ord("F"): self._push,
            ord("C"): self._next_checkpoint,
        }

    def _toggle_pause(self) -> None:
        self.pacer.paused = not self.pacer.paused

    def _turn(self, by: int) -> None:
        self.env = (self.env + by) % self.num_envs
        self.pacer.let_one_through()

    def _restart(self) -> None:
        self._input.restart = True
        self.pacer.let_one_through()

    def _push(self) -> None:
        names = [self._scene.model.body(body).name for body in self._scene.moving]
        named = [name for name in names if name]
        if named:
            direction = np.random.default_rng().normal(size=3)
            direction[2] = abs(direction[2])  # a push into the ground shows little
            x, y, z = (float(value) for value in _STRENGTH * direction / np.linalg.norm(direction))
            self._input.push = (named[-1], x, y, z)

    def _next_checkpoint(self) -> None:
        if self._playing in self._checkpoints:
            following = self._checkpoints.index(self._playing) + 1
            self._input.checkpoint = self._checkpoints[following % len(self._checkpoints)]
            self.pacer.let_one_through()

    def _draw(self) -> None:
        if not self._window.is_running():
            self.pacer.closed = True
        elif self._frame is not None:
            begin = time.monotonic()
            if self._stale:
                self._move(self._frame)
            self._window.set_texts(overlay(self._title, self._frame, self.pacer, self._help))
            self._window.sync(state_only=not self._reshaped)
            self._reshaped = False
            # Where pictures are slow, as without a GPU, half of the time stays for what makes the states.
            self._draw_next = begin + max(_DRAW_EVERY, 2 * (time.monotonic() - begin))

    def _move(self, frame: Frame) -> None:
        model, data = self._scene.model, self._scene.data
        self._stale = False
        with self._window.lock():
            self._scene.pose(frame.qpos)
            mujoco.mj_forward(model, data)  # lights and cameras go with the bodies
            data.time = frame.time
            extra = self._window.user_scn
            assert extra is not None  # a passive viewer always has one
            extra.ngeom = 0
            if frame.ghost is not None:
                self._ghost = self._ghost or GhostGeoms(model)
                self._ghost.add(extra, data, frame.ghost)
            self._window.opt.flags[[int(flag) for flag in _SIDE_EFFECTS]] = 0
            self._follow()

    def _follow(self) -> None:
        """Look at the scene as videos do, and go along with it; the mouse moves the camera from there."""
        view, camera = self._tracker.aim(self._scene.data), self._window.cam
        if self._looked_at is None:
            camera.lookat[:] = view.lookat
            camera.azimuth, camera.elevation = view.azimuth, view.elevation
            camera.distance = _ROOM * view.distance
        else:
            camera.lookat += view.lookat - self._looked_at
        self._looked_at = view.lookat.copy()


def overlay(
    title: str, frame: Frame, pacer: Pacer, help_lines: Sequence[tuple[str, str]] = _HELP
) -> list[Text]:
    """The texts over the picture: state at the top, reward terms and metrics at the right, keys at the bottom."""
    font, places = int(mujoco.mjtFontScale.mjFONTSCALE_100), mujoco.mjtGridPos
    pace = "paused" if pacer.paused else f"{pacer.factor:.2f}x (asked: {pacer.speed:g}x)"
    rows = [
        (title, frame.caption),
        ("env", str(frame.env)),
        ("episode", str(frame.episode)),
        ("time", f"{frame.time:.2f} s, step {frame.step}"),
        ("return", f"{frame.total:.2f}"),
        ("speed", pace),
    ]
    terms = [(name, f"{value:.4f}") for name, value in {**frame.terms, **frame.metrics}.items()]
    texts: list[Text] = [(font, int(places.mjGRID_TOPLEFT), *_columns(rows))]
    if terms:
        texts.append((font, int(places.mjGRID_TOPRIGHT), *_columns(terms)))
    texts.append((font, int(places.mjGRID_BOTTOMLEFT), *_columns(help_lines)))
    return texts


def _columns(rows: Sequence[tuple[str, str]]) -> tuple[str, str]:
    return "\n".join(left for left, _ in rows), "\n".join(right for _, right in rows)


def check_display() -> None:
    """Raise ViewerError unless a window with OpenGL opens; MuJoCo itself would wait for it forever."""
    if sys.platform == "darwin":
        return  # GLFW may only be used from mjpython's own thread there
    import glfw

    reasons: list[str] = []
    before = glfw.set_error_callback(lambda _code, text: reasons.append(text.decode("utf-8", "replace")))
    try:
        window = None
        if glfw.init():
            glfw.window_hint(glfw.VISIBLE, glfw.FALSE)
            window = glfw.create_window(64, 64, "rlkit", None, None)
            glfw.default_window_hints()
        if not window:
            reason = reasons[-1] if reasons else "GLFW does not say why"
            raise ViewerError(
                f"viewer=native cannot open a window ({reason}); try viewer=web, which shows the scene in a"
                " browser"
            )
        glfw.destroy_window(window)
    finally:
        glfw.set_error_callback(before)  # pyright: ignore[reportArgumentType]  # None is allowed
