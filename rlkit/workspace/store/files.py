"""Files of a workspace that are written for their owner's eyes alone."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from rlkit.workspace.store.atomic import write_atomic
from rlkit.workspace.store.errors import explained

_OWNER_ALONE = 0o600


def write_private(path: Path, content: str | bytes) -> None:
    """write_atomic for the owner's eyes (mode 0600); a file that was shared with chmod stays as it is shared.

    Raises WorkspaceError.
    """
    data = content.encode("utf-8") if isinstance(content, str) else content
    mode = _mode(path)

    def write(file: BinaryIO) -> None:
        with suppress(PermissionError):  # of file systems without permissions
            os.fchmod(file.fileno(), mode)  # before anything is in it
        file.write(data)

    write_atomic(path, write)


def make_private(path: Path) -> None:
    """Make the empty file that a log will be appended to, for the owner's eyes. Raises WorkspaceError."""
    with explained(f"write {path}"):
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, _OWNER_ALONE))


def _mode(path: Path) -> int:
    try:
        return stat.S_IMODE(path.stat().st_mode)
    except OSError:
        return _OWNER_ALONE
