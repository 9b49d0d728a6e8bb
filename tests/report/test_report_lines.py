from __future__ import annotations

import json

import numpy as np
import pytest
from made_runs import row, rows

from rlkit.report.lines import band, extremes, means, reached, smoothed, window_mean
from rlkit.report.metrics import Metrics, continued, read_metrics


def read(tmp_path, lines) -> Metrics:
    path = tmp_path / "metrics.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return read_metrics(path)


# --- reading


def test_nulls_late_metrics_and_torn_lines_leave_gaps(tmp_path):
    path = tmp_path / "metrics.jsonl"
    lines = [row(1, losses__a=1.0), row(2, losses__a=None), row(3, losses__a=3.0, eval__return=7)]
    torn = '{"iteration": 4, "env_st'
    path.write_text("".join(json.dumps(line) + "\n" for line in lines) + "[1]\n" + torn)
    metrics = read_metrics(path)
    assert metrics.skipped == 2
    np.testing.assert_array_equal(metrics.columns["losses/a"], [1.0, np.nan, 3.0])
    np.testing.assert_array_equal(metrics.columns["eval/return"], [np.nan, np.nan, 7.0])
    np.testing.assert_array_equal(metrics.columns["env_steps"], [100, 200, 300])
    assert metrics.last("losses/a") == 3.0
    assert metrics.last("nothing") is None
    assert metrics.names == ["losses/a", "eval/return"]


def test_no_file_and_bytes_that_are_no_text(tmp_path):
    assert len(read_metrics(tmp_path / "metrics.jsonl")) == 0
    (tmp_path / "metrics.jsonl").write_bytes(b"\xff\xfe\x00\n" + json.dumps(row(1)).encode())
    assert len(read_metrics(tmp_path / "metrics.jsonl")) == 1


def test_a_continuation_replaces_what_came_after_its_checkpoint(tmp_path):
    parent = read(tmp_path, [row(i, losses__a=i) for i in (1, 2, 3, 4)])
    child = read(tmp_path, [row(i, losses__a=10 * i, losses__b=1) for i in (3, 4, 5)])
    joined = continued(parent, child)
    np.testing.assert_array_equal(joined.columns["iteration"], [1, 2, 3, 4, 5])
    np.testing.assert_array_equal(joined.columns["losses/a"], [1, 2, 30, 40, 50])
    np.testing.assert_array_equal(joined.columns["losses/b"], [np.nan, np.nan, 1, 1, 1])
    assert len(continued(parent, Metrics())) == 4
    assert len(continued(Metrics(), child)) == 3


# --- smoothing


def test_window_mean_by_hand():
    values = np.array([10.0, np.nan, 20.0, 40.0, 80.0])
    counts = np.array([1.0, 0.0, 2.0, 1.0, 4.0])
    # At least 3 episodes: 10·1+20·2 over 3; 20·2+40·1 over 3; the last row alone has 4.
    np.testing.assert_allclose(window_mean(values, counts, 3), [np.nan, np.nan, 50 / 3, 80 / 3, 80.0])


def test_window_mean_is_what_training_displays(tmp_path):
    """The same rule as the progress display's Monitor, on random episodes."""
    from collections import deque

    random = np.random.default_rng(0)
    counts = random.integers(0, 4, 60).astype(float)
    values = np.where(counts > 0, random.normal(size=60), np.nan)
    expected, window = [], deque()
    for count, value in zip(counts, values):
        if count:
            window.append((count, value))
            while sum(c for c, _ in list(window)[1:]) >= 8:
                window.popleft()
        total = sum(c for c, _ in window)
        expected.append(sum(c * v for c, v in window) / total if total >= 8 else np.nan)
    np.testing.assert_allclose(window_mean(values, counts, 8), expected)


def test_only_means_over_episodes_are_smoothed_and_tasks_by_their_own_count(tmp_path):
    metrics = read(
        tmp_path,
        [
            row(1, episode__count=2, reward__a=1.0, losses__a=1.0, task__x__count=1, task__x__return=4.0),
            row(2, episode__count=2, reward__a=3.0, losses__a=3.0, task__x__count=3, task__x__return=8.0),
        ],
    )
    np.testing.assert_allclose(smoothed(metrics, "reward/a", 4), [np.nan, 2.0])
    np.testing.assert_allclose(smoothed(metrics, "losses/a", 4), [1.0, 3.0])
    np.testing.assert_allclose(smoothed(metrics, "task/x/return", 4), [np.nan, 7.0])


def test_fewer_episodes_than_envs_still_give_a_line(tmp_path):
    metrics = read(tmp_path, rows([1.0, 3.0]))
    np.testing.assert_allclose(smoothed(metrics, "episode/return", 100), [np.nan, 2.0])


# --- thinning


def test_thinning_by_hand():
    x, y = np.arange(6.0), np.array([0.0, 4.0, np.nan, 1.0, 9.0, 2.0])
    np.testing.assert_allclose(means(x, y, 5), [[0, 1, 3, 4, 5], [0, 4, 1, 9, 2]])  # five points are known
    x, y = np.arange(6.0), np.array([0.0, 4.0, 5.0, 1.0, 9.0, 2.0])
    np.testing.assert_allclose(means(x, y, 2), [[1, 4], [3, 4]])
    np.testing.assert_allclose(extremes(x, y, 4), [[0, 2, 3, 4], [0, 5, 1, 9]])


def test_a_spike_survives_thinning():
    y = np.zeros(100_000)
    y[54_321] = 7.0
    _, thin = extremes(np.arange(100_000.0), y, 500)
    assert thin.max() == 7.0
    assert len(thin) <= 500


# --- bands


def test_band_by_hand():
    line = band(
        "g", [(np.array([0.0, 10.0]), np.array([0.0, 10.0])), (np.array([2.0, 6.0]), np.array([4.0, 4.0]))], 3
    )
    assert line is not None
    assert line.low is not None and line.high is not None
    np.testing.assert_allclose(line.x, [2, 4, 6])  # what both have
    np.testing.assert_allclose(line.y, [3, 4, 5])
    np.testing.assert_allclose(line.low, [2, 4, 4])
    np.testing.assert_allclose(line.high, [4, 4, 6])


def test_bands_of_one_curve_and_of_curves_that_share_nothing():
    one = band("g", [(np.array([1.0, 2.0]), np.array([3.0, np.nan]))])
    assert one is not None and one.low is None
    np.testing.assert_allclose(one.y, [3.0])
    assert band("g", [(np.array([0.0, 1.0]), np.ones(2)), (np.array([2.0, 3.0]), np.ones(2))]) is None
    assert band("g", [(np.array([0.0]), np.array([np.nan])), (np.array([0.0]), np.ones(1))]) is None
    assert band("g", []) is None


@pytest.mark.parametrize(("level", "seconds"), [(0.5, 1.5), (0.9, 2.0), (1.5, None)])
def test_reached(level, seconds):
    assert reached(np.array([1.0, 1.5, 2.0]), np.array([0.2, 0.6, 1.0]), level) == seconds
