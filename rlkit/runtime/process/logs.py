"""Where log lines go: the console, and the run's train.log."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Mapping

from rich.console import Console

from rlkit.console import losses
from rlkit.masking import masked
from rlkit.untrusted import printable

log = logging.getLogger("rlkit")


FILE_ONLY = {"file_only": True}
"""`extra` of a line that the console need not be told."""

_FORMAT = logging.Formatter("%(asctime)s %(levelname)s %(message)s")


class _ConsoleHandler(logging.Handler):
    """Prints through rich's console, so that lines stand above a live display."""

    def __init__(self, console: Console) -> None:
        super().__init__()
        self._console = console

    def emit(self, record: logging.LogRecord) -> None:
        """Print one record; only warnings and worse name their level."""
        if getattr(record, "file_only", False):
            return
        prefix = "" if record.levelno <= logging.INFO else f"{record.levelname.lower()}: "
        self._console.print(
            prefix + printable(record.getMessage()), markup=False, highlight=False, soft_wrap=True
        )


class _FileHandler(logging.Handler):
    """Appends to train.log, also what became of the console; a disk that is full costs lines, which are counted."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.setFormatter(_FORMAT)
        self._file = path.open("ab", buffering=0)
        self._missing = 0

    def emit(self, record: logging.LogRecord) -> None:
        """Append one record, and before it what there is to say about earlier ones."""
        lines = [*map(_warning, losses()), record]
        if self._missing:
            lines.insert(0, _warning(f"{self._missing} lines are missing here: the disk did not take them"))
        text = "\n" if self._missing else ""  # the last one may be torn
        text += masked("".join(self.format(line) + "\n" for line in lines))
        self._missing = 0 if self._written(text.encode("utf-8", "replace")) else self._missing + 1

    def _written(self, content: bytes) -> bool:
        try:
            return self._file.write(content) == len(content)
        except OSError:
            return False

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        super().close()


def _warning(message: str) -> logging.LogRecord:
    return logging.LogRecord("rlkit", logging.WARNING, __file__, 0, message, None, None)


def start_logging(level: str, console: Console, log_file: Path | None) -> None:
    """Send rlkit's records of at least `level` to the console and, if given, to `log_file`."""
    stop_logging()
    log.setLevel(level.upper())
    log.propagate = False
    log.addHandler(_ConsoleHandler(console))
    if log_file is not None:
        log.addHandler(_FileHandler(log_file))


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
        self._told: dict[str, int] = {}

    def tell(self, iteration: int, warnings: Mapping[str, str]) -> None:
        """warnings: messages by a key that says which are the same, whatever numbers they hold."""
        for key, message in warnings.items():
            if key not in self._told or iteration - self._told[key] >= self._every:
                self._told[key] = iteration
                log.warning("iteration %d: %s", iteration, message)
