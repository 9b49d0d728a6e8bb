"""How fast this machine is at the moment: limits on time were measured on one machine and hold on others."""

from __future__ import annotations

import resource
import subprocess
import sys

_PART = "import asyncio, csv, doctest, email.message, http.client, sqlite3, unittest.mock, xml.dom.minidom"
_SECONDS = 0.25  # CPU seconds of it where the limits in the tests were measured


def slowness() -> float:
    """How many times slower than there a start of Python with a part of its library is now; at least 1.

    CPU time: other work on the machine lengthens it too, since processes share caches and cores share their parts.
    """
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-I", "-c", _PART], check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return max(1.0, spent / _SECONDS)
