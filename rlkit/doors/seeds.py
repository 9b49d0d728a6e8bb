"""Seeds of episodes, as they are given to a reset."""

from __future__ import annotations

from operator import index
from typing import Any

from rlkit.env.api import EnvError
from rlkit.untrusted import echo

_LARGEST_SEED = 2**63 - 1


def as_seed(seed: Any) -> int:
    """A seed of an env's episodes, of Python or numpy; raises EnvError for what is none."""
    whole = hasattr(seed, "__index__") and not isinstance(seed, bool)
    if not whole or not 0 <= index(seed) <= _LARGEST_SEED:
        raise EnvError(f"seed={echo(repr(seed))}: a seed is a whole number from 0 to {_LARGEST_SEED}")
    return index(seed)
