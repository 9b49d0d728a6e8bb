"""The live viewer in a browser: the scene, and what the user may ask of the running policy."""

from __future__ import annotations

import threading
from typing import Sequence

import numpy as np
import viser

from rlkit.media.viewers.api import Frame, Push, UserInput, Viewer
from rlkit.media.viewers.web.latents import LatentControls
from rlkit.media.viewers.web.plot import History
from rlkit.media.viewers.web.stage import WebStage
from rlkit.media.viewers.web.targets import TargetControls

_WINDOW = 10.0  # s of curves
_STRENGTH = 20.0  # N at first
_DIRECTIONS: dict[str, tuple[float, float, float]] = {
    "+x": (1, 0, 0), "-x": (-1, 0, 0), "+y": (0, 1, 0), "-y": (0, -1, 0), "up": (0, 0, 1),
}  # fmt: skip
_RANDOM = "random"


class WebViewer(Viewer):
    """A page of one env; see Viewer for what its methods promise. Raises ViewerError for a taken port."""

    def __init__(
        self,
        mjcf: str,
        *,
        title: str,
        num_envs: int,
        control_period: float,
        host: str,
        port: int,
        obeyed: bool = True,
    ) -> None:
        self.env = 0
        self._period = control_period
        self._input = UserInput()
        self._lock = threading.Lock()
        self._terms, self._metrics = History(_WINDOW), History(_WINDOW)
        self._latents: LatentControls | None = None
        self._targets: TargetControls | None = None
        self._checkpoints: viser.GuiDropdownHandle[str] | None = None
        self._stage = WebStage(mjcf, title=title, host=host, port=port, free=not obeyed)
        self.address = self._stage.address
        with self._stage.server.gui.add_folder("Policy"):
            self._policy = self._stage.server.gui.add_folder(None)
            with self._policy:
                self._add_env_choice(num_envs)
                if obeyed:
                    self._add_restart()
        if obeyed:
            with self._stage.server.gui.add_folder("Push", expand_by_default=False):
                self._add_push_controls()

    def show(self, frame: Frame) -> None:
        self._terms.add(frame.terms, self._period)
        self._metrics.add(frame.metrics, self._period)
        self._stage.show(frame, self._period, self._draw_curves)

    def set_model(self, mjcf: str) -> None:
        self._stage.set_model(mjcf)

    def poll_input(self) -> UserInput:
        with self._lock:
            asked, self._input = self._input, UserInput()
        asked.env = self.env
        if self._latents is not None:
            asked.latent = self._latents.asked(self._period, self.env)
        if self._targets is not None:
            asked.targets = self._targets.asked(self.env)
        return asked

    def offer_latents(self, size: int) -> None:
        self._latents = LatentControls(self._stage.server, size, self._stage.pacer.let_one_through)

    def offer_targets(
        self, choices: Sequence[str], bodies: Sequence[str], show: str, only: Sequence[str]
    ) -> None:
        wake = self._stage.pacer.let_one_through
        place_of = self._stage.scene.place_of
        self._targets = TargetControls(self._stage.server, choices, bodies, show, only, wake, place_of)

    def offer_checkpoints(self, names: Sequence[str], playing: str) -> None:
        if self._checkpoints is None:
            with self._policy:
                self._checkpoints = self._stage.server.gui.add_dropdown(
                    "Checkpoint", tuple(names), initial_value=playing
                )
            self._checkpoints.on_update(self._choose_checkpoint)
            return
        if tuple(names) != tuple(self._checkpoints.options):
            self._checkpoints.options = tuple(names)
        if self._checkpoints.value != playing:
            self._checkpoints.value = playing

    @property
    def closed(self) -> bool:
        return self._stage.closed

    def close(self) -> None:
        self._stage.close()

    def _draw_curves(self) -> None:
        self._terms.draw(self._stage.terms)
        self._metrics.draw(self._stage.metrics)

    def _choose_checkpoint(self, event: viser.GuiEvent) -> None:
        if event.client is not None:  # the user's choice, not what offer_checkpoints set
            with self._lock:
                self._input.checkpoint = str(event.target.value)
            self._stage.pacer.let_one_through()

    def _add_env_choice(self, num_envs: int) -> None:
        gui = self._stage.server.gui
        env = gui.add_number(
            "Env", 0, min=0, max=num_envs - 1, step=1, hint=f"0 to {num_envs - 1}", disabled=num_envs == 1
        )

        @env.on_update
        def _(_event: object) -> None:
            self.env = int(env.value)
            self._stage.pacer.let_one_through()

    def _add_restart(self) -> None:
        restart = self._stage.server.gui.add_button("Restart episode")

        @restart.on_click
        def _(_event: object) -> None:
            with self._lock:
                self._input.restart = True
            self._stage.pacer.let_one_through()

    def _add_push_controls(self) -> None:
        gui, scene = self._stage.server.gui, self._stage.scene.scene
        names = tuple(scene.model.body(body).name for body in scene.moving)
        named = tuple(name for name in names if name)
        if not named:
            gui.add_markdown("the model has no named body that moves")
            return
        body = gui.add_dropdown("Body", named, initial_value=named[-1])
        strength = gui.add_number("Force, N", _STRENGTH, min=0.0, step=1.0)
        push = gui.add_button_group("Direction", (*_DIRECTIONS, _RANDOM))

        @push.on_click
        def _(_event: object) -> None:
            with self._lock:
                self._input.push = make_push(body.value, float(strength.value), push.value)


def make_push(body: str, strength: float, direction: str) -> Push:
    """A force of `strength` [N] on a body, along a named direction of the world or a random one."""
    along = np.array(_DIRECTIONS.get(direction) or _random_direction())
    x, y, z = (float(value) for value in strength * along / np.linalg.norm(along))
    return body, x, y, z


def _random_direction() -> np.ndarray:
    """Even over the upper half of the sphere: a push into the ground shows little."""
    direction = np.random.default_rng().normal(size=3)
    direction[2] = abs(direction[2])
    return direction
