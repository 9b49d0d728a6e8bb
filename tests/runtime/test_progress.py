"""What a person reads while a run goes on."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from rlkit.runtime import progress as progress_module
from rlkit.runtime.logs import start_logging, stop_logging
from rlkit.runtime.progress import Progress, duration, line

WINDOW = {"episode/return": 12.345, "episode/success": 0.256, "episode/length": 99.5}
METRICS = {
    "rate/env_steps_per_s": 12345.6,
    "losses/critic": 0.12345,
    "time/physics": 3.0,
    "time/env": 1.0,
    "time/policy": 1.0,
    "time/update": 5.0,
}


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (59.4, "59s"),
        (59.6, "1m00s"),
        (185, "3m05s"),
        (3599.4, "59m59s"),
        (3600, "1h00m"),
        (7800, "2h10m"),
    ],
)
def test_spans(seconds, text):
    assert duration(seconds) == text


def test_a_plain_line():
    assert line(7, 100, 28672, 185.0, WINDOW, METRICS) == (
        "  7/100      28,672 steps   12,346/s  ETA 3m05s  return 12.3  success 26%  length 99.5"
        "  critic 0.123  physics 30% env 10% policy 10% update 50%"
    )


def test_before_the_first_episodes_there_are_dashes():
    text = line(1, 10, 8, 0.0, {}, {"rate/env_steps_per_s": 1.0})
    assert "return -  success -  length -  critic -" in text


class Terminal:
    """A console to write to, and the seconds a test lets pass."""

    def __init__(self, monkeypatch, *, live):
        self.text = io.StringIO()
        self.console = Console(file=self.text, force_terminal=live, width=100, _environ={})
        self.now = 100.0
        monkeypatch.setattr(progress_module.time, "perf_counter", lambda: self.now)


@pytest.fixture
def plain(monkeypatch):
    terminal = Terminal(monkeypatch, live=False)
    start_logging("info", terminal.console, None)
    yield terminal
    stop_logging()


def test_without_a_terminal_every_nth_iteration_the_first_and_the_last_are_told(plain):
    with Progress(plain.console, total=25, start=0, interval=10, quiet=False) as progress:
        for iteration in range(1, 26):
            progress.show(iteration, iteration, WINDOW, METRICS)
    told = [row.split("/")[0].strip() for row in plain.text.getvalue().splitlines()]
    assert told == ["1", "10", "20", "25"]


def test_the_time_left_counts_this_session_alone(plain):
    # Resumed at 90: five iterations took 10 s, five are left.
    with Progress(plain.console, total=100, start=90, interval=5, quiet=False) as progress:
        plain.now += 10.0
        progress.show(95, 1, WINDOW, METRICS)
    assert "ETA 10s" in plain.text.getvalue()


def test_the_latest_evaluation_is_told_beside_the_return(plain):
    with Progress(plain.console, total=5, start=0, interval=1, quiet=False) as progress:
        for iteration, metrics in enumerate([METRICS, {**METRICS, "eval/return": 44.44}, METRICS], 1):
            progress.show(iteration, iteration, WINDOW, metrics)
    told = [row.split("return ")[1].split("  ")[0] for row in plain.text.getvalue().splitlines()]
    assert told == ["12.3", "12.3 (evaluated 44.4)", "12.3 (evaluated 44.4)"]


def test_a_terminal_shows_a_panel(monkeypatch):
    terminal = Terminal(monkeypatch, live=True)
    metrics = {**METRICS, "policy/kl": 0.0123, "eval/return": 44.44}
    with Progress(terminal.console, total=20, start=0, interval=10, quiet=False) as progress:
        terminal.now += 6.0
        progress.show(3, 3000, WINDOW, metrics)
    shown = terminal.text.getvalue()
    for part in (
        "3 of 20",
        "3,000",
        "12,346 env-steps/s",
        "34s",
        "12.3",
        "26%",
        "critic 0.123",
        "kl 0.0123",
        "44.4",
    ):
        assert part in shown


def test_quiet_means_quiet(monkeypatch):
    terminal = Terminal(monkeypatch, live=True)
    with Progress(terminal.console, total=20, start=0, interval=10, quiet=True) as progress:
        terminal.now += 6.0
        progress.show(3, 3000, WINDOW, METRICS)
    assert terminal.text.getvalue() == ""
