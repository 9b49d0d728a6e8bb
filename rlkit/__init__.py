"""rlkit trains robot policies with one command, or from Python with the names below.

A name is imported when it is first asked for: `import rlkit` costs nothing, and what needs no torch imports none.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # how editors and type checkers see them
    from rlkit.doors.callback import Callback as Callback
    from rlkit.doors.callback import Moment as Moment
    from rlkit.doors.make import make as make
    from rlkit.doors.policy import load_policy as load_policy
    from rlkit.doors.runs import Run as Run
    from rlkit.doors.runs import runs as runs
    from rlkit.doors.train import Interrupted as Interrupted
    from rlkit.doors.train import evaluate as evaluate
    from rlkit.doors.train import train as train
    from rlkit.errors import RlkitError as RlkitError

__version__ = "0.2.0"

__all__ = [
    "Callback", "Interrupted", "Moment", "RlkitError", "Run", "__version__", "evaluate", "load_policy",
    "make", "runs", "train",
]  # fmt: skip

_MODULES = {
    "Callback": "rlkit.doors.callback",
    "Interrupted": "rlkit.doors.train",
    "Moment": "rlkit.doors.callback",
    "RlkitError": "rlkit.errors",
    "Run": "rlkit.doors.runs",
    "evaluate": "rlkit.doors.train",
    "load_policy": "rlkit.doors.policy",
    "make": "rlkit.doors.make",
    "runs": "rlkit.doors.runs",
    "train": "rlkit.doors.train",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module 'rlkit' has no attribute {name!r}")
    value = getattr(import_module(_MODULES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
