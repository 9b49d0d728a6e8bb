"""Engines that must be in the process before torch is."""

from __future__ import annotations

from typing import Iterable

from rlkit.sims.registry import prepare
from rlkit.workspace import WorkspaceError


def load_engines(simulators: Iterable[str]) -> None:
    """Import now what must come before torch; raises WorkspaceError for an engine that is not there."""
    for name in simulators:
        try:
            prepare(name)
        except ImportError as error:
            raise WorkspaceError(f"sim={name}: {error}") from error
