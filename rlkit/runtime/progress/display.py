"""What a person sees while a run goes on: one live panel on a terminal, plain lines in train.log and elsewhere."""

from __future__ import annotations

import logging
from typing import Mapping, Sequence

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from rlkit.runtime.process.logs import FILE_ONLY
from rlkit.runtime.progress.schedule import Schedule
from rlkit.runtime.progress.train_state import Score, TrainState

log = logging.getLogger("rlkit")

_LOSSES = {"losses/actor": "actor", "losses/critic": "critic", "losses/entropy": "entropy"}
_POLICY = {"policy/kl": "kl", "policy/std": "std", "policy/learning_rate": "lr"}
_STYLE = {"style/reward": "reward", "style/accuracy_policy": "told apart", "style/match": "match"}
_TIMES = ("physics", "env", "policy", "update")
_BARS = "▁▂▃▄▅▆▇█"
_MOST_BARS = 24
_GOOD, _FAIR = 0.8, 0.3  # shares of successes from which they are green, and yellow
_GAP = "   "
_LABEL, _VALUE, _LONGEST_BAR = 9, 6, 78  # columns


class Trend:
    """The course of a number over the whole training, in a bounded number of bars."""

    def __init__(self) -> None:
        self._bars: list[float] = []
        self._sum, self._count, self._each = 0.0, 0, 1  # of the bar that is being filled; values in each

    def add(self, value: float) -> None:
        """The next value."""
        self._sum, self._count = self._sum + value, self._count + 1
        if self._count < self._each:
            return
        self._bars.append(self._sum / self._count)
        self._sum, self._count = 0.0, 0
        if len(self._bars) == 2 * _MOST_BARS:
            self._bars = [(a + b) / 2 for a, b in zip(self._bars[::2], self._bars[1::2])]
            self._each *= 2

    def __str__(self) -> str:
        """At most 24 bars, from the least value to the greatest; empty below three values."""
        bars = self._bars
        if len(bars) > _MOST_BARS:
            bars = [sum(pair) / len(pair) for pair in (bars[i : i + 2] for i in range(0, len(bars), 2))]
        if len(bars) < 3:
            return ""
        low, span = min(bars), (max(bars) - min(bars)) or 1.0
        return "".join(_BARS[round((value - low) / span * (len(_BARS) - 1))] for value in bars)


class Progress:
    """Shows an iteration's metrics: live on a terminal, and as a log line every `interval` iterations.

    `at` is the training's and goes on. max_steps: env-steps to reach, where they say when it ends. quiet: show nothing.
    """

    def __init__(
        self,
        console: Console,
        schedule: Schedule,
        at: TrainState,
        *,
        interval: int,
        max_steps: int | None = None,
        quiet: bool = False,
    ) -> None:
        self._console, self._schedule, self._at = console, schedule, at
        self._interval, self._max_steps, self._quiet = interval, max_steps, quiet
        self._evaluated: tuple[Score, int] | None = None  # the latest evaluation and its iteration
        self._returns, self._successes = Trend(), Trend()
        self._live: Live | None = None
        if console.is_terminal and not quiet:
            first = Text("collecting the first iteration ...", style="dim")
            self._live = Live(first, console=console, refresh_per_second=4)

    def __enter__(self) -> Progress:
        if self._live is not None:
            self._live.__enter__()
        return self

    def __exit__(self, *details: object) -> None:
        if self._live is not None:
            self._live.__exit__(None, None, None)

    def show(
        self, window: Mapping[str, float], metrics: Mapping[str, float], *, saved: int | None = None
    ) -> None:
        """Show where the run stands. window: means over the latest episodes; saved: the last checkpoint's iteration."""
        if self._quiet:
            return
        at, schedule = self._at, self._schedule
        evaluated = Score.of(metrics, "eval")
        if evaluated is not None:
            self._evaluated = evaluated, at.iteration
        for trend, name in ((self._returns, "episode/return"), (self._successes, "episode/success")):
            if name in window:
                trend.add(window[name])
        if at.iteration % self._interval == 0 or schedule.done == 1 or schedule.over:
            text = line(at, schedule, self._max_steps, window, metrics, self._evaluated)
            log.info("%s", text, extra=FILE_ONLY if self._live is not None else None)
        if self._live is not None:
            self._live.update(self._panel(window, metrics, saved))

    # The panel.

    def _panel(
        self, window: Mapping[str, float], metrics: Mapping[str, float], saved: int | None
    ) -> RenderableType:
        at, schedule = self._at, self._schedule
        rows = Table.grid(padding=(0, 1))
        rows.add_column(style="dim", no_wrap=True, min_width=_LABEL)
        rows.add_column(no_wrap=True)

        def row(label: str, *items: object) -> None:
            shown = [item if isinstance(item, Text) else Text(str(item)) for item in items if str(item)]
            if shown:
                rows.add_row(label, _packed(shown, self._console.width - _LABEL - 1))

        row("iteration", _of(at.iteration, schedule.total), _of(at.env_steps, self._max_steps, "env-steps"))
        row("time", *self._clock(metrics))
        mean_return = f"{_number(window, 'episode/return'):<{_VALUE}}"
        row("return", Text(mean_return, style="bold"), _bars(self._returns))
        if window.get("episode/success") or (at.best is not None and at.best.score.success > 0):
            row("success", _share(window.get("episode/success", 0.0), _VALUE), _bars(self._successes))
        row("length", _number(window, "episode/length"))
        row("not finite", *_not_finite(window, metrics))
        if self._evaluated is not None:
            row("evaluated", _score(self._evaluated[0]), f"iteration {self._evaluated[1]:,}")
        if at.best is not None:
            how = "" if at.best.evaluated else "while exploring"
            row(
                "best",
                at.best.words if at.best.by else _score(at.best.score),
                f"iteration {at.best.iteration:,}",
                how,
            )
        row("losses", *_named(_LOSSES, metrics))
        row("policy", *_named(_POLICY, metrics))
        row("style", *_style(window, metrics))
        row("spent on", *_time_split(metrics))
        row("saved", "nothing yet" if saved is None else f"iteration {saved:,}")
        done = schedule.total and at.iteration / schedule.total
        bar = Table.grid(expand=True)
        bar.add_row(ProgressBar(total=1.0, completed=done, width=min(self._console.width, _LONGEST_BAR)))
        return Group(bar, rows)

    def _clock(self, metrics: Mapping[str, float]) -> list[str]:
        schedule = self._schedule
        rate = f"{metrics['rate/env_steps_per_s']:,.0f} env-steps/s"
        return [f"{duration(schedule.elapsed)} gone", f"{duration(schedule.left)} left", rate]


