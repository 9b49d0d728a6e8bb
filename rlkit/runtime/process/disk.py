"""A disk without room costs a training what it does not take, not the training."""

from __future__ import annotations

import logging
from typing import Callable

from rlkit.workspace import WorkspaceError

log = logging.getLogger("rlkit")


class Disk:
    """Says when there is no room for something, and when there is again, with what was lost meanwhile."""

    def __init__(self) -> None:
        self._lost: dict[str, int] = {}  # since there is no room, by what

    def takes(self, what: str, write: Callable[[], None]) -> bool:
        """Write, and whether there was room. what: its kind, in the plural. Other WorkspaceErrors pass."""
        try:
            write()
        except WorkspaceError as error:
            if not error.of_full_disk:
                raise
            if not self._lost:
                log.warning("training goes on without %s while there is no room: %s", what, error)
            elif what not in self._lost:
                log.warning("training goes on without %s either", what)
            self._lost[what] = self._lost.get(what, 0) + 1
            return False
        if what in self._lost:
            log.warning("there is room for %s again; lost: %d", what, self._lost.pop(what))
        return True

    def sum_up(self) -> None:
        """At the end: what was lost since there was room the last time."""
        for what, count in self._lost.items():
            log.warning("%s that found no room: %d", what, count)
