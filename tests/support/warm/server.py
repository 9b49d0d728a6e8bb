"""Starts commands in processes that have torch imported: that import is more than half of what most of them cost.

`python server.py SOCKET` listens until its standard input ends. A client (client.py, beside it) sends what it was
called with and its open files; the server forks, and the child runs the command as Python would have. rlkit itself is
never imported beforehand: a command finds it where its folder and its PYTHONPATH say.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import multiprocessing.process
import os
import random
import runpy
import select
import signal
import socket
import sys
import threading
import types
from contextlib import suppress
from pathlib import Path
from typing import Any

PRELOADED = (
    "hydra", "hydra._internal.config_loader_impl", "omegaconf", "rich.console", "rich.table", "rich.progress", "numpy",
    "torch", "torch.nn.functional", "tensorboard.summary.writer.record_writer",
)  # fmt: skip
"""No module of which something depends on the environment that a command comes with, as mujoco's does on MUJOCO_GL."""

FORWARDED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)
Request = dict[str, Any]


class Commands:
    """The commands that run: their clients wait for them, and a client that was killed takes its command along."""

    def __init__(self, path: str) -> None:
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(path)
        self._listener.listen(64)
        self._watched = select.poll()
        for fd in (0, self._listener.fileno()):
            self._watched.register(fd, select.POLLIN)
        self._clients: dict[
            int, tuple[socket.socket, int, int]
        ] = {}  # by both descriptors: client, pidfd, pid

    def serve(self) -> Request | None:
        """Serve until standard input ends; returns in each child with what it has to run, in the server None."""
        while True:
            for fd, _ in self._watched.poll():
                if fd == 0:
                    self._end()
                    return None
                if fd == self._listener.fileno():
                    request = self._begin()
                    if request is not None:
                        return request
                elif fd in self._clients:
                    self._hear(fd)

    def _begin(self) -> Request | None:
        client, _ = self._listener.accept()
        try:
            head, files, _, _ = socket.recv_fds(client, 8, 3)
            wanted = int.from_bytes(head, "big")
            text = b""
            while len(text) < wanted:
                text += client.recv(wanted - len(text))
        except OSError:  # killed before it had asked
            client.close()
            return None
        pid = os.fork()
        if pid == 0:
            self._forget_all(client)
            for to, file in enumerate(files):
                os.dup2(file, to)
                os.close(file)
            return json.loads(text)
        for file in files:
            os.close(file)
        pidfd = os.pidfd_open(pid)
        for fd in (pidfd, client.fileno()):
            self._clients[fd] = (client, pidfd, pid)
            self._watched.register(fd, select.POLLIN)
        return None

    def _forget_all(self, client: socket.socket) -> None:
        """Close, in a child, what is the server's."""
        for other, pidfd, _ in set(self._clients.values()):
            other.close()
            os.close(pidfd)
        client.close()
        self._listener.close()

    def _hear(self, fd: int) -> None:
        """A command has ended, or its client sends it a signal or is gone."""
        client, pidfd, pid = self._clients[fd]
        if fd != pidfd:
            signals = client.recv(64)
            if not signals:
                self._forget(fd)
            for number in signals or bytes([signal.SIGKILL]):
                signal.pidfd_send_signal(pidfd, number)
            return
        _, status = os.waitpid(pid, 0)
        self._forget(pidfd)
        if client.fileno() in self._clients:
            self._forget(client.fileno())
            with suppress(BrokenPipeError):  # killed at this very moment
                client.sendall(status.to_bytes(4, "big"))
        client.close()
        os.close(pidfd)

    def _forget(self, fd: int) -> None:
        self._watched.unregister(fd)
        del self._clients[fd]

    def _end(self) -> None:
        for _, pidfd, _ in set(self._clients.values()):
            signal.pidfd_send_signal(pidfd, signal.SIGKILL)


def become(request: Request) -> list[str]:
    """Take over the client's surroundings; returns its words as after `python`."""
    os.environ.clear()
    os.environ.update(request["environ"])
    os.chdir(request["folder"])
    setattr(multiprocessing.process, "ORIGINAL_DIR", request["folder"])  # noqa: B010 - no stub knows it; workers look there
    for number in FORWARDED:
        usual = signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL
        signal.signal(number, signal.SIG_IGN if number in request["ignored"] else usual)
    unbuffered = bool(os.environ.get("PYTHONUNBUFFERED"))
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - Python's own stay open too
    for fd, name in ((1, "stdout"), (2, "stderr")):
        errors = "backslashreplace" if fd == 2 else "strict"
        stream = open(fd, "w", encoding="utf-8", errors=errors, closefd=False)  # noqa: SIM115
        stream.reconfigure(write_through=unbuffered, line_buffering=fd == 2 or os.isatty(fd))
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)
    random.seed()
    sys.modules["numpy"].random.seed()
    threads = os.environ.get("OMP_NUM_THREADS", "")
    if threads != request["servers_threads"] and threads.isdigit():
        sys.modules["torch"].set_num_threads(int(threads))
    sys.executable = os.environ.get(
        "RLKIT_WARM_PYTHON", sys.executable
    )  # what the command starts is warm, too
    return request["words"]


def run(words: list[str]) -> None:
    """`python <words>`: a script, `-m` and a module, or `-c` and code."""
    sys.modules["__main__"] = main = types.ModuleType("__main__")
    added = [entry for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep) if entry]
    if words[0] == "-m":
        sys.argv = ["-m", *words[2:]]
        sys.path[:0] = [str(Path.cwd()), *added]
        runpy._run_module_as_main(words[1])  # type: ignore[attr-defined]
        return
    if words[0] == "-c":
        sys.argv = ["-c", *words[2:]]
        sys.path[:0] = ["", *added]
        exec(compile(words[1], "<string>", "exec"), vars(main))
        return
    script = Path(words[0])
    sys.argv = list(words)
    sys.path[:0] = [str(script.resolve().parent), *added]
    vars(main).update(__file__=words[0], __builtins__=__builtins__)
    exec(compile(script.read_bytes(), words[0], "exec"), vars(main))


def leave(status: int) -> None:
    """End as Python does, but for taking torch and all else apart: that is a quarter of a second each time."""
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError:
        sys.exit(status)  # nobody reads it any more: Python has its own words and status for that
    os._exit(status)


if __name__ == "__main__":
    del sys.path[0]  # this folder
    for module in PRELOADED:
        importlib.import_module(module)
    gc.collect()
    gc.freeze()  # else each child copies what its collector touches
    commands = Commands(sys.argv[1])
    print("ready", flush=True)
    request = commands.serve()
    if request is not None:
        request["servers_threads"] = os.environ.get("OMP_NUM_THREADS", "")
        try:
            run(become(request))
        except SystemExit as end:
            if end.code is not None and not isinstance(end.code, int):
                print(end.code, file=sys.stderr)
            leave(end.code & 0xFF if isinstance(end.code, int) else int(end.code is not None))
        leave(0)
