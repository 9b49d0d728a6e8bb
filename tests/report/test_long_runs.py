"""Reports of trainings with a million iterations: thinned while they are read, so that memory and time stay bounded."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from made_runs import make_run, row
from needs import assert_cheap

from rlkit.report import metrics as report_metrics
from rlkit.report.metrics import read_metrics
from rlkit.runtime.progress.metrics import MetricsWriter

LINES = 1_000_000
ROOT = Path(__file__).resolve().parents[2]
# What a training of BaseTask writes, and more.
NAMES = [f"losses/part_{n}" for n in range(5)] + [f"reward/term_{n}" for n in range(3)] + ["episode/return"]


@pytest.fixture
def thin(monkeypatch) -> None:
    monkeypatch.setattr(report_metrics, "ROWS", 100)


def written(tmp_path: Path, lines: list[dict[str, float]]) -> Path:
    path = tmp_path / "metrics.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def test_a_file_of_as_many_lines_as_fit_is_read_whole(tmp_path, thin):
    read = read_metrics(written(tmp_path, [row(i, a=float(i)) for i in range(1, 100)]))
    assert read.columns["a"].tolist() == list(range(1, 100))


def test_a_longer_one_keeps_every_nth_line_every_evaluation_and_the_last(tmp_path, thin):
    lines = [
        row(i, a=float(i), **({"eval__return": -float(i)} if i % 70 == 0 else {})) for i in range(1, 1001)
    ]
    read = read_metrics(written(tmp_path, lines))
    evaluated = np.isfinite(read.columns["eval/return"])
    assert read.columns["iteration"][evaluated].tolist() == list(range(70, 1001, 70))
    every_11th = [i for i in range(1, 1001, 11) if i % 70]
    assert read.columns["iteration"][~evaluated].tolist() == [*every_11th, 1000]
    assert (read.columns["a"] == read.columns["iteration"]).all()
    assert read.last("a") == 1000


def test_evaluations_at_every_line_are_bounded_too(tmp_path, thin):
    read = read_metrics(written(tmp_path, [row(i, eval__return=1.0) for i in range(1, 5001)]))
    assert len(read) <= 300
    assert read.last("iteration") == 5000


def test_a_line_without_end_and_names_without_end_cost_little(tmp_path):
    path = tmp_path / "metrics.jsonl"
    path.write_bytes(b"x" * 5_000_000 + b"\n" + json.dumps(row(1, a=1.0)).encode() + b"\n")
    assert read_metrics(path).columns["a"].tolist() == [1.0]
    read = read_metrics(written(tmp_path, [row(i, **{f"name{i}": 1.0}) for i in range(1, 3001)]))
    assert len(read) == 3000
    assert len(read.columns) == 2000


def write_long(path: Path) -> None:
    """A million lines of 18 numbers, one evaluation in a hundred."""
    numbers = ", ".join(f'"{name}": {0.1234567890123 + k}' for k, name in enumerate(NAMES))
    more = ', "episode/count": 2.0, "episode/success": 0.5, "episode/length": 30.0, "rate/env_steps_per_s": 512.5'
    evaluated = ', "eval/return": 0.75, "eval/success": 0.5'
    with path.open("w") as file:
        for i in range(1, LINES + 1):
            file.write(
                f'{{"iteration": {i}, "env_steps": {100 * i}, "wall_time": {0.5 * i}, {numbers}{more}'
                f"{evaluated if i % 100 == 0 else ''}}}\n"
            )


MEASURED = """
import resource, sys
from rlkit.cli import main
status = main(sys.argv[1:])
usage = resource.getrusage(resource.RUSAGE_SELF)
# ru_maxrss counts what the process was before exec too: the tests around it.
peak = next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(usage.ru_utime + usage.ru_stime, int(peak) / 1024)
sys.exit(status)
"""


@pytest.mark.slow
@pytest.mark.alone
def test_a_million_lines_are_reported_in_ten_seconds_and_300_mb(tmp_path):
    long = make_run(tmp_path, [], name="long")
    write_long(long / "metrics.jsonl")
    other = make_run(tmp_path, [], name="other", seed=2)
    os.link(long / "metrics.jsonl", other / "metrics.jsonl")
    for words in (["report", "long"], ["compare", "long", "other"]):
        done = subprocess.run(
            [sys.executable, "-c", MEASURED, *words, "--out", "out"],
            cwd=tmp_path, capture_output=True, text=True, check=False,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        seconds, megabytes = map(float, done.stdout.splitlines()[-1].split())
        print(words, f"{seconds:.1f} s of CPU, {megabytes:.0f} MB")
        assert_cheap(seconds, 10 * len(words[1:]))
        assert megabytes < 300
        assert "evaluation" in (tmp_path / "out" / "index.html").read_text()

    # A resume drops the lines from its checkpoint on, line by line.
    size = (long / "metrics.jsonl").stat().st_size
    begun = os.times()
    MetricsWriter(long / "metrics.jsonl", long / "summaries", first_iteration=LINES - 5).close()
    ended = os.times()
    assert_cheap(sum(ended[:2]) - sum(begun[:2]), 10)
    with (long / "metrics.jsonl").open("rb") as file:
        file.seek(-1000, os.SEEK_END)
        assert json.loads(file.readlines()[-1])["iteration"] == LINES - 6
    assert 0 < size - (long / "metrics.jsonl").stat().st_size < 10_000
