"""Files and links that appear whole or not at all, and the locks that keep two processes apart."""

from __future__ import annotations

import errno
import fcntl
import os
import re
import time
import weakref
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Callable, Iterator, Mapping, Union

from rlkit.workspace.store.errors import WorkspaceError, explained
from rlkit.workspace.store.layout import archive_folder

Content = Union[str, bytes, Callable[[BinaryIO], None]]

TEMPORARY_SUFFIX = ".tmp"
_LOCK_WAIT_SECONDS = 60.0
_LOCK_POLL_SECONDS = 0.02


def temporary_beside(path: Path) -> Path:
    """A free hidden name in the folder of `path`, so that os.replace stays on one file system."""
    return path.parent / f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}{TEMPORARY_SUFFIX}"


def is_temporary(name: str) -> bool:
    """Whether a file or link of this name is what a killed write left behind."""
    return name.startswith(".") and name.endswith(TEMPORARY_SUFFIX)


def write_atomic(path: str | Path, content: Content) -> None:
    """Write a file so that readers see the old content or the new, never a part, also after a loss of power.

    `content` is text (UTF-8), bytes, or a function that writes to the open binary file it is given. What a killed
    write of the same file has left is removed. Raises WorkspaceError when the file cannot be written; the old file
    then stands untouched.
    """
    write_together({Path(path): content})


def write_together(contents: Mapping[Path, Content]) -> None:
    """As write_atomic, several files: all are complete on the disk before the first takes its place."""
    temporaries: dict[Path, Path] = {}
    try:
        with ExitStack() as stack:
            for path, content in contents.items():
                with explained(f"write {path}"):
                    _remove_leftovers_of(path)
                    temporaries[path], handle = _locked_temporary(path)
                    stack.enter_context(handle)
                    _fill(handle, content)
            for path, temporary in temporaries.items():
                with explained(f"write {path}"):
                    _replace(temporary, path)
    except BaseException:  # also on Ctrl-C: no half-written file may stay
        for temporary in temporaries.values():
            remove_if_there(temporary)
        raise


def _fill(handle: BinaryIO, content: Content) -> None:
    try:
        if callable(content):
            content(handle)
        else:
            # A name of bytes that are no UTF-8 is written as escapes
            text = isinstance(content, str)
            handle.write(content.encode("utf-8", "backslashreplace") if text else content)
        handle.flush()
        os.fsync(handle.fileno())
    except BaseException:
        with suppress(OSError):  # what the disk did not take it does not take now either
            handle.close()
        raise


def link_atomic(link: str | Path, target: str | Path) -> None:
    """Point the symbolic link `link` at `target`, replacing an old link in one step. Call under workspace_lock.

    Raises WorkspaceError when a real folder stands where the link should be.
    """
    link = Path(link)
    temporary = temporary_beside(link)
    with explained(f"make the link {link}"):
        _remove_leftovers_of(link)
        try:
            temporary.symlink_to(target)
            _replace(temporary, link)
        except BaseException:
            remove_if_there(temporary)
            raise


def remove_if_there(path: Path) -> None:
    """Delete a file or link; nothing happens when it is gone already."""
    with suppress(FileNotFoundError):
        path.unlink()


def _locked_temporary(path: Path) -> tuple[Path, BinaryIO]:
    """A new temporary for `path`, open and locked: the lock is what tells it from one that a kill has left."""
    while True:
        temporary = temporary_beside(path)
        handle = temporary.open("xb")
        try:
            with suppress(OSError):  # a file system without locks: then nobody takes it for a leftover either
                fcntl.flock(handle.fileno(), fcntl.LOCK_EX)
            if os.fstat(handle.fileno()).st_nlink:
                return temporary, handle
        except BaseException:
            handle.close()
            remove_if_there(temporary)
            raise
        handle.close()  # another writer of this file found it before it was locked


def _remove_leftovers_of(path: Path) -> None:
    """Remove the temporaries of this file that no writer holds."""
    leftover = re.compile(rf"\.{re.escape(path.name)}\.\d+\.[0-9a-f]{{8}}\{TEMPORARY_SUFFIX}")
    with suppress(PermissionError), os.scandir(path.parent) as entries:
        for name in [entry.name for entry in entries if leftover.fullmatch(entry.name)]:
            _remove_unless_held(path.parent / name)


def _remove_unless_held(temporary: Path) -> None:
    if temporary.is_symlink():  # links are made by one process at a time
        remove_if_there(temporary)
        return
    try:
        descriptor = os.open(temporary, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
    except OSError:  # gone meanwhile, or another user's
        return
    try:
        if _try_flock(descriptor, fcntl.LOCK_EX):
            remove_if_there(temporary)
    except OSError:  # no locks here, or a folder that is not ours to change: it costs some bytes, no more
        return
    finally:
        os.close(descriptor)


def _replace(temporary: Path, path: Path) -> None:
    """Put the temporary in its place, and have the folder say so also after a loss of power."""
    temporary.replace(path)
    try:
        descriptor = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    except PermissionError:  # a folder that may be written but not read
        return
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # file systems that have no such thing
            raise
    finally:
        os.close(descriptor)


class FileLock:
    """An exclusive flock on a file, held until released or until the process ends, however it ends.

    The file is made where it is missing, but not through a link, which would make one anywhere.

    The kernel frees the lock at kill -9 too. A forked child gives up its copy at once, so a worker that
    outlives its parent does not keep a dead run alive.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._descriptor: int | None = None

    def try_acquire(self) -> bool:
        """Take the lock if it is free; False when another holder has it."""
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK, 0o666)
        try:
            taken = _try_flock(descriptor, fcntl.LOCK_EX)
        except OSError:
            os.close(descriptor)
            raise
        if not taken:
            os.close(descriptor)
            return False
        self._descriptor = descriptor
        _held.add(self)
        return True

    def acquire(self, wait: float = _LOCK_WAIT_SECONDS) -> None:
        """Take the lock, waiting up to `wait` seconds; raises WorkspaceError after that."""
        deadline = time.monotonic() + wait
        with explained(f"lock {self.path}"):
            while not self.try_acquire():
                if time.monotonic() > deadline:
                    raise WorkspaceError(
                        f"another process has held {self.path} for {wait:.0f} s; if it hangs, end it "
                        f"(`fuser -v {self.path}` names it) and start again"
                    )
                time.sleep(_LOCK_POLL_SECONDS)

    def release(self) -> None:
        """Give the lock back; harmless when it is not held."""
        descriptor, self._descriptor = self._descriptor, None
        _held.discard(self)
        if descriptor is not None:
            os.close(descriptor)


def is_locked(path: str | Path) -> bool:
    """Whether some process holds the FileLock of this file; False when the file does not exist.

    Asks with a shared lock: two who look at once do not take each other for the holder, and a read-only
    archive can be looked at.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except FileNotFoundError:
        return False
    try:
        return not _try_flock(descriptor, fcntl.LOCK_SH)
    finally:
        os.close(descriptor)


@contextmanager
def workspace_lock(root: str | Path) -> Iterator[None]:
    """Keep other processes from changing the links and states of this workspace inside the block."""
    lock = FileLock(archive_folder(Path(root)) / ".lock")
    lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _try_flock(descriptor: int, mode: int) -> bool:
    try:
        fcntl.flock(descriptor, mode | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
            return False
        raise
    return True


_held: weakref.WeakSet[FileLock] = weakref.WeakSet()


def _forget_in_child() -> None:
    for lock in list(_held):
        lock.release()  # closing the child's copy leaves the parent's lock in place


os.register_at_fork(after_in_child=_forget_in_child)
