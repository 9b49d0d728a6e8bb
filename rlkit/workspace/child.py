"""Another Python: started so that the current folder, which may be somebody else's run, gives it no modules."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import List

_ROOT = str(Path(__file__).resolve().parents[2])


def python(code: str) -> List[str]:
    """The words that run `code` in another Python, where `sys` is imported; words behind them are its arguments.

    It finds modules where this process does. Left to itself it would look in the current folder first.
    """
    paths = [path for path in sys.path if path]
    paths = paths if _ROOT in paths else [_ROOT, *paths]
    return [sys.executable, "-c", f"import sys; sys.path[:] = {paths!r}\n{code}"]
