"""The one parent of all errors that a user may see: whoever starts something catches this class and no other."""

from __future__ import annotations

from pathlib import Path
from typing import Iterable

FAILED, BAD_REQUEST = 1, 2
"""Exit statuses: it failed while it ran; nothing was started or written."""


def interrupted_by(signal: int) -> int:
    """The exit status of a process that a signal ended, as shells write it."""
    return 128 + signal


def shown(path: Path) -> str:
    """A path for messages: from the current folder where it lies below it."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)


class RlkitError(Exception):
    """What was asked for cannot be done: the text says what is wrong, where, and what to do about it.

    messages: one text for each mistake. details: more than a line, as the traceback of foreign code; for train.log
    alone.
    """

    details = ""

    @property
    def messages(self) -> tuple[str, ...]:
        """The one text, where a subclass finds no more."""
        return (str(self),)

    def report(self) -> str:
        """The text shown to the user: every mistake, numbered when there are several."""
        if len(self.messages) == 1:
            return f"error: {self.messages[0]}"
        lines = [f"error: {len(self.messages)} mistakes in this request"]
        lines += [f"  {number}. {message}" for number, message in enumerate(self.messages, start=1)]
        return "\n".join(lines)


class ConfigError(RlkitError):
    """A request that cannot be run, for one reason or for several."""

    def __init__(self, messages: str | Iterable[str]) -> None:
        self._messages = (messages,) if isinstance(messages, str) else tuple(messages)
        super().__init__("\n".join(self._messages))

    @property
    def messages(self) -> tuple[str, ...]:
        """One text for each mistake."""
        return self._messages


def raise_for(mistakes: Iterable[str]) -> None:
    """Raise ConfigError where there are mistakes; what two checks find is told once."""
    messages = tuple(dict.fromkeys(mistakes))
    if messages:
        raise ConfigError(messages)
