"""metrics.jsonl and TensorBoard's event file say the same, and survive kills."""

from __future__ import annotations

import json
import math

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.backend.event_processing.event_file_loader import EventFileLoader

from benchmarks.metric_lines import read_metrics
from rlkit.runtime.progress.metrics import MetricsWriter


@pytest.fixture
def files(tmp_path):
    return tmp_path / "metrics.jsonl", tmp_path / "summaries"


def write(files, iterations, value=1.0, first=None):
    writer = MetricsWriter(*files, first_iteration=first or iterations[0])
    for iteration in iterations:
        writer.write(iteration, 10 * iteration, 0.5 * iteration, {"losses/actor": value + iteration})
    writer.close()


def test_one_line_an_iteration(files):
    write(files, [1, 2])
    assert read_metrics(files[0]) == [
        {"iteration": 1, "env_steps": 10, "wall_time": 0.5, "losses/actor": 2.0},
        {"iteration": 2, "env_steps": 20, "wall_time": 1.0, "losses/actor": 3.0},
    ]


def test_a_line_is_on_disk_as_soon_as_it_is_written(files):
    writer = MetricsWriter(*files, first_iteration=1)
    writer.write(1, 10, 0.5, {"losses/actor": 1.0})
    assert [row["iteration"] for row in read_metrics(files[0])] == [1]
    writer.close()


def test_numbers_that_are_not_finite_become_null(files):
    writer = MetricsWriter(*files, first_iteration=1)
    writer.write(1, 10, 0.5, {"a": math.nan, "b": math.inf, "c": 1.0})
    writer.close()
    (line,) = files[0].read_text().splitlines()
    strict = json.loads(line, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
    assert (strict["a"], strict["b"], strict["c"]) == (None, None, 1.0)


def test_a_continued_run_drops_the_lines_it_writes_again(files):
    write(files, [1, 2, 3, 4])
    write(files, [3, 4, 5], value=100.0)
    rows = read_metrics(files[0])
    assert [row["iteration"] for row in rows] == [1, 2, 3, 4, 5]
    assert [row["losses/actor"] for row in rows] == [2.0, 3.0, 103.0, 104.0, 105.0]


def test_a_line_torn_by_a_kill_is_left_out_and_goes_at_the_next_start(files):
    write(files, [1, 2])
    with files[0].open("a") as file:
        file.write('{"iteration": 3, "env_st')
    assert [row["iteration"] for row in read_metrics(files[0])] == [1, 2]
    write(files, [3])
    assert [json.loads(line)["iteration"] for line in files[0].read_text().splitlines()] == [1, 2, 3]


def test_tensorboard_reads_the_same_numbers(files):
    write(files, [1, 2, 3])
    board = EventAccumulator(str(files[1])).Reload()
    assert [(e.step, e.value) for e in board.Scalars("losses/actor")] == [(1, 2.0), (2, 3.0), (3, 4.0)]


def test_tensorboard_tells_the_unit_of_a_metric_once(files):
    writer = MetricsWriter(*files, first_iteration=1, units={"metric/body_error": "m"})
    for iteration in (1, 2):
        writer.write(iteration, 10, 0.5, {"metric/body_error": 0.1, "losses/actor": 1.0})
    writer.close()
    said = [
        (value.tag, value.metadata.summary_description)
        for file in files[1].iterdir()
        for event in EventFileLoader(str(file)).Load()
        for value in event.summary.value
    ]
    assert said == [
        ("metric/body_error", "in m"),
        ("losses/actor", ""),
        ("metric/body_error", ""),
        ("losses/actor", ""),
    ]


def test_tensorboard_shows_a_continued_run_once(files):
    write(files, [1, 2, 3, 4])
    write(files, [3, 4], value=100.0)
    board = EventAccumulator(str(files[1])).Reload()
    events = [(e.step, e.value) for e in board.Scalars("losses/actor")]
    assert events == [(1, 2.0), (2, 3.0), (3, 103.0), (4, 104.0)]
