"""The task section as the configuration composes it, for tests of tasks."""

from __future__ import annotations

from copy import deepcopy
from functools import lru_cache
from typing import Any

from rlkit.config import compose
from rlkit.config.experiment import thaw


def task_config(*words: str) -> dict[str, Any]:
    """The resolved `task` section of a command line, as a plain dict that a test may change."""
    return deepcopy(_composed(words))


@lru_cache(maxsize=None)
def _composed(words: tuple[str, ...]) -> dict[str, Any]:
    return thaw(compose([*words, "device=cpu"]).task)
