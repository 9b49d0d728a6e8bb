"""A sweep's page: jobs as lines, and what its settings explain."""

from __future__ import annotations

import re

import pytest

from rlkit.report import SweptJob, report_sweep
from rlkit.report.sweep.parallel import explained_shares, parallel


def job(number: int, score: float | None, **settings: str) -> SweptJob:
    return SweptJob(number, settings, "done", score, None)


def test_a_setting_explains_the_variance_between_its_values():
    jobs = [
        job(0, 1.0, a="x", b="1"),
        job(1, 1.0, a="x", b="2"),
        job(2, 3.0, a="y", b="1"),
        job(3, 3.0, a="y", b="2"),
    ]
    assert explained_shares(jobs) == {"a": pytest.approx(1.0), "b": pytest.approx(0.0)}
    # Means of a: 1.5 and 3, of all 2.25; between 4 * 0.75^2 = 2.25 of 1.5625 + 0.0625 + 2 * 0.5625 = 2.75
    jobs[1] = job(1, 2.0, a="x", b="2")
    assert explained_shares(jobs)["a"] == pytest.approx(2.25 / 2.75)
    assert explained_shares(jobs[:2]) == {}
    assert explained_shares([job(n, 1.0, a=str(n)) for n in range(4)]) == {}


def test_many_numbers_are_four_groups_of_neighbours():
    values = [f"{10.0**-n:g}" for n in range(8)]
    scores = [0.0, 2.0, 4.0, 6.0, 8.0, 10.0, 12.0, 14.0]
    jobs = [job(n, score, lr=value) for n, (score, value) in enumerate(zip(scores, values))]
    # Pairs lie 1 on each side of their mean: 8 of 168 is within.
    assert explained_shares(jobs) == {"lr": pytest.approx(160 / 168)}


def test_each_job_with_a_score_is_a_line_and_the_best_is_the_darkest():
    jobs = [job(0, 1.0, lr="1e-4", c="a"), job(1, 3.0, lr="1e-2", c="b"), job(2, None, lr="1e-3", c="a")]
    for less, darkest in ((False, "job 1"), (True, "job 0")):
        drawn = parallel(jobs, "return", less=less)
        lines = re.findall(r"opacity:([\d.]+)\".*?<title>(job \d)", drawn)
        assert sorted(name for _, name in lines) == ["job 0", "job 1"]
        assert max(lines)[1] == darkest
    assert "best return" in drawn and ">lr<" in drawn
    assert "Fewer than two" in parallel(jobs[2:], "return")


def test_a_page_needs_no_runs_and_escapes_what_it_shows(tmp_path):
    jobs = [job(n, float(n), a=f"<b>{n}") for n in range(3)]
    written = report_sweep(
        "S", "python train.py -m '<i>'", jobs, "return", tmp_path / "out", tmp_path, best="go <i>"
    )
    page = written.page.read_text()
    assert "<b>1" not in page and "&lt;b&gt;1" in page and "<i>" not in page
    assert "What the settings explain" in page and "go &lt;i&gt;" in page
