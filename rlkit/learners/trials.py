"""What short iterations of all learners have in common: they stay short."""

from __future__ import annotations

from typing import Sequence

MOST_WORK = 2.5e9  # floating-point operations of one iteration: 15 to 50 ms of a core
FEWEST_ROWS = 64


def fewer_rows(rows: int, inputs: int, networks: Sequence[Sequence[int]], outputs: int) -> int:
    """At most `rows`: so many samples that learning from them once stays below MOST_WORK.

    A sample costs six operations a weight, forward and backward.
    """
    weights = 0
    for units in networks:
        sizes = [inputs, *units, outputs]
        weights += sum(before * after for before, after in zip(sizes, sizes[1:]))
    return min(rows, max(FEWEST_ROWS, int(MOST_WORK / (6 * weights))))
