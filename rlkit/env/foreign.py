"""Code of others that runs inside ours: whatever it raises becomes one line that says what failed, and where."""

from __future__ import annotations

import os
import traceback
from contextlib import contextmanager
from typing import Iterator

from rlkit.env.api import EnvError
from rlkit.errors import RlkitError

RAISED = (Exception, SystemExit)
"""What foreign code may raise without taking us along: a library that calls sys.exit() ends no training by itself.
KeyboardInterrupt is not among them: it is the user's."""

_LONGEST = 300  # characters of a foreign message
_OURS = f"{os.sep}rlkit{os.sep}"
_USERS = tuple(f"{_OURS}{room}{os.sep}" for room in ("tasks", "soccer"))  # where users write, too
_BETWEEN = tuple(
    f"{os.sep}{name}{os.sep}" for name in ("gymnasium", "numpy", "torch", "importlib", "contextlib.py")
)


class Breach(ValueError):
    """Foreign code returned what its contract does not allow; the message says what and what it should be."""


@contextmanager
def boundary(what: str) -> Iterator[None]:
    """Raise whatever foreign code raises inside as an EnvError that begins with `what`; our own errors pass."""
    try:
        yield
    except RlkitError:
        raise
    except RAISED as error:
        raise failure(what, error) from error


def failure(what: str, error: BaseException) -> EnvError:
    """The one line about what foreign code raised; the traceback goes along as its details."""
    said = " ".join(str(error).split())
    if len(said) > _LONGEST:
        said = f"{said[:_LONGEST]} ..."
    if isinstance(error, Breach):
        return EnvError(f"{what}: {said}")
    kind, place = type(error).__name__, where(error)
    details = "".join(traceback.format_exception(type(error), error, error.__traceback__)).rstrip()
    return EnvError(
        f"{what}: {kind}{f': {said}' if said else ''}{f' ({place})' if place else ''}", details=details
    )


def where(error: BaseException) -> str:
    """ "file:line" of the foreign code that raised, empty where none was running."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}:{error.lineno}"
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not _is_ours(frame.filename)]
    theirs = [frame for frame in frames if not any(part in frame.filename for part in _BETWEEN)]
    deepest = (theirs or frames)[-1:]
    return f"{deepest[0].filename}:{deepest[0].lineno}" if deepest else ""


def _is_ours(file: str) -> bool:
    return file.startswith("<") or (_OURS in file and not any(room in file for room in _USERS))
