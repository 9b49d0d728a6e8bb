"""The start is timed from the process's birth, once."""

from __future__ import annotations

import re
import subprocess
import sys
import time

import pytest

from rlkit.runtime.process.startup import Startup, process_age
from rlkit.runtime.process.stopping import StopAtOnce


def test_the_report_names_every_lap_and_adds_them_up(caplog):
    startup = Startup(StopAtOnce())
    startup.lap("imports")
    time.sleep(0.11)
    startup.lap("simulator and task")
    with caplog.at_level("INFO", "rlkit"):
        startup.report("first iteration")
        startup.report("first iteration")
    (report,) = caplog.messages
    names = "configuration N, imports N, simulator and task N, first iteration N"
    assert re.sub(r"\d+\.\d", "N", report) == f"started in N s: {names}"
    total, *laps = (float(number) for number in re.findall(r"\d+\.\d", report))
    assert abs(total - sum(laps)) < 0.05 * len(laps) + 0.06  # each is rounded


@pytest.mark.slow
def test_a_later_start_counts_from_the_end_of_the_run_before(caplog):
    startup = Startup(StopAtOnce())
    time.sleep(1.0)  # the run
    startup.over()
    startup.restart(StopAtOnce())
    with caplog.at_level("INFO", "rlkit"):
        startup.report("first iteration")
    (report,) = caplog.messages
    assert report.startswith("started in 0.") and "configuration 0." in report
    assert process_age() > 1.0


def test_the_age_of_a_process_begins_at_its_birth():
    code = "import time; time.sleep(0.3); from rlkit.runtime.process.startup import process_age; print(process_age())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert 0.28 < float(done.stdout) < 30.0
    assert process_age() > float(done.stdout)


def test_a_start_that_was_stopped_stops_nothing_after_it(caplog):
    stop = StopAtOnce()
    startup = Startup(stop)
    stop.signal = 15
    startup.over()
    with caplog.at_level("INFO", "rlkit"):
        startup.report("first iteration")  # of who never told that a start begins
    assert caplog.messages == []
