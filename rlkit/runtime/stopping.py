"""Stopping on request: SIGINT and SIGTERM let the iteration finish, so that everything can be saved."""

from __future__ import annotations

import signal
from types import FrameType
from typing import Any, Optional


class StopRequest:
    """A context in which the first signal only asks to stop; a second one interrupts at once."""

    def __init__(self) -> None:
        self.signal: int = signal.SIGTERM  # what a rank reports that was stopped by another one's signal
        self.asked = False
        self._previous: dict[int, Any] = {}

    def __enter__(self) -> StopRequest:
        for number in (signal.SIGINT, signal.SIGTERM):
            self._previous[number] = signal.signal(number, self._ask)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def _ask(self, number: int, _: Optional[FrameType]) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.signal, self.asked = number, True
