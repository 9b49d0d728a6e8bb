"""Where log lines go: the console, and the run's train.log."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Optional

from rich.console import Console

log = logging.getLogger("rlkit")


class _ConsoleHandler(logging.Handler):
    """Prints through rich's console, so that lines stand above a live display."""

    def __init__(self, console: Console) -> None:
        super().__init__()
        self._console = console

    def emit(self, record: logging.LogRecord) -> None:
        """Print one record; only warnings and worse name their level."""
        prefix = "" if record.levelno <= logging.INFO else f"{record.levelname.lower()}: "
        self._console.print(prefix + record.getMessage(), markup=False, highlight=False, soft_wrap=True)


def start_logging(level: str, console: Console, log_file: Optional[Path]) -> None:
    """Send rlkit's records of at least `level` to the console and, if given, to `log_file`."""
    stop_logging()
    log.setLevel(level.upper())
    log.propagate = False
    log.addHandler(_ConsoleHandler(console))
    if log_file is not None:
        handler = logging.FileHandler(log_file, encoding="utf-8")
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
        log.addHandler(handler)


def stop_logging() -> None:
    """Close what `start_logging` opened."""
    for handler in list(log.handlers):
        log.removeHandler(handler)
        handler.close()
    log.setLevel(logging.NOTSET)
    log.propagate = True
