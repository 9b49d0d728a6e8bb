"""The command line of a sweep, for the plugins that Hydra makes."""

from __future__ import annotations

from typing import NamedTuple

from rlkit.config.words.preflight import CheckedWords
from rlkit.errors import RlkitError

PACKAGE = "hydra_plugins.rlkit"
"""Where Hydra wants its plugins to be; ours are where they belong, and are called so."""

_FOR_JOBS = ("--config-name", "--config-dir", "--config-path")


class Request(NamedTuple):
    """words: the command line in full names. command: as typed."""

    words: CheckedWords
    command: str

    @property
    def options(self) -> tuple[str, ...]:
        """Hydra's options that each job needs too."""
        return tuple(word for word in self.words.argv if word.startswith(_FOR_JOBS))


class SweepEnded(SystemExit):
    """A sweep is over, which Hydra lets pass. error: why it was refused, where it was."""

    def __init__(self, status: int, error: RlkitError | None = None) -> None:
        super().__init__(status)
        self.status, self.error = status, error


# Hydra makes its plugins of its own configuration, and hands nothing else to them.
_asked: list[Request] = []


def ask(request: Request) -> None:
    """From now on this is the sweep that is asked for."""
    _asked[:] = [request]


def asked() -> Request:
    """The sweep that is asked for."""
    return _asked[0]
