"""Commands of the tests start where torch is imported already."""

from __future__ import annotations

import atexit
import json
import os
import shutil
import subprocess
import sys
import tempfile
from functools import lru_cache
from pathlib import Path

from warm.client import starting

_HERE = Path(__file__).parent


@lru_cache(maxsize=None)
def python() -> tuple[str, ...]:
    """What to put before the words of a `python` command; the first call starts this process's server."""
    folder = tempfile.mkdtemp(prefix="warm_")
    atexit.register(shutil.rmtree, folder)
    path = Path(folder) / "socket"
    server = subprocess.Popen(
        [sys.executable, str(_HERE / "server.py"), str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert server.stdout is not None and server.stdout.readline() == b"ready\n"
    atexit.register(server.communicate)  # it ends with its standard input
    return (sys.executable, "-I", "-S", str(_HERE / "client.py"), str(path))


def environment() -> dict[str, str]:
    """What a command's environment says besides: what was read of it when the server started."""
    return {"RLKIT_WARM": json.dumps(starting(os.environ))}
