"""How much of a randomisation there is while a training goes on."""

from __future__ import annotations

from typing import Any, Mapping


class Curriculum:
    """A level that goes from `start` to `end`, in a straight line over the first `steps` control steps of a training.

    running: where it does not run, or has no steps, the level is `end`. progress: control steps of every env so far.
    """

    def __init__(self, settings: Mapping[str, Any], *, running: bool) -> None:
        self._start, self._end = float(settings.get("start", 0.0)), float(settings.get("end", 1.0))
        self._steps = int(settings.get("steps", 0))
        self.running = running and self._steps > 0
        self.progress = 0

    @property
    def lowest(self) -> float:
        """The lowest level that there will be."""
        return min(self._start, self._end) if self.running else self._end

    @property
    def level(self) -> float:
        """The present level."""
        done = min(1.0, self.progress / self._steps) if self.running else 1.0
        return self._start + (self._end - self._start) * done
