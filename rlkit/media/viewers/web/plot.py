"""Curves over time, by name, beside the scene."""

from __future__ import annotations

from collections import deque
from typing import Any, Mapping, Sequence

import numpy as np
import viser

_COLOURS = (
    "#4269d0", "#efb118", "#ff725c", "#3ca951", "#a463f2", "#6cc5b0", "#97bbf5", "#9c6b4e", "#ff8ab7", "#9498a0",
)  # fmt: skip
_HEIGHT = 230  # pixels


class Chart:
    """A folder of the page with a line for each name, while there are any; they may change between two calls."""

    def __init__(self, server: viser.ViserServer, title: str, order: float) -> None:
        self._server, self._title, self._order = server, title, order
        self._names: tuple[str, ...] = ()
        self._folder: viser.GuiFolderHandle | None = None
        self._chart: viser.GuiUplotHandle | None = None

    def draw(
        self, names: Sequence[str], times: np.ndarray, values: Sequence[np.ndarray], span: tuple[float, float]
    ) -> None:
        """Show `values` [K] of each name at `times` [K] in s; the axis goes over `span` [s]."""
        data = (times, *values)
        scales: dict[str, Any] = {"x": {"time": False, "range": [float(span[0]), float(span[1])]}}
        if self._chart is None or tuple(names) != self._names:
            self._make(tuple(names), data, scales)
            return
        self._chart.data = data
        self._chart.scales = scales

    def _make(self, names: tuple[str, ...], data: tuple[np.ndarray, ...], scales: dict[str, Any]) -> None:
        if self._folder is not None:
            self._folder.remove()
            self._folder = self._chart = None
        self._names = names
        if not names:
            return
        series: list[Any] = [{"label": "time, s"}]
        for number, name in enumerate(names):
            series.append({"label": name, "stroke": _COLOURS[number % len(_COLOURS)], "width": 1.5})
        gui = self._server.gui
        self._folder = gui.add_folder(self._title, order=self._order)
        with self._folder:
            self._chart = gui.add_uplot(
                data, tuple(series), scales=scales, height=_HEIGHT, padding=(8, 8, 0, 0)
            )


class History:
    """The numbers of the last seconds that were shown, one episode after the other."""

    def __init__(self, window: float) -> None:
        self.window = window
        self._rows: deque[tuple[float, tuple[float, ...]]] = deque()
        self._names: tuple[str, ...] = ()
        self._now = 0.0

    def add(self, numbers: Mapping[str, float], period: float) -> None:
        """Append what `period` more seconds brought; a change of names starts anew."""
        if tuple(numbers) != self._names:
            self._names = tuple(numbers)
            self._rows.clear()
        self._now += period
        self._rows.append((self._now, tuple(numbers.values())))
        while self._now - self._rows[0][0] > self.window:
            self._rows.popleft()

    def draw(self, chart: Chart) -> None:
        """Show the window on a chart."""
        times = np.array([time for time, _ in self._rows])
        values = np.array([row for _, row in self._rows]).reshape(len(times), len(self._names))
        chart.draw(
            self._names, times, list(values.T), (max(0.0, self._now - self.window), max(self._now, 1.0))
        )
