"""A line where something takes long: nobody shall look at a silent terminal and wonder."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import Callable, Iterator

FIRST_WORD = 0.5  # seconds of silence; what is over earlier is not spoken of
REPEATED = 10.0  # seconds between the words of a long wait


class Waiting:
    """Says what is going on while it goes on, from another thread: imports and compilers hold up this one.

    tell: takes a line.
    """

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self._over: threading.Event | None = None

    def begin(self, what: str, after: float = FIRST_WORD) -> None:
        """`what` begins ("loading torch"), and whatever went on before is over; said after so many seconds."""
        self.end()
        self._over = threading.Event()
        threading.Thread(target=self._speak, args=(what, after, self._over), daemon=True).start()

    def end(self) -> None:
        """Nothing is waited for any more."""
        if self._over is not None:
            self._over.set()

    def _speak(self, what: str, after: float, over: threading.Event) -> None:
        started = time.monotonic()
        if over.wait(after):
            return
        self._tell(f"{what} ...")
        while not over.wait(REPEATED):
            self._tell(f"{what} ... {time.monotonic() - started:.0f} s")


@contextmanager
def told(what: str, after: float = FIRST_WORD, tell: Callable[[str], None] = print) -> Iterator[None]:
    """While the block runs, `what` is told where it takes longer than that [s]; tell: takes a line."""
    waiting = Waiting(tell)
    waiting.begin(what, after)
    try:
        yield
    finally:
        waiting.end()
