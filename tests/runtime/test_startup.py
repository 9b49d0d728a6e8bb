"""The start is timed from the process's birth, once."""

from __future__ import annotations

import re
import subprocess
import sys
import time

from rlkit.runtime.startup import Startup, process_age


def test_the_report_names_every_lap_and_adds_them_up(caplog):
    startup = Startup()
    startup.lap("imports")
    time.sleep(0.11)
    startup.lap("simulator and task")
    with caplog.at_level("INFO", "rlkit"):
        startup.first_iteration_done()
        startup.first_iteration_done()
    (report,) = caplog.messages
    names = "configuration N, imports N, simulator and task N, first iteration N"
    assert re.sub(r"\d+\.\d", "N", report) == f"started in N s: {names}"
    total, *laps = (float(number) for number in re.findall(r"\d+\.\d", report))
    assert abs(total - sum(laps)) < 0.05 * len(laps) + 0.06  # each is rounded


def test_the_age_of_a_process_begins_at_its_birth():
    code = "import time; time.sleep(0.3); from rlkit.runtime.startup import process_age; print(process_age())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert 0.28 < float(done.stdout) < 30.0
    assert process_age() > float(done.stdout)
