"""Real time, slower, faster, paused, or step by step."""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import Callable

SPEEDS = (0.1, 0.25, 0.5, 1.0, 2.0, 4.0)
_LONGEST_SLEEP = 0.02  # s: how late a button is noticed
_CATCH_UP = 0.2  # s of delay that are made good
_FORGET = 2.0  # s: a wait that long after the last one begins anew
_WINDOW = 1.0  # s over which the real-time factor is measured


class Pacer:
    """Holds a loop to the pace that the user sets; the buttons may be pressed from any thread.

    paused: whether `wait` blocks. speed: simulated seconds a second. closed: `wait` never blocks again.
    free: the loop goes as fast as it can, and blocks while paused only.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        free: bool = False,
    ) -> None:
        self._free = free
        self.paused = False
        self.speed = 1.0
        self.closed = False
        self._clock = clock
        self._sleep = sleep
        self._due = float("-inf")  # when the next state is to be shown
        self._pass = threading.Event()
        self._shown: deque[tuple[float, float]] = deque()

    def step(self) -> None:
        """Pause, and let one wait through."""
        self.paused = True
        self._pass.set()

    def let_one_through(self) -> None:
        """End the wait under way if it waits for the user; the pause itself stays."""
        if self.paused:
            self._pass.set()

    def slower(self) -> None:
        """The next lower speed of SPEEDS."""
        self.speed = max((s for s in SPEEDS if s < self.speed), default=SPEEDS[0])

    def faster(self) -> None:
        """The next higher speed of SPEEDS."""
        self.speed = min((s for s in SPEEDS if s > self.speed), default=SPEEDS[-1])

    def wait(self, period: float, while_paused: Callable[[], None] = lambda: None) -> None:
        """Return when `period` simulated seconds are over; at once where the loop is behind.

        A short delay is made good by what follows; of a longer one no more than 0.2 s is, the rest is lost.
        While paused `while_paused` is called about fifty times a second.
        """
        now = self._clock()
        begin = now if now - self._due > _FORGET else self._due
        self._due = max(begin + period / self.speed, now - _CATCH_UP)
        while not self.closed:
            now = self._clock()
            if self.paused:
                while_paused()
                if self._pass.is_set():
                    self._due = now
                    break
                self._due = now + _LONGEST_SLEEP  # a pause is no delay
            elif self._free or now >= self._due:
                break
            self._sleep(min(max(self._due - now, 0.0), _LONGEST_SLEEP))
        self._pass.clear()
        self._note(period)

    @property
    def factor(self) -> float:
        """Simulated seconds a second, over the last second that was not paused; 0 before two waits."""
        if len(self._shown) < 2:
            return 0.0
        elapsed = self._shown[-1][0] - self._shown[0][0]
        simulated = sum(period for _, period in list(self._shown)[1:])
        return simulated / elapsed if elapsed > 0 else 0.0

    def _note(self, period: float) -> None:
        now = self._clock()
        if self.paused:
            self._shown.clear()
            return
        self._shown.append((now, period))
        while now - self._shown[0][0] > _WINDOW:
            self._shown.popleft()
