"""`training.bestBy`: looks at each policy's numbers, and says which is the best so far."""

from __future__ import annotations

import math
from typing import Mapping

from rlkit.config.schema import ranking
from rlkit.runtime.progress.train_state import Best, Score


class Ranking:
    """Compares policies by the metrics of `training.bestBy`, the first of them that differs decides.

    A policy is judged where all of them are told: after an evaluation if one of them is of evaluations, else by the
    window of training's latest episodes.
    """

    def __init__(self, text: str, *, evaluated: bool) -> None:
        """text: as typed, checked. evaluated: whether evaluations run."""
        self._usual = ranking.is_usual(text)
        measures = ranking.parse(text)
        self._metrics = {measure.source(evaluated=evaluated): measure.less for measure in measures}
        self.evaluated = any(name.startswith("eval/") for name in self._metrics)

    def best_of(
        self, window: Mapping[str, float], metrics: Mapping[str, float], iteration: int
    ) -> Best | None:
        """The policy of an iteration; None where not all is told of it.

        window: means over the latest episodes, metrics: of the iteration.
        """
        score = Score.of(metrics, "eval") if self.evaluated else Score.of(window, "episode")
        if score is None or not math.isfinite(score.mean_return):
            return None
        if self._usual:
            return Best(score, iteration, self.evaluated)
        known = {**metrics, **window} if not self.evaluated else {**window, **metrics}
        known.setdefault("eval/success" if self.evaluated else "episode/success", score.success)
        values = {name: known.get(name, math.nan) for name in self._metrics}
        if not all(map(math.isfinite, values.values())):
            return None
        named = {f"-{name}" if self._metrics[name] else name: value for name, value in values.items()}
        return Best(score, iteration, self.evaluated, named)

    def is_better(self, one: Best, other: Best | None) -> bool:
        """Whether it is better than the best before, where there is one."""
        return other is None or _order(one) > _order(other)

    def compares(self, best: Best) -> bool:
        """Whether a best of another session was found by the same measures."""
        names = [] if self._usual else [f"-{n}" if less else n for n, less in self._metrics.items()]
        return best.evaluated == self.evaluated and list(best.by) == names


def _order(best: Best) -> tuple[float, ...]:
    """Greater is better."""
    values = tuple(-value if name.startswith("-") else value for name, value in best.by.items())
    return values or tuple(best.score)
