"""The page's controls of a latent: drawn by the task, held by sliders, or on a random walk over the sphere."""

from __future__ import annotations

from typing import Callable, Sequence

import numpy as np
import viser

MODES = ("drawn", "held", "walk")
MOST_SLIDERS = 16  # for the first numbers; the others stay as they are until "Another"
_SPEED = 1.0  # rad/s of the walk, about


class LatentWalk:
    """A vector `[size]` that sliders set, and that goes over the sphere; speed: so many rad a second."""

    def __init__(self, size: int, speed: float = _SPEED, seed: int | None = None) -> None:
        self._random = np.random.default_rng(seed)
        self.speed = speed
        self._set = np.zeros(size)
        self._heading = np.zeros(size)
        self.jump()

    @property
    def now(self) -> np.ndarray:
        """The unit vector `[size]` along what was set."""
        return _unit(self._set)

    def jump(self) -> None:
        """To anywhere on the sphere."""
        self._set = _unit(self._random.normal(size=len(self._set)))

    def set(self, values: Sequence[float]) -> None:
        """The first numbers are these, `[k]`, beside the others as they are; all 0 changes nothing.

        The length stays as it becomes: brought to 1 in each event of a slider that is dragged, the others would vanish.
        """
        changed = self._set.copy()
        changed[: len(values)] = values
        if np.linalg.norm(changed) > 0.0:
            self._set = changed

    def walk(self, seconds: float) -> None:
        """On for a time, along a heading that changes by and by."""
        now = self.now
        away = self._random.normal(size=len(now)) / len(now) ** 0.5
        self._heading = 0.9 * self._heading + 0.1 * away
        along = self._heading - (self._heading @ now) * now
        length = np.linalg.norm(along)
        if length > 0.0:
            angle = self.speed * seconds
            self._set = _unit(np.cos(angle) * now + np.sin(angle) * along / length)


class LatentControls:
    """The controls in their folder of a page; `wake` lets a paused one see what was changed."""

    def __init__(self, server: viser.ViserServer, size: int, wake: Callable[[], None]) -> None:
        self._walk, self._wake = LatentWalk(size), wake
        gui = server.gui
        with gui.add_folder("Latent"):
            self.mode = gui.add_button_group("Latent", MODES)
            self.speed = gui.add_slider("Walk, rad/s", min=0.1, max=5.0, step=0.1, initial_value=_SPEED)
            self.another = gui.add_button("Another")
            self.sliders = [
                gui.add_slider(
                    f"z{number}", min=-1.0, max=1.0, step=0.01, initial_value=round(float(value), 2)
                )
                for number, value in enumerate(self._walk.now[:MOST_SLIDERS])
            ]
        self._mode, self._told_to = MODES[0], -1  # the env that it was told for
        self.mode.on_click(lambda _: self.choose(str(self.mode.value)))
        self.another.on_click(lambda _: self.jump())
        for slider in self.sliders:
            slider.on_update(self._moved)

    def choose(self, mode: str) -> None:
        """One of MODES."""
        self._mode, self._told_to = mode, -1
        self._wake()

    def jump(self) -> None:
        """To another latent, which is held unless it walks."""
        self._walk.jump()
        for slider, value in zip(self.sliders, self._walk.now):
            slider.value = round(float(value), 2)
        self.choose("walk" if self._mode == "walk" else "held")

    def _moved(self, event: viser.GuiEvent) -> None:
        if event.client is not None:  # the user, not `jump`
            self._walk.set([float(slider.value) for slider in self.sliders])
            self.choose("held")

    def asked(self, seconds: float, env: int) -> tuple[float, ...] | None:
        """What `env` is to show from now on; empty: what the task draws, None where nothing changes.

        seconds: since it was asked last, as they pass in the simulation.
        """
        if self._mode == "walk":
            self._walk.speed = float(self.speed.value)
            self._walk.walk(seconds)
        elif self._told_to == env:
            return None
        self._told_to = env
        return () if self._mode == "drawn" else tuple(self._walk.now.tolist())


def _unit(vector: np.ndarray) -> np.ndarray:
    return vector / np.linalg.norm(vector)
