"""Where a training stands, and how good its best policy is."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Mapping, NamedTuple

from rlkit.numbers import number


class Score(NamedTuple):
    """How good a policy is, to be compared with `>`: by its share of successes [0, 1], ties by its return.

    A task without a success criterion has none ever, so that its return decides.
    """

    success: float
    mean_return: float

    @classmethod
    def of(cls, metrics: Mapping[str, float], group: str) -> Score | None:
        """That of a group of metrics, "eval" or "episode"; None where they hold none."""
        mean_return = metrics.get(f"{group}/return")
        return None if mean_return is None else cls(metrics.get(f"{group}/success", 0.0), mean_return)

    def __str__(self) -> str:
        shown = f"return {self.mean_return:.1f}"
        return f"success {100 * self.success:.0f}%, {shown}" if self.success else shown


@dataclass(frozen=True)
class Best:
    """The best policy so far. evaluated: by an evaluation, not by the episodes of a policy that explored.

    by: the metrics of training.bestBy and their values, a minus before those of which less is better; empty where it is
    so by success and then by return, as usual.
    """

    score: Score
    iteration: int
    evaluated: bool
    by: Mapping[str, float] = field(default_factory=dict)

    @property
    def words(self) -> str:
        """What it is best by, with the values."""
        named = (f"{name.lstrip('-')} {number(value)}" for name, value in self.by.items())
        return ", ".join(named) if self.by else str(self.score)

    @property
    def facts(self) -> dict[str, float]:
        """The same for programs."""
        score = {"return": self.score.mean_return, "success": self.score.success}
        return {"iteration": self.iteration, **score, **self.by}

    def __str__(self) -> str:
        how = "evaluated" if self.evaluated else "while exploring"
        return f"{self.words} (iteration {self.iteration}, {how})"


@dataclass
class TrainState:
    """Where a training stands; goes into every checkpoint."""

    iteration: int = 0
    env_steps: int = 0  # of all environments and ranks
    seconds: float = 0.0  # of training alone
    best: Best | None = None

    def progress(self) -> dict[str, Any]:
        """What a checkpoint holds of it beside iteration and env-steps."""
        known: dict[str, Any] = {"seconds": self.seconds}
        if self.best is not None:
            known.update(
                best_return=self.best.score.mean_return,
                best_success=self.best.score.success,
                best_iteration=float(self.best.iteration),
                best_is_evaluated=float(self.best.evaluated),
                best_by=dict(self.best.by),
            )
        return known


def best_of(progress: Mapping[str, Any]) -> Best | None:
    """The best policy that a checkpoint knows of; older ones know no success, which then counts as none, and nothing of
    what it is best by."""
    mean_return = progress.get("best_return", float("-inf"))
    if mean_return == float("-inf"):
        return None
    score = Score(progress.get("best_success", 0.0), mean_return)
    iteration = int(progress.get("best_iteration", 0))
    evaluated = bool(progress.get("best_is_evaluated", 0.0))
    return Best(score, iteration, evaluated, dict(progress.get("best_by", {})))
