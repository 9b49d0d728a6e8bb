"""When a training is over, and when it is evaluated and saved: by iterations, by env-steps and by the clock."""

from __future__ import annotations

import math
import time

from rlkit.config import TrainingSettings
from rlkit.runtime.progress.train_state import TrainState

# Of a training's time, and s: what is lost at most where nobody could say goodbye.
SHARE, LONGEST = 0.1, 300.0
MOST_COST = 0.05  # share of the time that checkpoints by the clock may take, but for the first


class Schedule:
    """Of one session of a training that stands `at`; `at` is the caller's and goes on.

    Env-steps count those of all environments and ranks. What is due in env-steps is due at the end of the iteration
    that reaches them, whatever an iteration's size, so that a resume with other sizes goes on rightly.
    """

    def __init__(self, settings: TrainingSettings, at: TrainState) -> None:
        self._settings, self._at = settings, at
        self.first = at.iteration  # the one that this session begins after
        self._began = time.perf_counter()
        self._steps_before = self.steps_each = 0  # env-steps before the latest iteration, and in it
        self._ended = False

    def advanced(self, env_steps: int) -> None:
        """An iteration of so many env-steps is over, and `at` tells of it."""
        self._steps_before, self.steps_each = self._at.env_steps - env_steps, env_steps

    # The end.

    def end(self) -> None:
        """The latest iteration is the last one: the training is good enough."""
        self._ended = True

    @property
    def over(self) -> bool:
        """Whether the training has come to its end."""
        most = self._settings.max_steps
        if self._ended:
            return True
        if most is None:
            return self._at.iteration >= self._settings.max_iterations
        return self._at.env_steps >= most

    @property
    def total(self) -> int:
        """Iterations in all; where env-steps say when it ends, as many as the latest iteration's size makes of them."""
        most = self._settings.max_steps
        if self._ended:
            return self._at.iteration
        if most is None or not self.steps_each:
            return self._settings.max_iterations
        return self._at.iteration + max(0, math.ceil((most - self._at.env_steps) / self.steps_each))

    @property
    def done(self) -> int:
        """Iterations of this session."""
        return self._at.iteration - self.first

    @property
    def elapsed(self) -> float:
        """Seconds of this session, evaluations included."""
        return time.perf_counter() - self._began

    @property
    def left(self) -> float:
        """Seconds that the rest takes at the rate of this session."""
        return self.elapsed / max(1, self.done) * (self.total - self._at.iteration)

    # Evaluations and checkpoints.

    @property
    def evaluation_due(self) -> bool:
        """Every `evalInterval` iterations, or `evalSteps` env-steps, and after the last."""
        return self.over or self._due(self._settings.eval_interval, self._settings.eval_steps)

    @property
    def checkpoint_due(self) -> bool:
        """Every `checkpointInterval` iterations, or `checkpointSteps` env-steps."""
        return self._due(self._settings.checkpoint_interval, self._settings.checkpoint_steps)

    def _due(self, iterations: int, steps: int | None) -> bool:
        if steps is not None:
            return self._at.env_steps // steps > self._steps_before // steps
        return iterations > 0 and self._at.iteration % iterations == 0


class SaveClock:
    """Says when time alone asks for a checkpoint: after a tenth of the session or five minutes, whichever is less.

    It reads the clock and nothing else, so that a training comes out the same whatever it says.
    """

    def __init__(self) -> None:
        self._tried_at = time.perf_counter()
        self._cost = 0.0

    def due(self, schedule: Schedule) -> bool:
        """Whether none was tried for so long."""
        wait = min(LONGEST, SHARE * (schedule.elapsed + schedule.left))
        return self.since >= max(wait, self._cost / MOST_COST)

    def tried(self, cost: float) -> None:
        """A checkpoint was saved just now, or found no room, which took `cost` s."""
        self._tried_at, self._cost = time.perf_counter(), cost

    @property
    def since(self) -> float:
        """Seconds since the last one, or since the start."""
        return time.perf_counter() - self._tried_at