def line(
    at: TrainState,
    schedule: Schedule,
    max_steps: int | None,
    window: Mapping[str, float],
    metrics: Mapping[str, float],
    evaluated: tuple[Score, int] | None = None,
) -> str:
    """One plain line about an iteration. evaluated: the latest evaluation and its iteration."""
    total = str(schedule.total)
    steps = f"{at.env_steps:>10,}" + (f"/{max_steps:,}" if max_steps is not None else "")
    parts = [
        f"{at.iteration:>{len(total)}}/{total}",
        f"{steps} steps",
        f"{metrics['rate/env_steps_per_s']:>7,.0f}/s",
        f"ETA {duration(schedule.left)}",
        f"return {_number(window, 'episode/return')}"
        + (f" (evaluated {_plain_score(evaluated[0])})" if evaluated else ""),
        f"success {_percent(window.get('episode/success'))}",
        f"length {_number(window, 'episode/length')}",
        *(f"not finite: {told}" for told in _not_finite(window, metrics)),
        *_named({**_LOSSES, "policy/learning_rate": "lr"}, metrics),
        *(f"style {' '.join(told)}" for told in [_style(window, metrics)] if told),
        " ".join(_time_split(metrics)),
    ]
    return "  ".join(parts)


def duration(seconds: float) -> str:
    """A span for people: 42s, 3m05s, 2h10m."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02d}s"
    return f"{whole // 3600}h{whole % 3600 // 60:02d}m"


# Parts of both.


def _number(values: Mapping[str, float], name: str) -> str:
    return f"{values[name]:.1f}" if name in values else "-"


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.0f}%"


def _named(names: Mapping[str, str], metrics: Mapping[str, float]) -> list[str]:
    return [f"{short} {metrics[name]:.3g}" for name, short in names.items() if name in metrics]


def _style(window: Mapping[str, float], metrics: Mapping[str, float]) -> list[str]:
    """How far the motion is from the data's and how well the two are told apart; nothing where none is compared."""
    found = _named({"metric/style_distance": "distance"}, window)
    return found + _named(_STYLE, metrics)


def _not_finite(window: Mapping[str, float], metrics: Mapping[str, float]) -> list[str]:
    """How many episodes and env-steps had a number that is not finite; nothing where there was none."""
    share, steps = window.get("failure/unstable", 0.0), metrics.get("env/not_finite", 0.0)
    found = [f"{100 * share:.2g}% of the episodes"] if share else []
    return found + ([f"{steps:,.0f} env-steps"] if steps else [])


def _time_split(metrics: Mapping[str, float]) -> list[str]:
    seconds = {name: metrics.get(f"time/{name}", 0.0) for name in _TIMES}
    total = sum(seconds.values()) or 1.0
    return [f"{name} {100 * spent / total:.0f}%" for name, spent in seconds.items()]


def _plain_score(score: Score) -> str:
    return f"{score.mean_return:.1f}" + (f", success {_percent(score.success)}" if score.success else "")


def _of(done: int, total: int | None, what: str = "") -> str:
    text = f"{done:,}" + (f" of {total:,}" if total is not None else "")
    return f"{text} {what}".rstrip()


def _packed(items: Sequence[Text], width: int) -> Text:
    """The items one after the other, in as many lines as it takes to break none of them."""
    packed, used = Text(), 0
    for item in items:
        if used and used + len(_GAP) + len(item) > width:
            packed.append("\n")
            used = 0
        elif used:
            packed.append(_GAP)
            used += len(_GAP)
        packed.append_text(item)
        used += len(item)
    return packed


def _share(value: float, width: int = 0) -> Text:
    style = "green" if value >= _GOOD else "yellow" if value >= _FAIR else "red"
    return Text(f"{_percent(value):<{width}}", style=f"bold {style}")


def _score(score: Score) -> Text:
    mean_return = Text(f"return {score.mean_return:.1f}")
    if not score.success:
        return mean_return
    return Text("success ").append_text(_share(score.success)).append(_GAP).append_text(mean_return)


def _bars(trend: Trend) -> Text:
    return Text(str(trend), style="cyan")
