"""Standard streams that may go away: a closed pipe or terminal, or a full disk, costs what it would have shown."""

from __future__ import annotations

import errno
import io
import os
import sys
from contextlib import contextmanager, suppress
from typing import Any, Iterator, TextIO

_FULL = (errno.ENOSPC, errno.EDQUOT)  # may pass: the stream is kept and tried again

_losses: list[str] = []


@contextmanager
def surviving_console() -> Iterator[None]:
    """Inside, writing to stdout and stderr never fails; `losses` tells what went away.

    A stream that was closed before the start leads to /dev/null, so that no file of ours gets its number.
    """
    before = sys.stdout, sys.stderr
    ours = survive()
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before
        for stream in ours:
            stream.end()


def survive() -> list[_Surviving]:
    """As `surviving_console`, from now on; the streams that stand in the place of stdout and stderr."""
    _open_missing()
    ours = [_Surviving(stream, name) for stream, name in zip((sys.stdout, sys.stderr), ("stdout", "stderr"))]
    sys.stdout, sys.stderr = ours  # type: ignore[assignment]
    return ours


def losses() -> list[str]:
    """What has gone away since the last call, in words."""
    found = _losses[:]
    del _losses[: len(found)]
    return found


class _Surviving:
    """A text stream whose writes do not fail: what has no reader any more is led to /dev/null."""

    def __init__(self, stream: TextIO, name: str) -> None:
        self._stream, self._name = stream, name
        self._told = False

    def write(self, text: str) -> int:
        """As of any text stream."""
        try:
            return self._stream.write(text)
        except OSError as error:
            self._failed(error)
        return len(text)

    def writelines(self, lines: Any) -> None:
        """As of any text stream."""
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        """As of any text stream."""
        try:
            self._stream.flush()
        except OSError as error:
            self._failed(error)

    def end(self) -> None:
        """Flush for good: what a full disk did not take by now would fail once more as Python ends."""
        try:
            self._stream.flush()
        except OSError:
            self._drop()

    def _failed(self, error: OSError) -> None:
        if not self._told:
            self._told = True
            _losses.append(f"{self._name} takes no more ({error.strerror or error}); train.log goes on")
        if error.errno not in _FULL:
            self._drop()

    def _drop(self) -> None:
        with suppress(OSError, ValueError):  # ValueError: of a stream without a file
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, self._stream.fileno())
            os.close(null)
            self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def _open_missing() -> None:
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # Python found it closed
            setattr(sys, name, io.StringIO())
