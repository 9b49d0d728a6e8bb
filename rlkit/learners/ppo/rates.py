"""Learning rate and entropy bonus over the epochs of a run."""

from __future__ import annotations

from rlkit.learners.ppo.settings import Settings
from rlkit.learners.schedules import scheduled


class Rates:
    """What the settings make of the epochs that are behind; an epoch is `horizon_length` steps of every env."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def learning_rate(self, epochs: int) -> float | None:
        """Of the next epoch; None where it follows the policy's change instead."""
        s = self._settings
        if s.lr_schedule == "adaptive":
            return None
        return self._scheduled(s.lr_schedule, s.learning_rate, s.learning_rate_end, epochs)

    def entropy(self, epochs: int) -> float:
        """The weight of the entropy bonus in the next epoch."""
        s = self._settings
        return self._scheduled(s.entropy_schedule, s.entropy_coef, s.entropy_coef_end, epochs)

    def _scheduled(self, schedule: str, start: float, end: float, epochs: int) -> float:
        if schedule == "constant":  # of a policy that only acts nobody says how long its training was
            return start
        return scheduled(
            schedule, start, end, epochs * self._settings.horizon_length / self._settings.schedule_steps
        )
