"""Numbers that change over a run: learning rates, the entropy bonus."""

from __future__ import annotations

import math


def scheduled(schedule: str, start: float, end: float, progress: float) -> float:
    """What a "constant", "linear" or "cosine" schedule gives at `progress` (0 to 1, held at 1 beyond it)."""
    progress = min(progress, 1.0)
    if schedule == "constant":
        return start
    if schedule == "linear":
        return start + (end - start) * progress
    return end + (start - end) * 0.5 * (1.0 + math.cos(math.pi * progress))
