"""Where log lines go: the console, and the run's train.log."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Dict, Mapping, Optional

from rich.console import Console

log = logging.getLogger("rlkit")

FILE_ONLY = "file_only"  # of a record's `extra`: for train.log, too long for the console


class _ConsoleHandler(logging.Handler):
    """Prints through rich's console, so that lines stand above a live display."""

    def __init__(self, console: Console) -> None:
        super().__init__()
        self._console = console

    def emit(self, record: logging.LogRecord) -> None:
        """Print one record; only warnings and worse name their level. Those for the file alone are left out."""
        if getattr(record, FILE_ONLY, False):
            return
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


class Reminders:
    """Logs warnings that come again and again: each at its first time, then once in `every` iterations."""

    def __init__(self, every: int = 100) -> None:
        self._every = every
        self._told: Dict[str, int] = {}

    def tell(self, iteration: int, warnings: Mapping[str, str]) -> None:
        """warnings: messages by a key that says which are the same, whatever numbers they hold."""
        for key, message in warnings.items():
            if key not in self._told or iteration - self._told[key] >= self._every:
                self._told[key] = iteration
                log.warning("iteration %d: %s", iteration, message)
