"""The page's controls of hidden targets: which kind of mask the shown env has, a box for each body, goals to drag."""

from __future__ import annotations

from typing import Callable, Sequence

import numpy as np
import viser

from rlkit.media.viewers.web.scene import ROOT

GOALS = "goals"
_SIZE = 0.25  # m, of what is dragged


class TargetControls:
    """The controls in their folder of a page; `wake` lets a paused one see what was changed.

    Until something is chosen the task shows what its settings say, as the controls do then. With the choice "goals"
    each ticked body has a cross of arrows in the scene, at first where the body is (`place_of`, `[3]` m, world): it is
    to be where the cross is dragged to.
    """

    def __init__(
        self,
        server: viser.ViserServer,
        choices: Sequence[str],
        bodies: Sequence[str],
        show: str,
        only: Sequence[str],
        wake: Callable[[], None],
        place_of: Callable[[str], np.ndarray],
    ) -> None:
        self._names = {name.replace("_", " "): name for name in choices}
        self._server, self._wake, self._place_of = server, wake, place_of
        self._chosen, self._told_to = False, -1  # the env that was told last
        self.crosses: dict[str, viser.TransformControlsHandle] = {}
        gui = server.gui
        with gui.add_folder("Targets"):
            self.show = gui.add_dropdown("Shown", tuple(self._names), initial_value=show.replace("_", " "))
            self.boxes = {body: gui.add_checkbox(body, initial_value=body in only) for body in bodies}
        for handle in (self.show, *self.boxes.values()):
            handle.on_update(lambda _: self.changed())

    def changed(self) -> None:
        """What is shown is to be what the controls say."""
        for body, box in self.boxes.items():
            wanted = self.show.value == GOALS and box.value
            if wanted and body not in self.crosses:
                self.crosses[body] = self._cross(body)
            if body in self.crosses:
                self.crosses[body].visible = wanted
        self.moved()

    def moved(self) -> None:
        """A cross was dragged, or something else is chosen: the env is to be told."""
        self._chosen, self._told_to = True, -1
        self._wake()

    def asked(self, env: int) -> tuple[str, tuple[str, ...], dict[str, tuple[float, ...]]] | None:
        """What `env` is to show from now on, of which bodies, and where these are to be; None where nothing changes."""
        if not self._chosen or self._told_to == env:
            return None
        self._told_to = env
        bodies = tuple(body for body, box in self.boxes.items() if box.value)
        places = {
            body: tuple(map(float, cross.position)) for body, cross in self.crosses.items() if cross.visible
        }
        return self._names[str(self.show.value)], bodies, places

    def _cross(self, body: str) -> viser.TransformControlsHandle:
        cross = self._server.scene.add_transform_controls(
            f"{ROOT}/goal of {body}",
            scale=_SIZE,
            disable_rotations=True,
            depth_test=False,
            position=self._place_of(body),
        )
        cross.on_update(lambda _: self.moved())
        return cross
