"""What a machine may lack: a test says so and is skipped, but where RLKIT_REQUIRE names it it fails, as in CI."""

from __future__ import annotations

import os
from typing import NoReturn

import pytest


def lacking(what: str, reason: str) -> NoReturn:
    """Skip this test for `reason`, which says what is not here and how to get it.

    what: "gl", "browser", "display", "soccer", "warp" or "robots".
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
