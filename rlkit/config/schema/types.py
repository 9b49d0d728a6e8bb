"""The small language that the schema writes types in, for example `int >= 1 or auto`.

A type is one or more alternatives joined by ` or `:

    bool, text, path         as they read; `path` and `text` are never empty
    int, float               optionally with a range: `int >= 1`, `float > 0`, `float in [0, 1)`
    list of <alternative>    at least one item; `list of 3 float` has exactly three
    []                       the empty list
    any                      whatever it is
    class                    a class by its name, as my_package.my_module:MyClass
    simulator                a simulator of others: its class, or the name that an installed package gives it
    network                  a network of others, likewise
    inf                      an infinite number, of either sign
    null                     the YAML null
    fast|slow                one of these words; a word that ends in `:N` stands for any number, as in cuda:0
"""

from __future__ import annotations

import math
import re
from typing import Any, Mapping, Sequence

from rlkit.nearest import nearest
from rlkit.plugins.modules import as_name, is_name, offered, resolved
from rlkit.untrusted import echo as echo

Plain = Mapping[str, Any]
"""The sections of a request, each with its settings: plain values alone."""

_INTERVAL = re.compile(r"in ([\[(])(\S+), (\S+)([\])])$")
_LIST = re.compile(r"of (?:(\d+) )?(.+)$")
_BOUND = re.compile(r"(>=|>|<=|<) (\S+)$")
_OFFERED = {"simulator": "rlkit.sims", "network": "rlkit.networks"}
_SYNONYMS = {"gpu": "cuda", "warn": "warning", "verbose": "debug", "none": "null"}  # what others write


def problem(spec: str, value: object) -> str | None:
    """Say in what way `value` does not fit `spec`, or return None where it fits."""
    if any(_fits(alternative, value) for alternative in spec.split(" or ")):
        return None
    text = f"needs {spec}, got {echo(show(value))}"
    of_a_class = any(kind in spec for kind in ("class", *_OFFERED))
    name = as_name(value) if of_a_class and isinstance(value, str) else None
    if name is not None:
        return f"{text}; a class is written behind a colon: {echo(name)}"
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


def _instead(spec: str, value: str) -> str | None:
    """The word that was probably meant and that fits `spec`: one of another program's, or the nearest."""
    meant = _SYNONYMS.get(value.lower())
    if meant is not None and _fits_any(spec, meant):
        return meant
    known = [word for word in words(spec) if _fits_any(spec, word) or word in ("true", "false", "null")]
    groups = [group for kind, group in _OFFERED.items() if kind in spec.split(" or ")]
    known += [name for group in groups for name in offered(group)]
    near = nearest(value.lower(), known)
    return near[0] if near else None


def words(spec: str) -> list[str]:
    """The literal words that `spec` allows: choices, `auto`, true and false, null."""
    found: list[str] = []
    for alternative in spec.split(" or "):
        kind = alternative.split(" ")[0]
        if kind == "bool":
            found += ["true", "false"]
        elif kind not in ("int", "float", "text", "path", "list", "any", "class", "[]", *_OFFERED):
            found += alternative.split("|")
    return found


def is_text(spec: str) -> bool:
    """Whether free text (or a path) is allowed, so that any characters may follow the `=`."""
    return any(alternative in ("text", "path", "class") for alternative in spec.split(" or "))


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
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{key}: {show(item)}" for key, item in value.items()) + "}"
    return repr(value) if isinstance(value, str) else str(value)


def _fits_any(spec: str, value: object) -> bool:
    return any(_fits(alternative, value) for alternative in spec.split(" or "))


def _fits(alternative: str, value: object) -> bool:
    kind, _, rest = alternative.partition(" ")
    if kind == "any":
        return True
    if kind == "class":
        return is_name(value)
    if kind in _OFFERED:
        return isinstance(value, str) and resolved(_OFFERED[kind], value) is not None
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


def _in_range(text: str, value: int | float) -> bool:
    if not text:
        return True
    low, low_open, high, high_open = _bounds(text)
    above = value > low if low_open else value >= low
    below = value < high if high_open else value <= high
    return above and below


def _bounds(text: str) -> tuple[float, bool, float, bool]:
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
