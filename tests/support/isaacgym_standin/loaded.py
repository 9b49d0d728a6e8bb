"""The stand-in for Isaac Gym (beside this file) in this process for a while, as if it had come before torch."""

from __future__ import annotations

import importlib
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Iterator

FOLDER = Path(__file__).parent


@contextmanager
def standin() -> Iterator[Any]:
    """Its `gymapi`; afterwards no module of it or built on it is left, so that nobody takes it for installed."""
    sys.path.insert(0, str(FOLDER))
    try:
        yield _without_torch("isaacgym.gymapi")
    finally:
        sys.path.remove(str(FOLDER))
        for name in [
            n for n in sys.modules if n.split(".")[0] == "isaacgym" or n.startswith("rlkit.sims.isaacgym")
        ]:
            del sys.modules[name]


def _without_torch(name: str) -> Any:
    """Import a module that refuses to come after torch, which is there again afterwards whatever happens."""
    torch = sys.modules.pop("torch", None)
    try:
        return importlib.import_module(name)
    finally:
        if torch is not None:
            sys.modules["torch"] = torch
