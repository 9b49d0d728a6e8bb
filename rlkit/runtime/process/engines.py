"""What must be settled before torch is in the process: its idle threads, and engines that come first."""

from __future__ import annotations

import os
from typing import Collection, Iterable

from rlkit.sims.registry import prepare
from rlkit.workspace import WorkspaceError


def load_engines(simulators: Iterable[str], trusted: Collection[str] = ()) -> None:
    """Import now what must come before torch; raises WorkspaceError for an engine that is not there.

    trusted: what may be imported though it is not installed; CodeError for what may not.
    """
    for name in simulators:
        try:
            prepare(name, trusted)
        except ImportError as error:
            raise WorkspaceError(f"sim={name}: {error}") from error


def quiet_openmp() -> None:
    """Let idle OpenMP threads sleep: spinning ones starve the simulator. It is too late where torch is imported."""
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("GOMP_SPINCOUNT", "0")
