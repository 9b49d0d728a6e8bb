"""The small language that the schema writes types in, for example `int >= 1 or auto`.

A type is one or more alternatives joined by ` or `:

    bool, text, path         as they read; `path` and `text` are never empty
    int, float               optionally with a range: `int >= 1`, `float > 0`, `float in [0, 1)`
    list of <alternative>    at least one item; `list of 3 float` has exactly three
    []                       the empty list
    any                      whatever it is
    inf                      an infinite number, of either sign
    null                     the YAML null
    fast|slow                one of these words; a word that ends in `:N` stands for any number, as in cuda:0
"""

from __future__ import annotations

import difflib
import math
import re
from typing import Callable, List, Optional, Sequence, Tuple, Union

Test = Callable[[object], bool]
_INTERVAL = re.compile(r"in ([\[(])(\S+), (\S+)([\])])$")
_LIST = re.compile(r"of (?:(\d+) )?(.+)$")
_BOUND = re.compile(r"(>=|>|<=|<) (\S+)$")
LONGEST_ECHO = 200  # characters of a value in a message
_SYNONYMS = {"gpu": "cuda", "warn": "warning", "verbose": "debug", "none": "null"}  # what others write


def problem(spec: str, value: object) -> Optional[str]:
    """Say in what way `value` does not fit `spec`, or return None where it fits."""
    if any(_fits(alternative, value) for alternative in spec.split(" or ")):
        return None
    text = f"needs {spec}, got {echo(show(value))}"
    if value == "":
        return text + " (empty: is a shell variable unset?)"
    instead = _instead(spec, value) if isinstance(value, str) else None
    if instead is not None:
        return f"{text}; did you mean {instead}?"
    if isinstance(value, str) and "bool" in spec and value.lower() in ("yes", "on", "no", "off"):
        return f"{text}; write {'true' if value.lower() in ('yes', 'on') else 'false'}"
    if isinstance(value, str) and "list of text" in spec:
        return f"{text}; write [{echo(value)}]"
    if isinstance(value, float) and value.is_integer() and _fits_any(spec, int(value)):
        return f"{text}; write {int(value)}"
    return text


def _instead(spec: str, value: str) -> Optional[str]:
    """The word that was probably meant and that fits `spec`: one of another program's, or the nearest."""
    meant = _SYNONYMS.get(value.lower())
    if meant is not None and _fits_any(spec, meant):
        return meant
    known = [word for word in words(spec) if _fits_any(spec, word) or word in ("true", "false", "null")]
    near = nearest(value.lower(), known)
    return near[0] if near else None


def words(spec: str) -> List[str]:
    """The literal words that `spec` allows: choices, `auto`, true and false, null."""
    found: List[str] = []
    for alternative in spec.split(" or "):
        kind = alternative.split(" ")[0]
        if kind == "bool":
            found += ["true", "false"]
        elif kind not in ("int", "float", "text", "path", "list", "any", "[]"):
            found += alternative.split("|")
    return found


def is_text(spec: str) -> bool:
    """Whether free text (or a path) is allowed, so that any characters may follow the `=`."""
    return any(alternative in ("text", "path") for alternative in spec.split(" or "))


def spec_of(value: object) -> str:
    """The type of a setting that no schema line describes, taken from its value in the YAML.

    A whole number stands for whole numbers: write 1.0 where fractions make sense too.
    """
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int):
        return "int"
    if isinstance(value, float):
        return "float" if math.isfinite(value) else "any" if math.isnan(value) else "float or inf"
    if isinstance(value, (list, tuple)):
        kinds = {spec_of(item) for item in value}
        if not kinds:
            return "[] or list of any"
        if kinds <= {"int", "float"}:
            return f"list of {len(value)} {'float' if 'float' in kinds else 'int'}"
        return "list of text" if kinds <= {"text"} else "any"
    # An interpolation stands for a value of any type, and so does an empty text.
    return "text" if isinstance(value, str) and value not in ("", "???") and "${" not in value else "any"


def coerce(spec: str, value: object) -> object:
    """The value with whole numbers made floats where `spec` speaks of floats; the value fits `spec`."""
    if isinstance(value, int) and not isinstance(value, bool) and "float" in spec:
        return float(value)
    if isinstance(value, list) and "float" in spec:
        return [coerce(spec, item) for item in value]
    return value


def show(value: object) -> str:
    """A value as the user would write it on the command line or in YAML."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, tuple)):
        return "[" + ",".join(show(item) for item in value) + "]"
    return repr(value) if isinstance(value, str) else str(value)


def echo(text: str) -> str:
    """What was typed, for a message: its beginning and its end where it is long."""
    if len(text) <= LONGEST_ECHO:
        return text
    return f"{text[: LONGEST_ECHO - 40]}…{text[-20:]} ({len(text)} characters)"


def nearest(word: str, known: Sequence[str], count: int = 1) -> List[str]:
    """The spellings in `known` closest to `word`, best first: none far, or much farther than the best."""
    word = word[:LONGEST_ECHO]  # a longer one is near to nothing, and takes its time
    close = difflib.get_close_matches(word, known, n=count, cutoff=0.6)
    likeness = [difflib.SequenceMatcher(None, word, candidate).ratio() for candidate in close]
    return [candidate for candidate, ratio in zip(close, likeness) if ratio > likeness[0] - 0.1]


def _fits_any(spec: str, value: object) -> bool:
    return any(_fits(alternative, value) for alternative in spec.split(" or "))


def _fits(alternative: str, value: object) -> bool:
    kind, _, rest = alternative.partition(" ")
    if kind == "any":
        return True
    if kind == "inf":
        return isinstance(value, float) and math.isinf(value)
    if kind == "null":
        return value is None
    if kind == "[]":
        return isinstance(value, (list, tuple)) and not value
    if kind == "bool":
        return isinstance(value, bool)
    if kind in ("text", "path"):
        return isinstance(value, str) and value != ""
    if kind == "list":
        return isinstance(value, (list, tuple)) and _fits_list(rest, value)
    if kind in ("int", "float"):
        return _is_number(kind, value) and _in_range(rest, value)  # type: ignore[arg-type]
    return isinstance(value, str) and any(_is_word(word, value) for word in alternative.split("|"))


def _fits_list(rest: str, items: Sequence[object]) -> bool:
    match = _LIST.match(rest)
    assert match is not None, f"cannot read the schema type 'list {rest}'"
    length, item_spec = match.groups()
    right_length = len(items) == int(length) if length else len(items) > 0
    return right_length and all(_fits(item_spec, item) for item in items)


def _is_number(kind: str, value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    if isinstance(value, int):  # a float holds no more than this
        return kind == "int" or abs(value) < 10**308
    return kind == "float" and math.isfinite(value)


def _is_word(word: str, value: str) -> bool:
    if word.endswith(":N"):
        return re.match(re.escape(word[:-1]) + r"\d+$", value) is not None
    return value == word


def _in_range(text: str, value: Union[int, float]) -> bool:
    if not text:
        return True
    low, low_open, high, high_open = _bounds(text)
    above = value > low if low_open else value >= low
    below = value < high if high_open else value <= high
    return above and below


def _bounds(text: str) -> Tuple[float, bool, float, bool]:
    interval = _INTERVAL.match(text)
    if interval:
        left, low, high, right = interval.groups()
        return float(low), left == "(", float(high), right == ")"
    bound = _BOUND.match(text)
    if bound is None:
        raise ValueError(f"cannot read the range {text!r} in a schema type")
    sign, number = bound.groups()
    if sign[0] == ">":
        return float(number), sign == ">", math.inf, False
    return -math.inf, False, float(number), sign == "<"
