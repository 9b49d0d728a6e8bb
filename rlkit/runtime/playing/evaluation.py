"""How good the policy is by itself: whole episodes without exploration, in envs that training never sees."""

from __future__ import annotations

import logging
import time
from typing import Any, Callable, Mapping

from rlkit.env.api import VecEnv
from rlkit.learners.api import Policy
from rlkit.media.recording import Recording
from rlkit.runtime.playing.rollout import play
from rlkit.runtime.process.seeding import preserved_rng
from rlkit.runtime.watching.recorder import Recorder

log = logging.getLogger("rlkit")

# Far from the seeds of training's envs, which are training.seed + rank.
SEED_OFFSET = 1_000_003


class Evaluation:
    """Plays one episode in each of its envs, every time from the same first states, so that scores compare.

    Of a task with scenarios it plays each of those once. results: all that the latest one found, see `play`.
    make: builds the envs, the same ones each time. They are built here, so that what cannot be built is known
    at the start; envs that cannot return to their first state are built anew for each evaluation. Training's
    random numbers are left as they were.
    """

    def __init__(self, make: Callable[[], VecEnv]) -> None:
        self._make = make
        with preserved_rng():
            self.env = make()
            self.env.ask(("policy",))
            self._start = self.env.state() if self.env.resumable else None
        self._played = False
        self.results: Mapping[str, Any] = {}

    def metrics(
        self,
        policy: Policy,
        *,
        facts: Mapping[str, Any] | None = None,
        take: Callable[[Recording], None] | None = None,
    ) -> dict[str, float]:
        """Play with `policy`: `eval/return`, `eval/length`, `eval/success`, `eval/timeout`, the success of each of
        the task's variants as `eval/success/<variant>`, the means of its own numbers of an episode as `eval/<fact>`,
        and `time/evaluation` [s].

        take: is handed the first env's episode as a recording, `facts` being entries of its header.
        """
        started = time.perf_counter()
        with preserved_rng():
            self._rewind()
            recorder = None
            if take is not None:
                recorder = Recorder(self.env, [0], facts or {}, _of_the_first(take), first_only=True)
            results = self.results = play(self.env, policy, per_env=1, quiet=True, recorder=recorder)
            if recorder is not None:
                recorder.stop()
        elapsed = time.perf_counter() - started
        log.debug("%d episodes evaluated in %.3f s", results["episodes"], elapsed)
        return {
            "eval/return": results["return"]["mean"],
            "eval/length": results["length"]["mean"],
            "eval/success": results["success_rate"],
            "eval/timeout": results["timeout_rate"],
            **{f"eval/success/{name}": of["success_rate"] for name, of in results.get("tasks", {}).items()},
            **{
                f"eval/{name}": of["mean"]
                for name, of in results.get("facts", {}).items()
                if of["mean"] is not None
            },
            "time/evaluation": elapsed,
        }

    def _rewind(self) -> None:
        if self._start is not None:
            self.env.load_state(self._start)
        elif self._played and not self.env.rewind():
            self.env.close()
            self.env = self._make()
            self.env.ask(("policy",))
        self._played = True

    def close(self) -> None:
        """Release the simulator."""
        self.env.close()


def _of_the_first(take: Callable[[Recording], None]) -> Callable[[Recording], None]:
    """One recording of an evaluation: its env plays on with other scenarios where there are many."""

    def first(recording: Recording) -> None:
        if recording.header["episode"] == 0:
            take(recording)

    return first
