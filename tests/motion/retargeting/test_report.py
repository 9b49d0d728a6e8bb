"""Figures and verdicts of a report, reckoned by hand."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from rlkit.motion.entry import ClipEntry
from rlkit.motion.retargeting.measures import Measures, Sticks, sides, slip
from rlkit.motion.retargeting.overview import HEAD, errors_of, row, worst_first
from rlkit.motion.retargeting.report import RetargetReport, longest_mean, spread


def report(errors: np.ndarray, limited: np.ndarray, speed: np.ndarray, fps: float = 10.0) -> RetargetReport:
    frames = len(errors)
    measures = Measures({"pelvis": errors}, {}, np.zeros(frames), {"left_ankle": np.zeros(frames - 1)},
                        limited[:, None], speed[:, None], np.zeros((frames, 1, 3)))  # fmt: skip
    entry = ClipEntry("h1", ("knee",), fps, frames, False, "made for tests", "Apache-2.0")
    still = np.zeros((frames, 1, 3)), (-1,), (0,)
    sticks = Sticks(*still, *still)
    return RetargetReport(entry, measures, sticks, None, 1.0, None)


def test_a_clip_is_of_use_cut_or_refused() -> None:
    frames, never, slow = np.full(41, 0.01), np.zeros(41, bool), np.ones(40)
    assert report(frames, never, slow).verdict == ("ok", "ok", (0, 40))
    off = np.where(np.arange(41) < 20, 0.2, 0.01)
    kind, words, kept = report(off, never, slow).verdict
    assert (kind, kept) == ("cut", (20, 40))
    assert (
        words
        == "cut to 2.00..4.00 s of 4.00: of the whole, pelvis is 20 cm off (95 % of frames; 5 are allowed)"
    )
    kind, words, kept = report(np.full(41, 0.2), never, slow).verdict
    assert (kind, kept) == ("refused", None)
    assert words.startswith("refused: pelvis is 20 cm off")
    fast = slow.copy()
    fast[30] = 25.0
    kind, words, kept = report(frames, never, fast).verdict
    assert (kind, kept) == ("cut", (0, 29)) and "knee turns at 25 rad/s (20 are allowed)" in words
    limited = np.arange(41) >= 30
    kind, words, kept = report(frames, limited, slow).verdict
    assert (kind, kept) == ("cut", (0, 32)) and "knee is at its limit in 27 % of frames" in words  # 3 of 33


def test_a_body_is_on_the_side_of_what_it_hangs_on() -> None:
    """A pelvis, a left hip with a shin below it, a right hip, a torso with a head."""
    parts = {"pelvis": 0, "left_hip": 1, "right_hip": 3, "torso": 4}
    assert sides((-1, 0, 1, 0, 0, 4), parts) == (0, 1, 1, -1, 0, 0)


def test_the_table_says_the_figures() -> None:
    rows = report(np.linspace(0.0, 0.04, 41), np.zeros(41, bool), np.ones(40)).table()
    assert [next(iter(column.cells)) for column in rows.columns] == ["pelvis, mm", "20.0", "38.0", "40.0"]


def test_the_longest_run_with_a_small_mean() -> None:
    assert longest_mean(np.array([1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1], bool), 0.1) == (0, 9)
    assert longest_mean(np.array([1, 1, 0, 0, 0], bool), 0.1, offset=7) == (9, 11)
    assert spread(np.array([0.0, 1.0])) == pytest.approx((0.5, 0.95, 1.0))


def test_a_sole_slips_as_its_slowest_point_near_the_ground() -> None:
    """One point stands 5 mm high, one moves 1 cm a frame at 10 Hz; then both are in the air."""
    still, moving = np.array([0.0, 0.0, 0.005]), np.array([0.1, 0.0, 0.005])
    frames = [np.stack((still, moving + [0.01 * n, 0.0, 0.0])) for n in range(3)]
    heights = [frame[:, 2] for frame in frames]
    assert slip(list(zip(frames, heights)), 10.0)[0] == 0.0
    heights = [np.array([0.05, 0.005]), np.array([0.05, 0.005]), np.array([0.05, 0.05])]
    first, second = slip(list(zip(frames, heights)), 10.0)
    assert first == pytest.approx(0.1) and math.isnan(second)


def test_several_clips_are_a_row_each_the_worst_first() -> None:
    never, slow = np.zeros(41, bool), np.ones(40)
    good, bad = report(np.full(41, 0.01), never, slow), report(np.full(41, 0.2), never, slow)
    good.measures.position["left_ankle"] = np.full(41, 0.02)  # type: ignore[index]
    assert errors_of(good) == pytest.approx((0.01, 0.02)) and errors_of(bad) == pytest.approx((0.2, 0.0))
    assert worst_first([good, bad]) == [bad, good]
    assert dict(zip(HEAD, row(good))) == {
        "clip": "", "verdict": "ok", "pelvis mm": "10.0", "ankles mm": "20.0", "skate m/s": "0.000", "rad/s": "1.0",
        "at limits": "0%",
    }  # fmt: skip
    # one joint is at its limit in a tenth of the frames, another in another tenth: the verdict judges each
    limited = np.zeros((40, 2), bool)
    limited[:4, 0] = limited[4:8, 1] = True
    assert row(replace(good, measures=replace(good.measures, at_limit=limited)))[-1] == "10%"
    assert row(bad)[1:4] == ("refused", "200.0", "0.0")
