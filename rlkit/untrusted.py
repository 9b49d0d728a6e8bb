"""Files that may be anything, and texts that may hold anything: what comes from somebody else's run or recording.

It stands above the rooms because settings, runs and recordings are all read, and all shown.
"""

from __future__ import annotations

import errno
import io
import json
import os
import pickle
import re
import stat
import struct
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Callable, Sequence

from rlkit.errors import RlkitError

if TYPE_CHECKING:
    import zipfile

LONGEST_ECHO = 200  # characters of a value in a message
MOST_BYTES = 1 << 22
"""Of a file that is read as a whole: a run's settings, record or results have some kB."""

DEEPEST = 30
"""Lists and mappings within each other in JSON: nothing of ours has more than a few."""

_MOST_DIGITS = 30
_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFLNK: "a link",
}
# C0 and C1 without tab and newline, what turns the direction of text, and halves of letters.
_CONTROL = re.compile(
    "[\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f\\u061c\\u200e\\u200f\\u2028-\\u202e\\u2066-\\u2069\\ud800-\\udfff]"
)


# --- files ------------------------------------------------------------------------------------------------


def kind_of(mode: int) -> str:
    """What a file is that is no regular one, in words; `mode` as stat tells it."""
    return _KINDS.get(stat.S_IFMT(mode), "something else")


def expanded(path: str | Path) -> Path:
    """A path as typed, with the home that `~` or `~name` stands for; where there is no such home, as it is.

    Path.expanduser raises RuntimeError there.
    """
    return Path(os.path.expanduser(path))  # noqa: PTH111


def open_regular(path: str | Path) -> BinaryIO:
    """Open a file for reading. Raises OSError, also for what is no regular file; never waits for a writer."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        mode = os.fstat(descriptor).st_mode
        if not stat.S_ISREG(mode):
            raise OSError(errno.EINVAL, f"it is {kind_of(mode)}, not a file", str(path))
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def read_plain(path: Path, most: int = MOST_BYTES) -> tuple[bytes, os.stat_result]:
    """The content of a regular file of at most so many bytes, and the facts of the file it was read from.

    Raises OSError.
    """
    with open_regular(path) as file:
        facts = os.fstat(file.fileno())
        if facts.st_size > most:
            raise OSError(
                errno.EFBIG, f"it has {facts.st_size:,} bytes; at most {most:,} are read", str(path)
            )
        return file.read(most), facts


def parse_json(content: bytes, number: Callable[[str], float] = float) -> Any:
    """The value of a JSON text; `number` makes the numbers that are not whole.

    Raises ValueError, also where it is nested deeply or a whole number is too large to reckon with.
    """
    text = content.decode("utf-8")
    try:
        value = json.loads(text, parse_int=_whole, parse_float=number, parse_constant=number)
    except RecursionError:
        raise ValueError("it is nested too deep") from None
    if _is_deep(value, DEEPEST):
        raise ValueError(f"it is nested more than {DEEPEST} deep")
    return value


def _whole(text: str) -> int:
    if len(text) > _MOST_DIGITS:
        raise ValueError(f"a number of {len(text)} digits")
    return int(text)


def _is_deep(value: Any, left: int) -> bool:
    if not isinstance(value, (dict, list)):
        return False
    inside = value.values() if isinstance(value, dict) else value
    return left == 0 or any(_is_deep(item, left - 1) for item in inside)


# --- archives and pickles ----------------------------------------------------------------------------------


def require_whole_list(archive: zipfile.ZipFile) -> None:
    """Refuse an archive that lists fewer files than it says; raises BadZipFile.

    A damaged length in the list makes zipfile end it early without a word. Source of the places: PKWARE's
    APPNOTE.TXT, 4.3.16.
    """
    from zipfile import BadZipFile

    assert archive.fp is not None
    archive.fp.seek(-_END.size - len(archive.comment), os.SEEK_END)
    count = _END.unpack(archive.fp.read(_END.size))[4]
    listed = len(archive.infolist())
    if count not in (listed, _ELSEWHERE):
        raise BadZipFile(f"it lists {listed} of its {count} files")


_END = struct.Struct("<4s4H2LH")  # the record at the end of a zip archive
_ELSEWHERE = 0xFFFF  # the number does not fit there


class RefusedError(RlkitError, pickle.UnpicklingError):
    """The pickle asks for something that could run code, or that takes far more than its bytes."""


# The pickle module's reader in Python: that in C takes memory for as many values as the pickle claims to have.
_InPython: Any = pickle._Unpickler


class PlainUnpickler(_InPython):
    """Reads plain values; what else a pickle may name, make and change, a subclass says in `find_class` and `dispatch`.

    Keys are plain too: nested tuples that share their parts would take for ever to hash.
    """

    dispatch: dict[int, Callable[..., None]] = dict(_InPython.dispatch)
    keys: tuple[type, ...] = (str, int, float)

    def __init__(self, data: bytes) -> None:
        super().__init__(io.BytesIO(data))

    def put(self, target: Any, items: Sequence[Any]) -> Any:
        """The dict with these keys and values, one after the other; raises RefusedError for a key that is not plain."""
        for key, value in zip(items[::2], items[1::2]):
            if not isinstance(key, self.keys):
                raise RefusedError(f"a dict in it has a key of type {type(key).__name__}")
            target[key] = value
        return target

    def _load_dict(self) -> None:
        items = self.pop_mark()
        self.append(self.put({}, items))

    def _load_setitem(self) -> None:
        value, key = self.stack.pop(), self.stack.pop()
        self.put(self.stack[-1], [key, value])

    def _load_setitems(self) -> None:
        items = self.pop_mark()
        self.put(self.stack[-1], items)

    dispatch[pickle.DICT[0]] = _load_dict
    dispatch[pickle.SETITEM[0]] = _load_setitem
    dispatch[pickle.SETITEMS[0]] = _load_setitems


# --- texts ------------------------------------------------------------------------------------------------


def echo(text: str) -> str:
    """What was typed, for a message: its beginning and its end where it is long."""
    if len(text) <= LONGEST_ECHO:
        return text
    return f"{text[: LONGEST_ECHO - 40]}…{text[-20:]} ({len(text)} characters)"


def printable(text: str) -> str:
    """The text with the control characters, which a terminal obeys, written out, as \\x1b; lines stay lines."""
    return _CONTROL.sub(lambda match: ascii(match[0])[1:-1], text)


def in_one_line(text: str) -> str:
    """The same for a place that holds one line, as a cell of a table: tabs and ends of lines are written out too."""
    return printable(text).replace("\n", "\\n").replace("\t", "\\t")


def all_printable(value: Any) -> Any:
    """`printable` of every text, keys too, in nested plain values."""
    if isinstance(value, dict):
        return {printable(str(key)): all_printable(item) for key, item in value.items()}
    if isinstance(value, list):
        return [all_printable(item) for item in value]
    return printable(value) if isinstance(value, str) else value
