"""Recorded episodes on a page: which one, which state, and its curves up to there."""

from __future__ import annotations

import re
import time

import numpy as np
import viser

from rlkit.media.recording import NAMED
from rlkit.media.viewers.playback import Playback
from rlkit.media.viewers.web.stage import WebStage

_LOOK_EVERY = 2.0  # s between looks for new episodes


class WebPlayer:
    """A page that plays a Playback; `address` is where. Raises ViewerError for a taken port."""

    def __init__(self, playback: Playback, *, title: str, host: str, port: int) -> None:
        self._playback = playback
        self._looked = time.monotonic()
        self._stage = WebStage(playback.recording.mjcf, title=title, host=host, port=port)
        self._stage.idle = self._look
        self.address = self._stage.address
        self._recording = playback.recording
        gui = self._stage.server.gui
        with gui.add_folder("Recording"):
            self._names = gui.add_dropdown("Episode", tuple(playback.names), initial_value=playback.name)
            self._slider = gui.add_slider("State", 0, max(playback.states - 1, 1), 1, 0)
            self._loop = gui.add_checkbox("Loop", True)
            self._note = gui.add_markdown(self._about())
        self._listen()

    def run(self) -> None:
        """Play until the process is interrupted or `close` is called."""
        while not self._stage.closed:
            if self._playback.recording is not self._recording:
                self._change_episode()
            self._stage.show(self._playback.frame(), self._playback.period, self._tell)
            self._look()
            self._playback.advance()

    def close(self) -> None:
        """Take the page off the net."""
        self._stage.close()

    def _listen(self) -> None:
        pacer, playback = self._stage.pacer, self._playback

        @self._names.on_update
        def _(event: viser.GuiEvent) -> None:
            if event.client is not None:  # the user, not this program
                playback.choose(str(self._names.value))
                pacer.let_one_through()

        @self._slider.on_update
        def _(event: viser.GuiEvent) -> None:
            if event.client is not None:
                playback.seek(int(self._slider.value))
                pacer.let_one_through()

        @self._loop.on_update
        def _(_event: viser.GuiEvent) -> None:
            playback.loop = bool(self._loop.value)

    def _change_episode(self) -> None:
        before, self._recording = self._recording, self._playback.recording
        if self._recording.mjcf != before.mjcf:
            self._stage.set_model(self._recording.mjcf)
        self._slider.max = max(self._playback.states - 1, 1)
        self._names.value = self._playback.name

    def _look(self) -> None:
        """Look for new episodes now and then."""
        if time.monotonic() - self._looked >= _LOOK_EVERY:
            self._looked = time.monotonic()
            if self._playback.look() and self._playback.name in self._playback.names:
                self._names.options = tuple(self._playback.names)
                self._names.value = self._playback.name

    def _tell(self) -> None:
        playback = self._playback
        self._slider.value = playback.index
        self._note.content = self._about()
        recording, upto = playback.recording, max(playback.step, 1)
        times, span = recording.period * np.arange(1, upto + 1), (0.0, recording.period * recording.length)
        for array in NAMED:
            curves, chart = recording.curves(array), getattr(self._stage, array)
            chart.draw(list(curves), times, [values[:upto] for values in curves.values()], span)

    def _about(self) -> str:
        header = self._playback.recording.header
        length = self._playback.recording.length
        facts = [f"{length} steps"]
        if header.get("return") is not None:  # a motion that nothing was simulated for has none
            facts.append(f"return {header['return']:.2f}")
        facts.append(as_text(str(header.get("ended", "cut"))))
        lines = [", ".join(filter(None, facts))]
        if self._playback.problem:
            lines.append(f"**not shown:** {as_text(str(self._playback.problem))}")
        return "  \n".join(lines)


def as_text(text: str) -> str:
    """Text that is no markup in Markdown, which may hold HTML: a recording may be somebody else's."""
    return re.sub(r"[^\w\s,:-]", lambda match: f"&#{ord(match[0])};", text)
