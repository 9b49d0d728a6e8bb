"""`client.py SOCKET WORDS...`: `python WORDS...`, in a process of the server's (server.py, beside it).

What only a new interpreter can do (options, `-c`, closed files, PYTHON... variables that it reads when it starts) one
does; but not `-c` of what rlkit.packages.python writes, as a sweep does for each job.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
from pathlib import Path

FORWARDED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)
OF_RLKIT = (
    "import sys; sys.path[:] = "  # how what rlkit starts itself begins, wherever it may look for modules
)
READ_LATER = ("PYTHONPATH", "PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE")
READ_AT_START = ("PYTHON", "LC_", "LANG", "LD_", "MALLOC_", "OPENBLAS_", "MKL_", "CUDA_", "TORCH_")
SAID_TO_RANKS = ("PYTHON_EXEC", "TORCH_NCCL_")  # by and for torchrun; nothing reads it before they meet


def needs_an_interpreter(words: list[str]) -> bool:
    """Whether a process that exists already cannot do it."""
    is_module = words[:1] == ["-m"] and len(words) > 1
    is_script = bool(words) and not words[0].startswith("-") and Path(words[0]).is_file()
    is_of_rlkit = words[:1] == ["-c"] and words[1].startswith(OF_RLKIT)
    if not (is_module or is_script or is_of_rlkit):
        return True
    found_first = [Path(entry) for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    if any((folder / "sitecustomize.py").is_file() for folder in found_first):
        return True
    told = json.loads(os.environ["RLKIT_WARM"])
    return told != starting(os.environ)


def starting(environ: os._Environ[str] | dict[str, str]) -> dict[str, str]:
    """What an interpreter and its libraries read of the environment when they start."""
    read = {name: value for name, value in environ.items() if name.startswith(READ_AT_START)}
    return {n: v for n, v in read.items() if n not in READ_LATER and not n.startswith(SAID_TO_RANKS)}


def main(path: str, words: list[str]) -> None:
    if words[:1] == ["-u"]:  # as torchrun starts ranks
        os.environ["PYTHONUNBUFFERED"], words = "1", words[1:]
    if needs_an_interpreter(words):
        os.execv(sys.executable, [sys.executable, *words])
    server = socket.socket(socket.AF_UNIX)
    server.connect(path)
    request = {
        "words": words,
        "folder": str(Path.cwd()),
        "environ": dict(os.environ),
        "ignored": [number for number in FORWARDED if signal.getsignal(number) is signal.SIG_IGN],
    }
    text = json.dumps(request).encode()
    try:
        socket.send_fds(server, [len(text).to_bytes(8, "big")], [0, 1, 2])
    except OSError:  # one of them is closed
        os.execv(sys.executable, [sys.executable, *words])
    for number in FORWARDED:
        if number not in request["ignored"]:
            signal.signal(number, lambda number, _: server.sendall(bytes([number])))
    server.sendall(text)
    status = os.waitstatus_to_exitcode(int.from_bytes(server.recv(4), "big"))
    if status < 0:
        if -status != signal.SIGKILL:
            signal.signal(-status, signal.SIG_DFL)
        os.kill(os.getpid(), -status)
    os._exit(status)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
