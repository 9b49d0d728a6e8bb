"""`training.until`: looks at each iteration's numbers, and says when a training is good enough."""

from __future__ import annotations

import logging
from typing import Mapping

from rlkit.config.schema.condition import over_episodes, parse
from rlkit.runtime.progress.train_state import TrainState

log = logging.getLogger("rlkit")


class Until:
    """The condition of a training that stands `at`; `reached` says in words how it was met, None so far.

    It remembers nothing but that, so a resumed training goes on as if it had not been broken off. What is a mean over
    training's episodes must hold over the whole window of the latest ones, an evaluation's number over that
    evaluation, every other number in one iteration.
    """

    def __init__(self, text: str | None, at: TrainState, *, evaluated: bool) -> None:
        """text: as typed, checked. evaluated: whether evaluations run."""
        self._condition = None if text is None else parse(text)
        self._metric = "" if self._condition is None else self._condition.source(evaluated=evaluated)
        self._at, self._warned = at, False
        self.reached: str | None = None

    def look(self, window: Mapping[str, float], metrics: Mapping[str, float]) -> bool:
        """Whether it holds now. window: means over the latest episodes, empty while there are few; metrics: of the
        iteration."""
        if self._condition is None or self.reached is not None:
            return self.reached is not None
        value = self._value(window, metrics)
        if value is None:
            self._tell_if_unknown(metrics)
        elif self._condition.holds(value):
            self.reached = f"{self._condition}: {self._metric} is {value:.4g}"
        return self.reached is not None

    def _value(self, window: Mapping[str, float], metrics: Mapping[str, float]) -> float | None:
        at = {"iteration": self._at.iteration, "env_steps": self._at.env_steps, "wall_time": self._at.seconds}
        if not over_episodes(self._metric):
            return {**metrics, **at}.get(self._metric)
        return window.get(self._metric)

    def _tell_if_unknown(self, metrics: Mapping[str, float]) -> None:
        """Warn once where the learner tells others of its kind, but not this one: it will never hold."""
        group = self._metric.split("/")[0] + "/"
        others = sorted(name for name in metrics if name.startswith(group))
        if group in ("losses/", "policy/") and others and not self._warned:
            self._warned = True
            log.warning("training.until=%s: this learner tells %s", self._condition, ", ".join(others))
