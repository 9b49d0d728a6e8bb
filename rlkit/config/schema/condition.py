"""What ends a training when it is good enough: `success>=0.9`, a metric, a comparison, a number."""

from __future__ import annotations

import math
import operator
import re
from typing import NamedTuple

from rlkit.untrusted import echo

COMPARISONS = {">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt}
SHORT = ("success", "return", "length", "timeout")
"""Of episodes: of those of evaluations where they run, else of training's own."""
# Means over episodes that ended in training
_GROUPS = ("episode", "success", "failure", "reward", "metric", "task")
_WRITTEN = re.compile(r"\s*([\w/.-]+)\s*(>=|<=|>|<)\s*([+-]?[\d.][\w.+-]*)\s*$", re.ASCII)
_JOINED = re.compile(r"\s+(?:and|or)\s+|\s*(?:&&?|\|\|?|[,;])\s*", re.IGNORECASE)


class Condition(NamedTuple):
    """`metric` as in metrics.jsonl, or one of SHORT."""

    metric: str
    comparison: str
    bound: float

    def holds(self, value: float) -> bool:
        """Whether it holds of a value of the metric; of none that is not finite."""
        return math.isfinite(value) and COMPARISONS[self.comparison](value, self.bound)

    def source(self, *, evaluated: bool) -> str:
        """The name of the metric in metrics.jsonl. evaluated: whether evaluations run."""
        if self.metric not in SHORT:
            return self.metric
        return f"{'eval' if evaluated else 'episode'}/{self.metric}"

    @property
    def may_be_evaluated(self) -> bool:
        """Whether evaluations tell the metric, where they run."""
        return self.metric in SHORT or self.metric.startswith("eval/")

    def __str__(self) -> str:
        return f"{self.metric}{self.comparison}{self.bound:g}"


def over_episodes(metric: str) -> bool:
    """Whether a metric, by its full name, is a mean over the episodes of training, that few of them tell little of."""
    return metric.split("/")[0] in _GROUPS and metric != "episode/count"


def parse(text: str) -> Condition:
    """Read one; raises ValueError that says what is wrong with it."""
    match = _WRITTEN.match(text)
    try:
        if match is not None:
            return Condition(match[1], match[2], _finite(match[3]))
    except ValueError:
        raise ValueError(f"{echo(str(match and match[3]))} is no number; write {_example(text)}") from None
    joined = _JOINED.split(text)
    if len(joined) > 1:
        first = joined[0].strip() if _WRITTEN.match(joined[0]) else "success>=0.9"
        raise ValueError(
            f'one condition alone ends a training; write the one that counts, as until="{echo(first)}"'
        )
    if not set(text) & {"<", ">"}:
        raise ValueError(
            f"a comparison is missing; write {_example(text)}, in quotes, or the shell takes > for a file"
        )
    raise ValueError(f"needs a metric, one of {', '.join(COMPARISONS)}, and a number; write {_example(text)}")


def by_evaluations(text: str | None) -> bool:
    """Whether evaluations are what may end a training; not of what cannot be read."""
    try:
        return text is not None and parse(text).may_be_evaluated
    except ValueError:
        return False


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return number


def _example(text: str) -> str:
    metric = re.match(r"[a-z_]+(/[\w-]+)*", text.strip(), re.ASCII)
    bound = re.search(r"[=:\s~≥≤<>]\s*(\d+(?:\.\d+)?)\s*$", text)
    example = "success>=0.9"
    if metric is not None and len(metric[0]) < 60:
        wanted = bound[1] if bound is not None and len(bound[1]) < 20 else "0.9"
        example = f"{metric[0]}{'<=' if set(text) & set('<≤') else '>='}{wanted}"
    return f'until="{example}"'
