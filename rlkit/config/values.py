"""Values of the command line as Hydra reads them, without importing Hydra."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, List

_INT = re.compile(r"[+-]?(0|[1-9](_?\d)*)$")
_DIGITS = r"\d(_?\d)*"
_FLOAT = re.compile(
    rf"[+-]?(({_DIGITS}\.({_DIGITS})?|\.{_DIGITS})([eE][+-]?\d+)?|{_DIGITS}[eE][+-]?\d+|(?i:inf|nan))$"
)
_SAFE = re.compile(r"[\w/.:+@%-]+$")


class Unread:
    """A value that only Hydra can tell: a sweep function, an interpolation, a dict."""


UNREAD = Unread()


def parse(text: str) -> Any:
    """The Python value of one override value; UNREAD where it takes Hydra to know."""
    text = text.strip()
    if "${" in text or re.match(r"[A-Za-z_]\w*\(", text) or text.startswith("{"):
        return UNREAD
    if text.startswith("[") and text.endswith("]"):
        items = [parse(item) for item in split(text[1:-1])] if text[1:-1].strip() else []
        return UNREAD if any(item is UNREAD for item in items) else items
    if len(text) >= 2 and text[0] == text[-1] and text[0] in "'\"":
        # Hydra unescapes backslashes in front of a quote alone, the closing one too.
        return re.sub(rf"(\\+)({text[0]}|$)", lambda m: m[1][: len(m[1]) // 2] + m[2], text[1:-1])
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    if text.lower() == "null":
        return None
    if _INT.match(text):
        return int(text)
    return float(text) if _FLOAT.match(text) else text


def split(text: str) -> List[str]:
    """Parts between commas that stand outside brackets and quotes."""
    parts, depth, quote, start = [], 0, "", 0
    for position, letter in enumerate(text):
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "'\"":
            quote = letter
        elif letter in "([{":
            depth += 1
        elif letter in ")]}":
            depth -= 1
        elif letter == "," and depth == 0:
            parts.append(text[start:position])
            start = position + 1
    return [*parts, text[start:]]


def quote(text: str, path: bool) -> str:
    """Free text in the form that Hydra's grammar takes whatever it holds; `~` is expanded in paths."""
    value = parse(text)
    if value is None or value is UNREAD:
        return text
    plain = value if isinstance(value, str) else text
    plain = str(Path(plain).expanduser()) if path and plain.startswith("~") else plain
    if plain and _SAFE.match(plain) and parse(plain) == plain:
        return plain
    # Hydra unescapes backslashes in front of a quote alone: only these are doubled.
    return "'" + re.sub(r"(\\*)('|$)", lambda m: m[1] * 2 + ("\\'" if m[2] else ""), plain) + "'"
