"""The one rule for what may name a run: a folder on every file system, and a word that means nothing else.

It stands above the rooms because the configuration refuses a name that the workspace could not use.
"""

from __future__ import annotations

import unicodedata

RULE = "allowed are letters, digits, blanks and any of _-=.+, behind a first letter, digit or _"
_SIGNS = " _-=.+,"
PINNED = "pinned"
RESERVED = ("latest", "latest_train", "latest_test", PINNED)

# A collision suffix, and a checkpoint's or a temporary name, must still fit into the usual 255 bytes.
LONGEST_BYTES = 200


def problem_of_name(name: str) -> str | None:
    """Why a text cannot name a run, and what can; None where it can."""
    problem = None
    if not name.strip():
        problem = "it is empty"
    elif len(name) > LONGEST_BYTES or len(name.encode("utf-8", "replace")) > LONGEST_BYTES:
        problem = f"it is longer than {LONGEST_BYTES} bytes"
    elif not (_is_letter(name[0]) or name[0] == "_"):
        problem = f"it begins with {name[0]!r}"
    elif not all(_is_letter(c) or c in _SIGNS for c in name):
        problem = f"it holds {next(c for c in name if not (_is_letter(c) or c in _SIGNS))!r}"
    elif name[-1] in " .":
        problem = "it ends in a blank or a dot, which some file systems drop"
    elif name.casefold() in RESERVED:
        problem = f"runs/{name.casefold()} has a meaning of its own"
    return None if problem is None else f"cannot name a run folder: {problem}; {RULE}"


def _is_letter(character: str) -> bool:
    """A letter or digit of any script, or a mark that is written on one."""
    return character.isalnum() or unicodedata.category(character).startswith("M")


def shortened(name: str) -> str:
    """A name as a message shows it."""
    return repr(name) if len(name) <= 80 else f"{name[:77]!r}..."
