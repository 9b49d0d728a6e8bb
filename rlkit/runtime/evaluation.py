"""How good the policy is by itself: whole episodes without exploration, in envs that training never sees."""

from __future__ import annotations

import logging
import time
from typing import Any, Callable, Dict, Mapping, Optional

from rlkit.env.spec import VecEnv
from rlkit.learners.api import Policy
from rlkit.media.recording import Recording
from rlkit.runtime.recorder import Recorder
from rlkit.runtime.seeding import preserved_rng
from rlkit.runtime.test import play

log = logging.getLogger("rlkit")

# Far from the seeds of training's envs, which are training.seed + rank.
SEED_OFFSET = 1_000_003


class Evaluation:
    """Plays one episode in each of its envs, every time from the same first states, so that scores compare.

    make: builds the envs, the same ones each time. They are built here, so that what cannot be built is known
    at the start; envs that cannot return to their first state are built anew for each evaluation. Training's
    random numbers are left as they were.
    """

    def __init__(self, make: Callable[[], VecEnv]) -> None:
        self._make = make
        with preserved_rng():
            self.env = make()
            self._start = self.env.state() if self.env.resumable else None
        self._played = False

    def metrics(
        self,
        policy: Policy,
        *,
        facts: Optional[Mapping[str, Any]] = None,
        take: Optional[Callable[[Recording], None]] = None,
    ) -> Dict[str, float]:
        """Play with `policy`: `eval/return`, `eval/length`, `eval/success`, `eval/timeout`, `time/evaluation` [s].

        take: is handed the first env's episode as a recording, `facts` being entries of its header.
        """
        started = time.perf_counter()
        with preserved_rng():
            self._rewind()
            recorder = None if take is None else Recorder(self.env, [0], facts or {}, _only_first(take))
            results = play(self.env, policy, per_env=1, quiet=True, recorder=recorder)
            if recorder is not None:
                recorder.stop()
        elapsed = time.perf_counter() - started
        log.debug("%d episodes evaluated in %.3f s", results["episodes"], elapsed)
        return {
            "eval/return": results["return"]["mean"],
            "eval/length": results["length"]["mean"],
            "eval/success": results["success_rate"],
            "eval/timeout": results["timeout_rate"],
            "time/evaluation": elapsed,
        }

    def _rewind(self) -> None:
        if self._start is not None:
            self.env.load_state(self._start)
        elif self._played and not self.env.rewind():
            self.env.close()
            self.env = self._make()
        self._played = True

    def close(self) -> None:
        """Release the simulator."""
        self.env.close()


def _only_first(take: Callable[[Recording], None]) -> Callable[[Recording], None]:
    """An env that ends early plays on until all have: only its first episode counts."""

    def first(recording: Recording) -> None:
        if recording.header["episode"] == 0:
            take(recording)

    return first
