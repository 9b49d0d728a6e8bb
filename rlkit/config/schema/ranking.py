"""What the best policy is best by: `success:return`, a metric and what breaks ties; a minus where less is better."""

from __future__ import annotations

import re
from typing import NamedTuple

from rlkit.config.schema.condition import SHORT
from rlkit.untrusted import echo

USUAL = "success:return"
_WRITTEN = re.compile(r"(-?)([a-z_]\w*(?:/[\w.-]+)*)$", re.ASCII)


class Measure(NamedTuple):
    """`metric` as in metrics.jsonl, or one of condition.SHORT; less: less of it is better."""

    metric: str
    less: bool = False

    def source(self, *, evaluated: bool) -> str:
        """The name of the metric in metrics.jsonl. evaluated: whether evaluations run."""
        if self.metric not in SHORT:
            return self.metric
        return f"{'eval' if evaluated else 'episode'}/{self.metric}"

    def __str__(self) -> str:
        return f"-{self.metric}" if self.less else self.metric


def parse(text: str) -> tuple[Measure, ...]:
    """Read one; raises ValueError that says what is wrong with it."""
    found: list[Measure] = []
    for part in text.split(":"):
        match = _WRITTEN.match(part.strip())
        if match is None:
            raise ValueError(
                f"{echo(part)} is no metric; write them one after another, a minus before one of which less is better,"
                " as training.bestBy=eval/success:-eval/error"
            )
        found.append(Measure(match[2], bool(match[1])))
    names = [measure.metric for measure in found]
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise ValueError(f"{twice[0]} is named twice; the first one of a metric decides")
    return tuple(found)


def is_usual(text: str) -> bool:
    """Whether it is what it is where nothing is said: by success, then by return."""
    return parse(text) == parse(USUAL)


def by_evaluations(text: str) -> bool:
    """Whether evaluations are asked for by name; not by what cannot be read."""
    try:
        return any(measure.metric.startswith("eval/") for measure in parse(text))
    except ValueError:
        return False
