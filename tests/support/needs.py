"""What a machine may lack: a test says so and is skipped, but where RLKIT_REQUIRE names it it fails, as in CI.

And how slow it may be: limits on time were measured on one machine and hold on others.
"""

from __future__ import annotations

import importlib.util
import os
import resource
import subprocess
import sys
from typing import NoReturn

import pytest

_PART = "import asyncio, csv, doctest, email.message, http.client, sqlite3, unittest.mock, xml.dom.minidom"
_SECONDS = 0.15  # CPU seconds of it where the limits in the tests were measured


def lacking(what: str, reason: str) -> NoReturn:
    """Skip this test for `reason`, which says what is not here and how to get it.

    what: "gl", "browser", "display", "soccer", "warp", "robots", "slurm", "trackers", "ray" or "skypilot".
    """
    if what in os.environ.get("RLKIT_REQUIRE", "").split(","):
        pytest.fail(f"{what} is required here: {reason}")
    pytest.skip(f"{reason} (RLKIT_REQUIRE={what} makes this a failure)")


def require_gl() -> str:
    """The OpenGL that draws without a window here."""
    from rlkit.media.gl import RenderError, choose_gl

    try:
        return choose_gl()
    except RenderError as error:
        lacking("gl", str(error))


def require_tracker(name: str) -> None:
    """The package of a tracker, an extra of ours that development does without: it is large."""
    if importlib.util.find_spec(name) is None:
        lacking("trackers", f"there is no {name} here: pip install -e '.[{name}]'")


def require_ray() -> None:
    """Hydra's launcher for Ray, an extra of ours for an environment of its own."""
    if importlib.util.find_spec("ray") is None:
        lacking(
            "ray",
            "there is no Ray here: in an environment of its own, pip install -e '.[ray,gymnasium]' pytest",
        )


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
