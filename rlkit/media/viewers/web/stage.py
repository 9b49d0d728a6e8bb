"""What every page has: the scene, pause, step, speed, what is shown now, and the curves."""

from __future__ import annotations

import socket
import threading
import time
from typing import Callable

import viser

from rlkit.media.viewers.api import Frame
from rlkit.media.viewers.pacer import SPEEDS, Pacer
from rlkit.media.viewers.scene import Scene
from rlkit.media.viewers.web.plot import Chart
from rlkit.media.viewers.web.scene import WebScene
from rlkit.media.viewers.web.server import start_server, stop_server

_DRAW_EVERY = 1 / 30  # s: browsers are sent no more pictures than this
_TELL_EVERY = 1 / 5  # s: text and curves
_RUNNING, _PAUSED = ("Pause", "Step"), ("Resume", "Step")


class WebStage:
    """A page with a scene that moves at the user's pace.

    A page's own controls are added to `server.gui` by whoever made the stage; their callbacks run in the
    server's threads. Raises ViewerError for a taken port.
    """

    def __init__(self, mjcf: str, *, title: str, host: str, port: int, free: bool = False) -> None:
        """free: whoever sends the frames sets the pace."""
        scene = Scene(mjcf)
        self.pacer = Pacer(free=free)
        self.server = start_server(host, port, title)
        self.address = f"http://{_reachable(host)}:{self.server.get_port()}"
        self.closed = False
        self.idle: Callable[[], None] = lambda: None  # called now and then while the scene is paused
        self._drawing = threading.Lock()  # nothing may be sent to a server that has stopped
        self._frame: Frame | None = None
        self._drawn = self._told = float("-inf")
        self._stale = False
        self._tell_more: Callable[[], None] = lambda: None
        gui = self.server.gui
        self._status = gui.add_markdown("waiting for the first state")
        self.scene = WebScene(self.server, scene)
        self._add_time_controls(gui, paced=not free)
        self.terms = Chart(self.server, "Reward terms", order=1000.0)
        self.metrics = Chart(self.server, "Metrics", order=1001.0)

    def set_model(self, mjcf: str) -> None:
        """Show another model from now on; raises ViewerError for one that MuJoCo cannot compile."""
        scene, followed = Scene(mjcf), self.scene.follow
        self.scene = WebScene(self.server, scene)
        self.scene.shows_ghost = self._reference.value
        if followed in self.scene.followable:
            self.scene.follow = followed
        self._follow.options = self.scene.followable
        self._follow.value = self.scene.follow

    def show(self, frame: Frame, period: float, tell_more: Callable[[], None] = lambda: None) -> None:
        """Draw a frame, then wait until `period` simulated seconds are over, or as long as it is paused.

        `tell_more` updates what the page has beside the scene; it is called less often than frames come.
        """
        self._frame, self._stale, self._tell_more = frame, True, tell_more
        if time.monotonic() - self._drawn >= _DRAW_EVERY:
            self._draw()
        self.pacer.wait(period, while_paused=self._while_paused)

    def close(self) -> None:
        """Take the page off the net and free its port."""
        with self._drawing:
            if not self.closed:
                self.closed = self.pacer.closed = True
                stop_server(self.server)

    def _while_paused(self) -> None:
        """While paused: what was left out to spare the browser, so that picture and text are the last state."""
        self.idle()
        if self._stale:
            self._told = float("-inf")
            self._draw()

    def _draw(self) -> None:
        assert self._frame is not None
        with self._drawing:
            if self.closed:
                return
            self._drawn = time.monotonic()
            self.scene.draw(self._frame.qpos, self._frame.ghost)
            self._reference.visible = self._frame.ghost is not None
            if self._drawn - self._told >= _TELL_EVERY:
                self._told, self._stale = self._drawn, False
                self._status.content = _status(self._frame, self.pacer, self.scene.scene)
                self._tell_more()

    def _add_time_controls(self, gui: viser.GuiApi, *, paced: bool) -> None:
        buttons = gui.add_button_group("Time", _RUNNING)
        if paced:
            self._add_speed(gui)
        self._follow = gui.add_dropdown(
            "Follow",
            self.scene.followable,
            initial_value=self.scene.follow,
            hint="what stays in the middle of the picture",
        )
        self._reference = gui.add_checkbox(
            "Reference", True, visible=False, hint="where the task wants it to be, translucent"
        )

        @buttons.on_click
        def _(_event: object) -> None:
            if buttons.value == "Step":
                self.pacer.step()
            else:
                self.pacer.paused = not self.pacer.paused
            buttons.options = _PAUSED if self.pacer.paused else _RUNNING
            self._stale = True

        @self._follow.on_update
        def _(_event: object) -> None:
            if self._follow.value in self.scene.followable:  # else of the model that was shown before
                self.scene.follow = str(self._follow.value)
                self._stale = True

        @self._reference.on_update
        def _(_event: object) -> None:
            self.scene.shows_ghost = bool(self._reference.value)
            self._stale = True

    def _add_speed(self, gui: viser.GuiApi) -> None:
        speed = gui.add_slider("Speed", SPEEDS[0], SPEEDS[-1], 0.1, 1.0, hint="simulated seconds a second")

        @speed.on_update
        def _(_event: object) -> None:
            self.pacer.speed = float(speed.value)


def _reachable(host: str) -> str:
    """What a browser is to be told for an address to listen on."""
    if host in ("0.0.0.0", "::"):  # every address of this machine, but none that browsers open
        return socket.gethostname()
    return f"[{host}]" if ":" in host else host


def _status(frame: Frame, pacer: Pacer, scene: Scene) -> str:
    """The lines over the buttons, in Markdown."""
    pace = "paused" if pacer.paused else f"{pacer.factor:.2f}x real time"
    lines = [
        f"**{frame.caption}**" if frame.caption else "",
        f"time **{frame.time:.2f} s**, return **{frame.total:.2f}**",
        f"env {frame.env}, episode {frame.episode}, step {frame.step}",
        pace,
    ]
    if scene.not_drawn:
        lines.append("not drawn: " + ", ".join(scene.not_drawn))
    return "  \n".join(line for line in lines if line)
