"""Text of somebody else's on a terminal, which obeys control characters, and in a command that is copied from there."""

from __future__ import annotations

import re
import shlex
from typing import Any

# C0 and C1 without tab and newline, what turns the direction of text, and halves of letters.
_CONTROL = re.compile(
    "[\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f\\u061c\\u200e\\u200f\\u2028-\\u202e\\u2066-\\u2069\\ud800-\\udfff]"
)


def printable(text: str) -> str:
    """The text with its control characters written out, as \\x1b."""
    return _CONTROL.sub(lambda match: ascii(match[0])[1:-1], text)


def all_printable(value: Any) -> Any:
    """The same of every text, keys too, in nested plain values."""
    if isinstance(value, dict):
        return {printable(str(key)): all_printable(item) for key, item in value.items()}
    if isinstance(value, list):
        return [all_printable(item) for item in value]
    return printable(value) if isinstance(value, str) else value


def as_setting(value: str) -> str:
    """A value as the shell and the configuration both take it behind `name=`."""
    if re.fullmatch(r"[\w./+-]+(:\w+)?", value, re.ASCII) or re.fullmatch(r"[\w./+-]+", value):
        return value
    if not re.search(r"[$`\"\\!']", value):
        return f"\"'{value}'\""
    # Hydra's quotes: backslashes are doubled in front of a quote alone.
    quoted = "'" + re.sub(r"(\\*)('|$)", lambda m: m[1] * 2 + ("\\'" if m[2] else ""), value) + "'"
    return shlex.quote(quoted)
