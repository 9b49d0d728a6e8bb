"""How near a robot's motion is to the person's, and whether it is of use: in figures, words and a picture."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from rlkit.motion.entry import ClipEntry
from rlkit.motion.quality import FASTEST_JOINT, MOST_AT_LIMITS
from rlkit.motion.retargeting.measures import Measures, Sticks

if TYPE_CHECKING:
    from rich.table import Table

MOST_ERROR = 0.05  # m, of 95 % of the frames
_SHORTEST = 1.0  # s of what is kept: a retargeted clip is longer than what a cut of a recording may leave


class Verdict(NamedTuple):
    """kind: "ok", "cut" or "refused". words: the same with its reason. frames: first and last that are of use."""

    kind: str
    words: str
    frames: tuple[int, int] | None


@dataclass(frozen=True, eq=False)
class RetargetReport:
    """Of one clip.

    entry: the clip's facts. skate_before: m/s without the foot lock, None where it was not asked for. cpu_ms: a frame.
    seam: the largest gap of a joint, rad, that was spread over a loop; None where the clip does not loop.
    """

    entry: ClipEntry
    measures: Measures
    sticks: Sticks
    skate_before: float | None
    cpu_ms: float
    seam: float | None

    @property
    def verdict(self) -> Verdict:
        """Whether all of the clip is of use, a part of it, or nothing."""
        reasons = self._reasons(0, self.entry.frames - 1)
        last = self.entry.frames - 1
        if not reasons:
            return Verdict("ok", "ok", (0, last))
        why = "; ".join(reasons)
        first, stop = self._longest()
        if (stop - first) / self.entry.fps < _SHORTEST:
            return Verdict("refused", f"refused: {why}; no second of it is better", None)
        kept = f"{first / self.entry.fps:.2f}..{stop / self.entry.fps:.2f} s of {self.entry.duration:.2f}"
        loop = ", which is no loop any more" if self.entry.loop else ""
        return Verdict("cut", f"cut to {kept}{loop}: of the whole, {why}", (first, stop))

    def _reasons(self, first: int, last: int) -> list[str]:
        """What is wrong with these frames, in words."""
        reasons, measures = [], self.measures
        for part, errors in measures.position.items():
            error = float(np.quantile(errors[first : last + 1], 0.95))
            if error > MOST_ERROR:
                reasons.append(
                    f"{part} is {100 * error:.0f} cm off (95 % of frames; {100 * MOST_ERROR:.0f} are allowed)"
                )
        shares = measures.at_limit[first : last + 1].mean(axis=0)
        joint = int(shares.argmax())
        if shares[joint] > MOST_AT_LIMITS:
            reasons.append(
                f"{self.entry.joints[joint]} is at its limit in {100 * shares[joint]:.0f} % of frames"
                f" ({100 * MOST_AT_LIMITS:.0f} are allowed)"
            )
        speeds = measures.speed[first:last].max(axis=0)
        joint = int(speeds.argmax())
        if speeds[joint] > FASTEST_JOINT:
            reasons.append(
                f"{self.entry.joints[joint]} turns at {speeds[joint]:.0f} rad/s ({FASTEST_JOINT:.0f} are allowed)"
            )
        return reasons

    def _longest(self) -> tuple[int, int]:
        """First and last frame of the longest part of which every frame is near enough and slow enough, and few enough
        are at a limit of any joint."""
        measures = self.measures
        slow = np.append(measures.speed.max(axis=1) <= FASTEST_JOINT, True)
        near = slow & np.all(np.stack(list(measures.position.values())) <= MOST_ERROR, axis=0)
        limits: np.ndarray = np.any(measures.at_limit, axis=1)
        edges = np.flatnonzero(np.diff(np.concatenate(([False], near, [False])).astype(np.int8)))
        parts = [
            longest_mean(limits[a:b], MOST_AT_LIMITS, a)
            for a, b in zip(edges[::2].tolist(), edges[1::2].tolist())
        ]
        return max(parts, key=lambda part: part[1] - part[0], default=(0, 0))

    def table(self) -> Table:
        """The figures, for a console."""
        from rich.table import Table

        measures = self.measures
        table = Table("", "mean", "95 %", "worst", title=f"{self.entry.source} on {self.entry.robot}")
        for part, errors in measures.position.items():
            table.add_row(f"{part}, mm", *(f"{1e3 * number:.1f}" for number in spread(errors)))
        for name, errors in measures.angle.items():
            table.add_row(f"{name}, degrees", *(f"{np.degrees(number):.1f}" for number in spread(errors)))
        sole = 1e3 * measures.sole
        table.add_row(
            "lowest sole, mm", f"{np.median(sole):.1f} (median)", "", f"{sole.min():.1f} .. {sole.max():.1f}"
        )
        before = "" if self.skate_before is None else f"{self.skate_before:.3f} without foot lock"
        table.add_row("foot skate, m/s", f"{measures.skate:.3f}", "", before)
        shares, speeds = measures.at_limit.mean(axis=0), measures.speed.max(axis=0)
        joints = self.entry.joints
        table.add_row(
            "frames at a limit",
            f"{measures.at_limit.any(axis=1).mean():.0%}",
            "",
            _named(joints, shares, "{:.0%}"),
        )
        table.add_row(
            "joint speed, rad/s", f"{measures.speed.mean():.1f}", "", _named(joints, speeds, "{:.1f}")
        )
        if self.seam is not None:
            table.add_row("gap at the seam, closed, degrees", "", "", f"{np.degrees(self.seam):.1f}")
        table.add_row("CPU time a frame, ms", f"{self.cpu_ms:.1f}", "", "")
        table.caption = self.verdict.words
        return table

    def picture(self, path: str | Path) -> None:
        """Draw the person and the robot beside each other, and the errors over time, into a .png (needs matplotlib)."""
        from rlkit.motion.retargeting.picture import draw

        draw(
            f"{self.entry.source} on {self.entry.robot}: {self.verdict.words}",
            self.entry,
            self.measures,
            self.sticks,
            Path(path),
        )


def spread(errors: np.ndarray) -> tuple[float, float, float]:
    """Mean, 95 % and worst of `[T]`."""
    return float(errors.mean()), float(np.quantile(errors, 0.95)), float(errors.max())


def longest_mean(flags: np.ndarray, most: float, offset: int = 0) -> tuple[int, int]:
    """First and last frame of the longest run of `[T]` whose mean is at most `most`, counted from `offset`."""
    sums = np.concatenate(([0.0], np.cumsum(flags - most)))
    highest = np.maximum.accumulate(sums)
    starts = np.searchsorted(highest, sums - 1e-9)  # the earliest sum that is no less than this one
    lengths = np.arange(len(sums)) - starts
    stop = int(lengths.argmax())
    return offset + int(starts[stop]), offset + max(stop - 1, int(starts[stop]))


def _named(joints: tuple[str, ...], values: np.ndarray, form: str) -> str:
    worst = int(values.argmax())
    return f"{form.format(values[worst])} {joints[worst]}" if values[worst] > 0 else form.format(0.0)
