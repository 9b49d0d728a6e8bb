"""Charts as PNGs for papers: 300 dpi, one column wide, in colours that colour-blind readers tell apart."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path
from typing import Any, Sequence

from rlkit.report.charts import COLORS, Chart, style_of, x_label, x_scale, y_range
from rlkit.workspace import write_atomic

_DPI = 300
_INCHES = (3.4, 2.3)  # a column of most two-column papers
_INCHES_A_NAME = 0.15
_SHORT_NAME = 26  # letters: two such names fit side by side
_LONG_NAME = 52  # letters: one such name fits
_LINESTYLES = {"": "-", "6 3": "--", "2 3": ":"}
_STYLE: Any = {
    "font.size": 8,
    "axes.titlesize": 8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.linewidth": 0.4,
    "grid.color": "#dddddd",
    "lines.linewidth": 1.2,
    "legend.frameon": False,
    "legend.fontsize": 7,
    "font.family": "DejaVu Sans",
}


def write_pictures(charts: Sequence[Chart], folder: Path) -> list[Path]:
    """Draw each chart that has points over env steps into `folder`; returns the files.

    Raises ImportError without matplotlib, WorkspaceError where a file cannot be written.
    """
    import matplotlib

    matplotlib.use("Agg")
    with matplotlib.rc_context(_STYLE):
        return [_write(chart, folder) for chart in charts if not chart.empty]


def _write(chart: Chart, folder: Path) -> Path:
    from matplotlib import pyplot as plt

    axis = "env_steps"
    greatest = max(float(line.x[-1]) for line in chart.views[axis] if len(line.x))
    scale = x_scale(axis, greatest)
    factor = 100.0 if chart.share else 1.0
    names = chart.names if len(chart.names) > 1 else []
    columns = 1 if any(len(name) > _SHORT_NAME for name in names) else 2
    keys = {name: textwrap.fill(name, _LONG_NAME, subsequent_indent="    ") for name in names}
    rows = sum(key.count("\n") + 1 for key in keys.values())
    size = (_INCHES[0], _INCHES[1] + _INCHES_A_NAME * -(-rows // columns))
    figure, axes = plt.subplots(figsize=size, layout="constrained")
    index = 0
    for line in sorted(chart.views[axis], key=lambda line: not line.faint):
        color, dashes = style_of(index)
        shade = COLORS[color][0]
        x, y = line.x / scale.divisor, line.y * factor
        if line.faint:
            axes.plot(x, y, color=shade, alpha=0.25, linewidth=0.6)
            continue
        marker = "o" if len(x) == 1 else ""
        key = keys.get(line.name, line.name)
        axes.plot(x, y, color=shade, linestyle=_LINESTYLES[dashes], marker=marker, markersize=3, label=key)
        if line.low is not None and line.high is not None:
            axes.fill_between(x, line.low * factor, line.high * factor, color=shade, alpha=0.2, linewidth=0)
        index += 1
    low, high, _ = y_range(chart)
    axes.set_ylim(low * factor, high * factor)
    axes.set_xlabel(x_label(axis, scale))
    unit = "%" if chart.share else chart.unit
    axes.set_ylabel(chart.title + (f" [{unit}]" if unit else ""))
    if names:
        figure.legend(loc="outside lower left", ncols=columns)
    path = folder / (re.sub(r"[^a-z0-9]+", "_", chart.title.lower()).strip("_") + ".png")
    try:
        write_atomic(path, lambda handle: figure.savefig(handle, format="png", dpi=_DPI))
    finally:
        plt.close(figure)
    return path
