"""What goes wrong in a workspace, said so that the reader can mend it."""

from __future__ import annotations

import errno
from contextlib import contextmanager
from typing import Iterator

from rlkit.errors import RlkitError

_FULL = (errno.ENOSPC, errno.EDQUOT)
_FREE = "free some space (du -sh runs_all/* shows the largest runs, rlkit runs prune deletes old ones)"
_ADVICE = {
    errno.ENOSPC: f"the disk is full; {_FREE}",
    errno.EDQUOT: f"your disk quota is used up; {_FREE}",
    errno.EROFS: "the file system is read-only; start from a folder that you may write to",
    errno.EACCES: "you may not write there; start from a folder that you own, or change its permissions",
    errno.EPERM: "the system does not permit it; start from a folder that you own",
    errno.EEXIST: "something that is not a folder stands in its place; move it away",
    errno.ENOTDIR: "something that is not a folder stands in its place; move it away",
    errno.EISDIR: "a folder stands in its place; move it away",
    errno.ELOOP: "a link stands in its place; take it away",
    errno.ENOENT: "the folder is gone; was it moved or deleted while the run was under way?",
    errno.ENAMETOOLONG: "the name is too long for this file system; give a shorter one",
    errno.ENOSYS: "this file system has no file locks (flock); keep runs_all on one that has",
    errno.EOPNOTSUPP: "this file system has no file locks or links; keep runs and runs_all on one that has",
    errno.ENOLCK: "this file system gives no file locks (flock); keep runs_all on one that does",
}


class WorkspaceError(RlkitError):
    """A run folder, link or record could not be made, read or written."""

    @property
    def of_full_disk(self) -> bool:
        """Whether there was no room, which may pass."""
        return isinstance(self.__cause__, OSError) and self.__cause__.errno in _FULL


class ResolveError(WorkspaceError):
    """No checkpoint, or no single one, answers to what was asked for."""


@contextmanager
def explained(doing: str) -> Iterator[None]:
    """Turn an OSError inside the block into a WorkspaceError that says what was being done.

    `doing` completes "could not ...", for example "write /x/run.json".
    """
    try:
        yield
    except OSError as error:
        advice = _ADVICE.get(error.errno or 0)
        reason = error.strerror or str(error)
        raise WorkspaceError(
            "could not {}: {}{}".format(doing, reason, "; " + advice if advice else "")
        ) from error
