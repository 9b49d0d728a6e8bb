"""The stand-in for Isaac Gym (isaacgym_standin/) in this process for a while, as if it had come before torch."""

from __future__ import annotations

import importlib
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Iterator

FOLDER = Path(__file__).parent / "isaacgym_standin"


@contextmanager
def standin() -> Iterator[Any]:
    """Its `gymapi`; afterwards no module of it or built on it is left, so that nobody takes it for installed."""
    torch = sys.modules.pop("torch", None)
    sys.path.insert(0, str(FOLDER))
    try:
        gymapi = importlib.import_module("isaacgym.gymapi")
        if torch is not None:
            sys.modules["torch"] = torch
        yield gymapi
    finally:
        sys.path.remove(str(FOLDER))
        for name in [
            n for n in sys.modules if n.split(".")[0] == "isaacgym" or n.startswith("rlkit.sims.isaacgym")
        ]:
            del sys.modules[name]
