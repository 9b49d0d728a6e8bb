"""Updates beside the envs' step: a second thread, for which the first waits before it goes on."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Callable, Iterator


class Beside:
    """Does one thing at a time in a thread of its own.

    waited: seconds that others had nothing to do but to wait for it, so far.
    """

    def __init__(self) -> None:
        self.waited = 0.0
        self._thread = ThreadPoolExecutor(1, "beside")

    @contextmanager
    def doing(self, work: Callable[[], None]) -> Iterator[None]:
        """A block beside which `work` is done; both have ended when it is left, whichever of them raises.

        What `work` raises comes out of it, in the context of what the block raised.
        """
        done = self._thread.submit(work)
        try:
            yield
        finally:
            reached = time.perf_counter()
            try:
                done.result()
            finally:
                self.waited += time.perf_counter() - reached
