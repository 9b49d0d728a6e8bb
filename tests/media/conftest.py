"""OpenGL for tests that draw in this process."""

from __future__ import annotations

import importlib
import os
import sys
from typing import Iterator

import pytest
from needs import require_gl


@pytest.fixture(scope="session")
def drawing() -> Iterator[None]:
    """Lets MuJoCo draw without a window, also where another test imported it before; skips where nothing can."""
    chosen = require_gl()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MUJOCO_GL", chosen)
        import mujoco

        contexts = sys.modules[mujoco.Renderer.__module__].gl_context
        patch.setattr(contexts, "GLContext", importlib.import_module(f"mujoco.{chosen}").GLContext)
        yield
    os.environ.pop("PYOPENGL_PLATFORM", None)  # mujoco.egl sets it
