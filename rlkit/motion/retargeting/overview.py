"""The errors of several retargeted clips beside each other: a row each, and one picture."""

from __future__ import annotations

from pathlib import Path
from typing import Sequence

import numpy as np

from rlkit.motion.retargeting.report import MOST_ERROR, RetargetReport

HEAD = ("clip", "verdict", "pelvis mm", "ankles mm", "skate m/s", "rad/s", "at limits")
_SHOWN = 40  # clips in a picture
_INCHES = 0.28  # of height for each


def errors_of(report: RetargetReport) -> tuple[float, float]:
    """Of pelvis and ankles [m] what 95 % of the frames stay below; of the ankles the worse one's."""
    found = {part: float(np.quantile(errors, 0.95)) for part, errors in report.measures.position.items()}
    pelvis = found.pop("pelvis", 0.0)
    return pelvis, max(found.values(), default=0.0)


def worst_first(reports: Sequence[RetargetReport]) -> list[RetargetReport]:
    """By the larger of the two errors."""
    return sorted(reports, key=lambda report: max(errors_of(report)), reverse=True)


def row(report: RetargetReport) -> tuple[str, ...]:
    """The cells below HEAD: errors of 95 % of the frames, the fastest joint, the largest share of frames of a joint at
    its limit, as the verdict judges it."""
    measures = report.measures
    return (
        report.entry.name,
        report.verdict.kind,
        *(f"{1e3 * error:.1f}" for error in errors_of(report)),
        f"{measures.skate:.3f}",
        f"{measures.speed.max():.1f}",
        f"{measures.at_limit.mean(axis=0).max():.0%}",
    )


def draw_errors(reports: Sequence[RetargetReport], path: Path) -> None:
    """Bars of both errors of each clip, in this order and down to the 40th, into a .png (needs matplotlib)."""
    from matplotlib.figure import Figure

    drawn = reports[:_SHOWN]
    page = Figure(figsize=(8.0, 1.4 + _INCHES * len(drawn)), layout="constrained")
    axes, places = page.subplots(), np.arange(len(drawn))
    for part, (name, errors) in enumerate(zip(("pelvis", "ankles"), zip(*map(errors_of, drawn)))):
        axes.barh(places + 0.4 * part - 0.2, 1e3 * np.array(errors), height=0.38, label=name)
    axes.axvline(1e3 * MOST_ERROR, color="grey", linestyle="--", linewidth=0.8, label="most that is of use")
    axes.set(yticks=places, yticklabels=[f"{r.entry.name} ({r.verdict.kind})" for r in drawn])
    axes.set(xlabel="mm that 95 % of the frames stay below")
    axes.invert_yaxis()
    axes.legend(loc="lower right", fontsize=8)
    if len(drawn) < len(reports):
        axes.set_title(f"the worst {len(drawn)} of {len(reports)}", fontsize=9)
    page.savefig(path, dpi=100)
