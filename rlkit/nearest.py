"""The known name that a misspelt one was probably meant to be."""

from __future__ import annotations

import difflib
from typing import Collection, Sequence

_LONGEST = 200  # characters; a longer word is near to nothing, and takes its time


def nearest(word: str, known: Collection[str], count: int = 1) -> list[str]:
    """The spellings in `known` closest to `word`, best first: none far, or much farther than the best."""
    word = word[:_LONGEST]
    close = difflib.get_close_matches(word, list(known), n=count, cutoff=0.6)
    likeness = [difflib.SequenceMatcher(None, word, candidate).ratio() for candidate in close]
    return [candidate for candidate, ratio in zip(close, likeness) if ratio > likeness[0] - 0.1]


def did_you_mean(word: str, known: Collection[str], otherwise: str = "", count: int = 1) -> str:
    """`; did you mean …?` for a message, or `otherwise` where nothing is near."""
    return or_one_of(nearest(word, known, count), otherwise)


def or_one_of(near: Sequence[str], otherwise: str = "") -> str:
    """The same, of the names that are near."""
    return f"; did you mean {' or '.join(near)}?" if near else otherwise
