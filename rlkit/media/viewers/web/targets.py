"""The page's controls of hidden targets: which kind of mask the shown env has, and a box for each body."""

from __future__ import annotations

from typing import Callable, Sequence

import viser


class TargetControls:
    """The controls in their folder of a page; `wake` lets a paused one see what was changed.

    Until something is chosen the task shows what its settings say, as the controls do then.
    """

    def __init__(
        self,
        server: viser.ViserServer,
        choices: Sequence[str],
        bodies: Sequence[str],
        show: str,
        only: Sequence[str],
        wake: Callable[[], None],
    ) -> None:
        self._names = {name.replace("_", " "): name for name in choices}
        self._wake = wake
        self._chosen, self._told_to = False, -1  # the env that was told last
        gui = server.gui
        with gui.add_folder("Targets"):
            self.show = gui.add_dropdown("Shown", tuple(self._names), initial_value=show.replace("_", " "))
            self.boxes = {body: gui.add_checkbox(body, initial_value=body in only) for body in bodies}
        for handle in (self.show, *self.boxes.values()):
            handle.on_update(lambda _: self.changed())

    def changed(self) -> None:
        """What is shown is to be what the controls say."""
        self._chosen, self._told_to = True, -1
        self._wake()

    def asked(self, env: int) -> tuple[str, tuple[str, ...]] | None:
        """What `env` is to show from now on, and of which bodies; None where nothing changes."""
        if not self._chosen or self._told_to == env:
            return None
        self._told_to = env
        bodies = tuple(body for body, box in self.boxes.items() if box.value)
        return self._names[str(self.show.value)], bodies
