"""Stopping: at once; while a StopRequest lasts on request, so that the iteration can finish and be saved."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from types import FrameType
from typing import Any, Callable, Iterator

from rlkit.runtime.process.slurm import in_job

SIGNALS = (signal.SIGINT, signal.SIGTERM)
"""Ctrl-C, and what ends a process politely."""
WARNINGS = (signal.SIGHUP, signal.SIGUSR1)
"""The terminal is gone; a batch system's word that the time is nearly over. `nohup` has the first one ignored."""


def ours() -> list[signal.Signals]:
    """The signals that end a run, without the warnings that whoever started it has ignored; the main thread's alone."""
    if threading.current_thread() is not threading.main_thread():
        return []
    return [*SIGNALS, *(number for number in WARNINGS if signal.getsignal(number) != signal.SIG_IGN)]


class Stopped(KeyboardInterrupt):
    """The process was told to stop by `signal`."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.signal = number


class StopAtOnce:
    """A context in which a signal interrupts at once and is never lost.

    Only an import and what is `held` are let finish, unless a second signal comes: an interrupt in the middle of an
    import leaves half a module behind, and in the initialisation of a compiled one it aborts the process. Whatever a
    library makes of an interrupt, nothing or another error, what was asked for still happens at the next `check`, at
    the latest when the block ends.
    """

    def __init__(self) -> None:
        self.signal: int | None = None  # the one that came
        self._holding = False
        self._previous: dict[int, Any] = {}

    def __enter__(self) -> StopAtOnce:
        for number in ours():
            self._previous[number] = signal.signal(number, self._interrupt)
        return self

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        while self._previous:
            signal.signal(*self._previous.popitem())
        if not isinstance(error, Stopped):
            self.check()

    def check(self) -> None:
        """Raise Stopped if a signal has come."""
        if self.signal is not None:
            raise Stopped(self.signal)

    @contextmanager
    def held(self) -> Iterator[None]:
        """A block that is done whole: a first signal interrupts at its end."""
        self._holding = True
        try:
            yield
        finally:
            self._holding = False
        self.check()

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        if self.signal is not None and _is_echo(number):
            return
        again, self.signal = self.signal is not None, number
        if again or not (self._holding or _importing(frame)):
            raise Stopped(number)


def _is_echo(number: int) -> bool:
    """Whether a signal may be one that was told before: SLURM tells srun and its tasks, and srun tells the tasks."""
    return number != signal.SIGINT and in_job()


def _importing(frame: FrameType | None) -> bool:
    """Whether Python's importer is at work in the frame or around it."""
    while frame is not None and not frame.f_code.co_filename.startswith("<frozen importlib"):
        frame = frame.f_back
    return frame is not None


class StopRequest:
    """A context in which the first signal only asks to stop; a second one interrupts at once, but for SLURM's.

    asked_for: called at the first one, to end what may wait for the user.
    """

    def __init__(self, asked_for: Callable[[], None] = lambda: None) -> None:
        self._asked_for = asked_for
        self.signal: int = signal.SIGTERM  # what a rank reports that was stopped by another one's signal
        self.asked = False
        self._previous: dict[int, Any] = {}

    def __enter__(self) -> StopRequest:
        for number in ours():
            self._previous[number] = signal.signal(number, self._ask)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def _ask(self, number: int, _: FrameType | None) -> None:
        if self.asked and _is_echo(number):
            return
        if self.asked:
            raise KeyboardInterrupt
        self.signal, self.asked = number, True
        self._asked_for()
