"""What a person reads while a run goes on."""

from __future__ import annotations

import io

import pytest
from rich.console import Console
from rich.text import Text

from rlkit.config import compose
from rlkit.runtime.process.logs import start_logging, stop_logging
from rlkit.runtime.progress import schedule as schedule_module
from rlkit.runtime.progress.display import Progress, Trend, duration
from rlkit.runtime.progress.schedule import Schedule
from rlkit.runtime.progress.train_state import Best, Score, TrainState

WINDOW = {"episode/return": 12.345, "episode/success": 0.256, "episode/length": 99.5}
METRICS = {
    "rate/env_steps_per_s": 12345.6,
    "losses/actor": -0.01,
    "losses/critic": 0.12345,
    "losses/entropy": 7.0,
    "policy/learning_rate": 0.0003,
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


class Watched:
    """A training that a test lets go on, a console of any kind, and the seconds that pass."""

    def __init__(self, monkeypatch, *words, live=False, width=100, begun_at=0, file=None, quiet=False):
        self.text, self.now = io.StringIO(), 100.0
        monkeypatch.setattr(schedule_module.time, "perf_counter", lambda: self.now)
        self.console = Console(file=self.text, force_terminal=live, width=width, _environ={})
        self.at = TrainState(iteration=begun_at)
        training = compose(["device=cpu", *words]).training
        self.schedule = Schedule(training, self.at)
        self.progress = Progress(
            self.console,
            self.schedule,
            self.at,
            interval=1,
            max_steps=training.max_steps,
            quiet=quiet,
        )
        start_logging("info", self.console, file)

    def go(self, iterations=1, *, window=WINDOW, metrics=METRICS, seconds=0.0, steps=1000, saved=None):
        for _ in range(iterations):
            self.now += seconds
            self.at.iteration += 1
            self.at.env_steps += steps
            self.schedule.advanced(steps)
            self.progress.show(window, metrics, saved=saved)

    @property
    def lines(self):
        return self.text.getvalue().splitlines()


@pytest.fixture(autouse=True)
def no_log_stays():
    yield
    stop_logging()


def test_a_plain_line(monkeypatch):
    watched = Watched(monkeypatch, "maxIter=100")
    watched.go(7, seconds=2.0)
    assert watched.lines[-1] == (
        "  7/100       7,000 steps   12,346/s  ETA 3m06s  return 12.3  success 26%  length 99.5"
        "  actor -0.01  critic 0.123  entropy 7  lr 0.0003  physics 30% env 10% policy 10% update 50%"
    )


def test_with_a_budget_in_env_steps_the_line_tells_of_both(monkeypatch):
    watched = Watched(monkeypatch, "training.maxSteps=10_500", "numEnvs=8")
    watched.go(4)
    assert watched.lines[-1].startswith(" 4/11       4,000/10,500 steps")
    watched.go(7)
    assert watched.lines[-1].startswith("11/11      11,000/10,500 steps")
    assert watched.schedule.over


def test_before_the_first_episodes_there_are_dashes(monkeypatch):
    watched = Watched(monkeypatch, "maxIter=10")
    watched.go(window={}, metrics={"rate/env_steps_per_s": 1.0})
    assert "return -  success -  length -  physics" in watched.lines[0]


def test_numbers_that_are_not_finite_are_told_where_there_are_any(monkeypatch):
    watched = Watched(monkeypatch, "maxIter=10")
    bad = {"rate/env_steps_per_s": 1.0, "env/not_finite": 1234.0}
    watched.go(window={**WINDOW, "failure/unstable": 0.125}, metrics=bad)
    assert "length 99.5  not finite: 12% of the episodes  not finite: 1,234 env-steps" in watched.lines[0]


def test_every_nth_iteration_the_first_and_the_last_are_told(monkeypatch):
    watched = Watched(monkeypatch, "maxIter=25")
    watched.progress._interval = 10
    watched.go(25)
    assert [row.split("/")[0].strip() for row in watched.lines] == ["1", "10", "20", "25"]


def test_the_time_left_counts_this_session_alone(monkeypatch):
    # Resumed at 90: five iterations took 10 s, five are left.
    watched = Watched(monkeypatch, "maxIter=100", begun_at=90)
    watched.go(5, seconds=2.0)
    assert "ETA 10s" in watched.lines[-1]


def test_the_latest_evaluation_is_told_beside_the_return(monkeypatch):
    watched = Watched(monkeypatch, "maxIter=5")
    evaluated = {**METRICS, "eval/return": 44.44, "eval/success": 0.5}
    for metrics in (METRICS, evaluated, METRICS):
        watched.go(metrics=metrics)
    told = [row.split("return ")[1].split("  ")[0] for row in watched.lines]
    assert told == ["12.3", "12.3 (evaluated 44.4, success 50%)", "12.3 (evaluated 44.4, success 50%)"]


PANEL = {
    60: """\
iteration 150 of 200   614,400 env-steps
time      5m00s gone   1m40s left   12,346 env-steps/s
return    300.0    ▁▁▂▂▃▃▄▄▄▅▅▅▆▆▇▇███
success   75%      ▁▁▂▂▃▃▄▄▄▅▅▅▆▆▇▇███
length    99.5
evaluated success 78%   return 310.5   iteration 150
best      success 78%   return 310.5   iteration 150
losses    actor -0.01   critic 0.123   entropy 7
policy    lr 0.0003
spent on  physics 30%   env 10%   policy 10%   update 50%
saved     iteration 100""",
    40: """\
iteration 150 of 200   614,400 env-steps
time      5m00s gone   1m40s left
          12,346 env-steps/s
return    300.0    ▁▁▂▂▃▃▄▄▄▅▅▅▆▆▇▇███
success   75%      ▁▁▂▂▃▃▄▄▄▅▅▅▆▆▇▇███
length    99.5
evaluated success 78%   return 310.5
          iteration 150
best      success 78%   return 310.5
          iteration 150
losses    actor -0.01   critic 0.123
          entropy 7
policy    lr 0.0003
spent on  physics 30%   env 10%
          policy 10%   update 50%
saved     iteration 100""",
}
PANEL[120] = PANEL[80] = PANEL[60]


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_the_panel_of_a_terminal(monkeypatch, tmp_path, width):
    watched = Watched(monkeypatch, "maxIter=200", live=True, width=width, file=tmp_path / "train.log")
    windows = [
        {**WINDOW, "episode/return": 25.0 * block, "episode/success": block / 16} for block in range(1, 13)
    ]
    for window in windows:
        watched.go(12, seconds=2.0, steps=4096, window=window)
    score = Score(0.78, 310.5)
    watched.at.best = Best(score, 150, evaluated=True)
    metrics = {**METRICS, "eval/return": 310.5, "eval/success": 0.78}
    watched.go(6, seconds=2.0, steps=4096, window=windows[-1], metrics=metrics, saved=100)
    with watched.console.capture() as capture:
        watched.console.print(watched.progress._panel(windows[-1], metrics, 100))
    bar, *rows = [Text.from_ansi(row).plain.rstrip() for row in capture.get().splitlines()]
    assert set(bar) <= set("━╸╺ ") and len(bar) <= width
    assert "\n".join(rows) == PANEL[width]
    assert watched.text.getvalue() == ""  # the panel alone speaks to a terminal
    told = (tmp_path / "train.log").read_text().splitlines()
    assert len(told) == 150 and "150/200" in told[-1]  # and every line stands in the file


def test_success_is_no_row_where_the_task_knows_none(monkeypatch):
    watched = Watched(monkeypatch, "maxIter=20", live=True)
    watched.go(window={**WINDOW, "episode/success": 0.0})
    with watched.console.capture() as capture:
        watched.console.print(watched.progress._panel({"episode/success": 0.0}, METRICS, None))
    assert "success" not in capture.get()
    assert "saved     nothing yet" in Text.from_ansi(capture.get()).plain


def test_a_live_panel_is_written_while_a_training_goes_on(monkeypatch):
    watched = Watched(monkeypatch, "maxIter=20", live=True)
    with watched.progress:
        watched.go(3)
    assert "3 of 20" in watched.text.getvalue()


def test_quiet_means_quiet(monkeypatch):
    watched = Watched(monkeypatch, "maxIter=20", live=True, quiet=True)
    with watched.progress:
        watched.go(3)
    assert watched.text.getvalue() == ""


def test_a_trend_keeps_the_whole_course_in_few_bars():
    trend = Trend()
    for value in range(1000):
        trend.add(value)
    shown = str(trend)
    assert shown[0] == "▁" and shown[-1] == "█" and 12 <= len(shown) <= 24
    assert list(shown) == sorted(shown)
    assert len(trend._bars) < 48
