"""Log lines reach the console and the run's file, and only while they should."""

from __future__ import annotations

import io
import logging
from typing import Any

from rich.console import Console

from rlkit.runtime.process.logs import FILE_ONLY, Reminders, start_logging, stop_logging

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


def test_a_disk_that_is_full_costs_lines_which_are_counted(tmp_path, monkeypatch):
    path = tmp_path / "train.log"
    start_logging("info", Console(file=io.StringIO()), path)
    handler: Any = next(each for each in log.handlers if hasattr(each, "_written"))
    written = handler._written
    log.info("before")
    monkeypatch.setattr(handler, "_written", lambda content: False)
    log.info("lost")
    log.info("lost too")
    monkeypatch.setattr(handler, "_written", written)
    log.info("after")
    stop_logging()
    told = [line.split(" ", 2)[2] for line in path.read_text().splitlines() if line]
    assert told == [
        "INFO before",
        "WARNING 2 lines are missing here: the disk did not take them",
        "INFO after",
    ]


def test_a_log_file_on_a_full_disk_raises_nothing(tmp_path, capsys):
    (tmp_path / "train.log").symlink_to("/dev/full")
    text = io.StringIO()
    start_logging("info", Console(file=text), tmp_path / "train.log")
    log.info("told")
    stop_logging()
    assert text.getvalue() == "told\n"
    assert capsys.readouterr() == ("", "")


def test_what_the_console_need_not_be_told_stands_in_the_file(tmp_path):
    text = io.StringIO()
    start_logging("info", Console(file=text), tmp_path / "train.log")
    log.info("a progress line", extra=FILE_ONLY)
    stop_logging()
    assert text.getvalue() == ""
    assert "INFO a progress line" in (tmp_path / "train.log").read_text()
