"""Recorded episodes in a window of MuJoCo's own."""

from __future__ import annotations

import time

from rlkit.media.viewers.native.viewer import NativeViewer
from rlkit.media.viewers.playback import Playback

_LOOK_EVERY = 2.0  # s between looks for new episodes
_HELP = (
    ("space", "pause, go on"),
    ("right", "one state"),
    ("up down", "faster, slower"),
    ("n p", "next, previous episode"),
    ("r", "from the start"),
)


def play_native(playback: Playback, title: str) -> None:
    """Play until the window is closed; raises ViewerError where none can be opened."""
    window = _open(playback, title)
    shown, looked = playback.recording, time.monotonic()
    try:
        while not window.closed:
            if playback.recording is not shown:
                if playback.recording.mjcf != shown.mjcf:
                    window.close()
                    window = _open(playback, title)
                shown = playback.recording
            _show(window, playback)
            if time.monotonic() - looked >= _LOOK_EVERY:
                looked = time.monotonic()
                playback.look()
            playback.advance()
    finally:
        window.close()


def _open(playback: Playback, title: str) -> NativeViewer:
    mjcf, period = playback.recording.mjcf, playback.recording.period
    return NativeViewer(mjcf, title=title, num_envs=1, control_period=period, help_lines=_HELP)


def _show(window: NativeViewer, playback: Playback) -> None:
    """Show one state; what the window turns over as envs are the episodes here."""
    names = playback.names
    here = names.index(playback.name) if playback.name in names else 0
    window.num_envs, window.env, window.period = len(names), here, playback.period
    window.show(playback.frame())
    if window.env != here:
        playback.choose(names[window.env])
    elif window.poll_input().restart:
        playback.seek(0)
