"""Log lines reach the console and the run's file, and only while they should."""

from __future__ import annotations

import io
import logging

from rich.console import Console

from rlkit.runtime.logs import Reminders, start_logging, stop_logging

log = logging.getLogger("rlkit")


def test_lines_reach_console_and_file_and_only_warnings_name_their_level(tmp_path):
    text = io.StringIO()
    start_logging("info", Console(file=text, width=20), tmp_path / "train.log")
    log.debug("hidden")
    log.info("a line that is longer than the console [not markup]")
    log.warning("look out")
    stop_logging()
    log.info("after the end")
    assert text.getvalue() == "a line that is longer than the console [not markup]\nwarning: look out\n"
    stored = (tmp_path / "train.log").read_text().splitlines()
    assert [row.split(" ", 2)[2] for row in stored] == [
        "INFO a line that is longer than the console [not markup]",
        "WARNING look out",
    ]


def test_a_second_start_replaces_the_first(tmp_path):
    first, second = io.StringIO(), io.StringIO()
    start_logging("info", Console(file=first), None)
    start_logging("warning", Console(file=second), None)
    log.info("not of this level")
    log.error("once")
    stop_logging()
    assert (first.getvalue(), second.getvalue()) == ("", "error: once\n")


def test_a_warning_comes_back_only_after_a_while(caplog):
    reminders = Reminders(every=10)
    with caplog.at_level("WARNING", "rlkit"):
        reminders.tell(5, {"edge": "returns hit 9.0", "ratio": "0.1 updates a step"})
        reminders.tell(6, {"edge": "returns hit 9.5"})  # another number: the same warning
        reminders.tell(14, {"ratio": "0.1 updates a step"})
        reminders.tell(15, {"edge": "returns hit 9.9"})
    assert caplog.messages == [
        "iteration 5: returns hit 9.0",
        "iteration 5: 0.1 updates a step",
        "iteration 15: returns hit 9.9",
    ]
