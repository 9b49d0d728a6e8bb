"""Files and links appear whole or not at all; locks end with their process."""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import subprocess
import sys
import threading

import pytest

from rlkit.workspace import WorkspaceError, link_atomic, write_atomic
from rlkit.workspace.store.atomic import FileLock, is_locked


@pytest.mark.parametrize(
    "content", ["grüße", "grüße".encode(), lambda handle: handle.write("grüße".encode())]
)
def test_every_kind_of_content_is_written(tmp_path, content):
    write_atomic(tmp_path / "f", content)
    assert (tmp_path / "f").read_text(encoding="utf-8") == "grüße"
    assert [path.name for path in tmp_path.iterdir()] == ["f"]


def test_a_name_whose_bytes_are_no_utf8_is_written_as_escapes(tmp_path):
    write_atomic(tmp_path / "f", f"<h1>{os.fsdecode(b'b' + bytes([0xFC]))}</h1>")
    assert (tmp_path / "f").read_bytes() == rb"<h1>b\udcfc</h1>"


@pytest.mark.parametrize("error", [RuntimeError("no"), KeyboardInterrupt()])
def test_a_failing_writer_leaves_the_old_file_and_nothing_else(tmp_path, error):
    write_atomic(tmp_path / "f", "old")

    def fail(handle):
        handle.write(b"half")
        raise error

    with pytest.raises(type(error)):
        write_atomic(tmp_path / "f", fail)
    assert (tmp_path / "f").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["f"]


def test_a_full_disk_is_said_in_words(tmp_path):
    def fill(handle):
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(WorkspaceError, match=r"could not write .*/f: No space left.*free some space"):
        write_atomic(tmp_path / "f", fill)


def test_a_reader_sees_the_old_file_or_the_new(tmp_path):
    versions = {letter * 300_000 for letter in "ab"}
    write_atomic(tmp_path / "f", "a" * 300_000)
    done = threading.Event()
    seen = set()

    def read():
        while not done.is_set():
            seen.add((tmp_path / "f").read_text())

    reader = threading.Thread(target=read)
    reader.start()
    for _ in range(15):
        for version in versions:
            write_atomic(tmp_path / "f", version)
    done.set()
    reader.join()
    assert seen <= versions


@pytest.mark.slow
def test_a_link_is_never_missing_while_it_is_replaced(tmp_path):
    link = tmp_path / "latest"
    link_atomic(link, "/a")
    done = threading.Event()
    seen = set()

    def read():
        while not done.is_set():
            seen.add(os.readlink(link))

    reader = threading.Thread(target=read)
    reader.start()
    for _ in range(200):
        link_atomic(link, "/b")
        link_atomic(link, "/a")
    done.set()
    reader.join()
    assert seen <= {"/a", "/b"}
    assert [path.name for path in tmp_path.iterdir()] == ["latest"]


def test_a_link_does_not_replace_a_folder(tmp_path):
    (tmp_path / "latest").mkdir()
    with pytest.raises(WorkspaceError, match="folder stands in its place"):
        link_atomic(tmp_path / "latest", "/a")
    assert [path.name for path in tmp_path.iterdir()] == ["latest"]


def test_a_lock_has_one_holder(tmp_path):
    first, second = FileLock(tmp_path / "lock"), FileLock(tmp_path / "lock")
    assert not is_locked(tmp_path / "lock")
    assert first.try_acquire()
    assert is_locked(tmp_path / "lock")
    assert not second.try_acquire()
    with pytest.raises(WorkspaceError, match="another process has held"):
        second.acquire(wait=0.05)
    first.release()
    assert second.try_acquire()
    second.release()
    assert not is_locked(tmp_path / "lock")


def test_two_who_look_do_not_take_each_other_for_the_holder(tmp_path):
    with (tmp_path / "lock").open("w") as other:
        fcntl.flock(other, fcntl.LOCK_SH)
        assert not is_locked(tmp_path / "lock")


def test_a_killed_process_loses_its_lock(tmp_path):
    script = (
        "import sys, time; from rlkit.workspace.store.atomic import FileLock;"
        "FileLock(sys.argv[1]).acquire(); print('held', flush=True); time.sleep(60)"
    )
    child = subprocess.Popen([sys.executable, "-c", script, str(tmp_path / "lock")], stdout=subprocess.PIPE)
    assert child.stdout is not None
    assert child.stdout.readline() == b"held\n"
    assert is_locked(tmp_path / "lock")
    child.send_signal(signal.SIGKILL)
    child.wait()
    child.stdout.close()
    assert not is_locked(tmp_path / "lock")


@pytest.mark.filterwarnings(
    "ignore:os.fork\\(\\) was called:RuntimeWarning"
)  # JAX, where another test has loaded it
def test_a_forked_worker_does_not_keep_the_lock_of_its_parent(tmp_path):
    lock = FileLock(tmp_path / "lock")
    assert lock.try_acquire()
    ready, tell = os.pipe()
    end, hold = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(tell, b"x")
        os.read(end, 1)
        os._exit(0)
    os.read(ready, 1)
    assert is_locked(tmp_path / "lock"), "the child's start must not free the parent's lock"
    lock.release()
    assert not is_locked(tmp_path / "lock"), "the child must not hold it on"
    os.write(hold, b"x")
    os.waitpid(child, 0)
    for descriptor in (ready, tell, end, hold):
        os.close(descriptor)
