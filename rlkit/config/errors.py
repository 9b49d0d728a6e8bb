"""The one error of the configuration: a request that cannot be run, with everything wrong about it."""

from __future__ import annotations

from typing import Sequence, Tuple


class ConfigError(Exception):
    """A request that cannot be run; `messages` holds one text for each mistake."""

    def __init__(self, messages: Sequence[str]) -> None:
        self.messages: Tuple[str, ...] = tuple(messages)
        super().__init__("\n".join(self.messages))

    def report(self) -> str:
        """The text shown to the user: every mistake, numbered when there are several."""
        if len(self.messages) == 1:
            return f"error: {self.messages[0]}"
        lines = [f"error: {len(self.messages)} mistakes in this request"]
        lines += [f"  {number}. {message}" for number, message in enumerate(self.messages, start=1)]
        return "\n".join(lines)
