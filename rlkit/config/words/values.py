"""Values of the command line as Hydra reads them, without importing Hydra."""

from __future__ import annotations

import os
import re
from typing import Any, Iterator

_INT = re.compile(r"[+-]?(0|[1-9](_?\d)*)$")
_DIGITS = r"\d(_?\d)*"
_FLOAT = re.compile(
    rf"[+-]?(({_DIGITS}\.({_DIGITS})?|\.{_DIGITS})([eE][+-]?\d+)?|{_DIGITS}[eE][+-]?\d+|(?i:inf|nan))$"
)
_SAFE = re.compile(r"[\w/.:+@%-]+$", re.ASCII)  # Hydra's grammar knows no other letters outside of quotes
_WORDS = {"true": True, "false": False, "null": None}
DEEPEST = 20  # brackets in brackets
LONGEST = 20_000  # characters
MOST_DIGITS = 400


class Unread:
    """A value that only Hydra can tell: a sweep function, an interpolation, a dict."""


UNREAD = Unread()


def unusable(text: str) -> str | None:
    """Why no program could read this as a value, None for all others."""
    if len(text) > LONGEST:
        return f"a value has at most {LONGEST} characters"
    if any("\ud800" <= letter <= "\udfff" for letter in text):
        return "holds bytes that are no UTF-8 text; is the terminal's encoding another one?"
    control = next((letter for letter in text if letter < " " and letter not in "\t\n\r"), None)
    if control is not None:
        return f"holds the control character {control!r}"
    if re.search(rf"\d{{{MOST_DIGITS}}}", text):
        return f"a number has fewer than {MOST_DIGITS} digits"
    depth = 0
    for letter in _outside_quotes(text):
        depth += (letter in "([{") - (letter in ")]}")
        if depth > DEEPEST:
            return f"brackets in brackets, more than {DEEPEST} deep"
    return None


def _outside_quotes(text: str) -> Iterator[str]:
    quote = ""
    for letter in text:
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "'\"":
            quote = letter
        else:
            yield letter


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
    return _scalar(text)


def _scalar(text: str) -> Any:
    """A value without brackets or quotes."""
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    if _INT.match(text):
        return int(text)
    return float(text) if _FLOAT.match(text) else text


def split(text: str) -> list[str]:
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


def quote_foreign(text: str) -> str:
    """Put letters that Hydra's grammar does not know into quotes, wherever in a list or a dict they stand."""
    if text.isascii():
        return text
    parts, word, mark = [], "", ""
    for letter in text:
        if mark:
            word += letter
            mark = "" if letter == mark else mark
        elif letter in ",[]{}():=":
            parts += [_quote_word(word), letter]
            word = ""
        else:
            mark = letter if letter in "'\"" else ""
            word += letter
    return "".join([*parts, _quote_word(word)])


def _quote_word(word: str) -> str:
    plain = word.strip()
    if plain.isascii() or plain[0] in "'\"" or "${" in plain:
        return word
    return word.replace(plain, _quoted(plain))


def quote(text: str, path: bool) -> str:
    """Free text in the form that Hydra's grammar takes whatever it holds; `~` is expanded in paths."""
    value = parse(text)
    if value is None or value is UNREAD:
        return text
    plain = value if isinstance(value, str) else text
    # Unlike Path.expanduser this leaves `~nobody` as it is.
    plain = os.path.expanduser(plain) if path else plain  # noqa: PTH111
    if plain and _SAFE.match(plain) and parse(plain) == plain:
        return plain
    return _quoted(plain)


def _quoted(plain: str) -> str:
    # Hydra unescapes backslashes in front of a quote alone: only these are doubled.
    return "'" + re.sub(r"(\\*)('|$)", lambda m: m[1] * 2 + ("\\'" if m[2] else ""), plain) + "'"
