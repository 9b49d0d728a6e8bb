"""How fast this machine is at the moment: limits on time were measured on one machine and hold on others."""

from __future__ import annotations

import resource
import subprocess
import sys

_PART = "import asyncio, csv, doctest, email.message, http.client, sqlite3, unittest.mock, xml.dom.minidom"
_SECONDS = 0.15  # CPU seconds of it where the limits in the tests were measured


def assert_cheap(seconds: float, most: float) -> None:
    """Fail where CPU `seconds` are not below `most`, or on a slower machine as much more as it is slower."""
    if seconds >= most:
        assert seconds < most * _slowness()


def _slowness() -> float:
    """How many times slower than there a start of Python with a part of its library is now; at least 1.

    Other work on the machine lengthens CPU time too, since processes share caches and cores share their parts.
    """
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-I", "-c", _PART], check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return max(1.0, (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) / _SECONDS)
