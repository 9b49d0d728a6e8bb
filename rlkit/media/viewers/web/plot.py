"""Reward terms over time, by name, beside the scene."""

from __future__ import annotations

from collections import deque
from typing import Any, Mapping, Sequence

import numpy as np
import viser

_COLOURS = (
    "#4269d0", "#efb118", "#ff725c", "#3ca951", "#a463f2", "#6cc5b0", "#97bbf5", "#9c6b4e", "#ff8ab7", "#9498a0",
)  # fmt: skip
_HEIGHT = 230  # pixels


class TermPlot:
    """A chart with a line for each reward term; the names may change between two calls."""

    def __init__(self, server: viser.ViserServer, container: viser.GuiFolderHandle) -> None:
        self._server = server
        self._container = container
        self._names: tuple[str, ...] = ()
        self._chart: viser.GuiUplotHandle | None = None

    def draw(
        self, names: Sequence[str], times: np.ndarray, values: np.ndarray, span: tuple[float, float]
    ) -> None:
        """Show `values` [K, terms] at `times` [K] in s; the axis goes over `span` [s]."""
        data = (times, *values.T)
        scales: dict[str, Any] = {"x": {"time": False, "range": [float(span[0]), float(span[1])]}}
        if self._chart is None or tuple(names) != self._names:
            self._make(tuple(names), data, scales)
            return
        self._chart.data = data
        self._chart.scales = scales

    def _make(self, names: tuple[str, ...], data: tuple[np.ndarray, ...], scales: dict[str, Any]) -> None:
        if self._chart is not None:
            self._chart.remove()
            self._chart = None
        self._names = names
        if not names:
            return
        series: list[Any] = [{"label": "time, s"}]
        for number, name in enumerate(names):
            series.append({"label": name, "stroke": _COLOURS[number % len(_COLOURS)], "width": 1.5})
        with self._container:
            self._chart = self._server.gui.add_uplot(
                data, tuple(series), scales=scales, height=_HEIGHT, padding=(8, 8, 0, 0)
            )


class TermHistory:
    """The reward terms of the last seconds that were shown, one episode after the other."""

    def __init__(self, window: float) -> None:
        self.window = window
        self._rows: deque[tuple[float, tuple[float, ...]]] = deque()
        self._names: tuple[str, ...] = ()
        self._now = 0.0

    def add(self, terms: Mapping[str, float], period: float) -> None:
        """Append what `period` more seconds brought; a change of names starts anew."""
        if tuple(terms) != self._names:
            self._names = tuple(terms)
            self._rows.clear()
        self._now += period
        self._rows.append((self._now, tuple(terms.values())))
        while self._now - self._rows[0][0] > self.window:
            self._rows.popleft()

    def draw(self, plot: TermPlot) -> None:
        """Show the window on a plot."""
        times = np.array([time for time, _ in self._rows])
        values = np.array([row for _, row in self._rows]).reshape(len(times), len(self._names))
        plot.draw(self._names, times, values, (max(0.0, self._now - self.window), max(self._now, 1.0)))
