"""Says what is being compiled, so that a start of a minute does not look like a hang."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from typing import Callable, Iterator

_log = logging.getLogger(__name__)
_REPORT_EVERY = 10.0  # s
_QUICK = 2.0  # s: before that nothing is said
_BRIEF = 0.5  # s: of what took less only the log of all details tells


@contextlib.contextmanager
def compiling(
    what: str, cached: Callable[[], bool] | None = None, every: float = _REPORT_EVERY
) -> Iterator[None]:
    """Log what compiles, every ten seconds that it still does, and in the end how long it took.

    what: e.g. "the physics of HumanoidWalk". cached: asked at the end whether it came from a cache of an earlier run;
    None where the engine does not tell. every: seconds between two lines.
    """
    start, done = time.monotonic(), threading.Event()

    def report() -> None:
        if not done.wait(_QUICK):
            _log.info("compiling %s; later runs read it from a cache", what)
        while not done.wait(every):
            _log.info("still compiling %s, %.0f s", what, time.monotonic() - start)

    watcher = threading.Thread(target=report, name="compiling", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join()
    seconds = time.monotonic() - start
    verb = "read from the cache" if cached is not None and cached() else "compiled"
    _log.log(logging.INFO if seconds > _BRIEF else logging.DEBUG, "%s: %s in %.1f s", what, verb, seconds)
