"""What a person sees while a run goes on: one live panel on a terminal, plain lines everywhere else."""

from __future__ import annotations

import logging
import time
from typing import Mapping, Optional

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

log = logging.getLogger("rlkit")

_SHOWN_LOSSES = ("losses/actor", "losses/critic", "policy/kl", "policy/std", "policy/learning_rate")
_LABEL_WIDTH = 7


class Progress:
    """Shows an iteration's metrics: live on a terminal, else a log line every `interval` iterations."""

    def __init__(self, console: Console, *, total: int, start: int, interval: int, quiet: bool) -> None:
        """total: the iteration to reach. start: the one begun from. quiet: show nothing."""
        self._total, self._start, self._interval = total, start, interval
        self._began = time.perf_counter()
        self._evaluated: Optional[float] = None  # the latest return of an evaluation
        self._live: Optional[Live] = None
        if console.is_terminal and not quiet:
            self._live = Live(
                Text("collecting the first iteration ..."), console=console, refresh_per_second=4
            )

    def __enter__(self) -> Progress:
        if self._live is not None:
            self._live.__enter__()
        return self

    def __exit__(self, *details: object) -> None:
        if self._live is not None:
            self._live.__exit__(None, None, None)

    def show(
        self, iteration: int, env_steps: int, window: Mapping[str, float], metrics: Mapping[str, float]
    ) -> None:
        """Show where the run stands. window: means over the latest episodes."""
        self._evaluated = metrics.get("eval/return", self._evaluated)
        eta = (time.perf_counter() - self._began) / (iteration - self._start) * (self._total - iteration)
        if self._live is not None:
            self._live.update(self._panel(iteration, env_steps, eta, window, metrics))
        elif iteration % self._interval == 0 or iteration in (self._start + 1, self._total):
            log.info("%s", line(iteration, self._total, env_steps, eta, window, metrics, self._evaluated))

    def _panel(
        self,
        iteration: int,
        env_steps: int,
        eta: float,
        window: Mapping[str, float],
        metrics: Mapping[str, float],
    ) -> RenderableType:
        bar = Table.grid(padding=(0, 2))
        done = f"iteration {iteration} of {self._total}"
        bar.add_row(
            ProgressBar(total=self._total, completed=iteration, width=40), done, f"ETA {duration(eta)}"
        )
        pairs = Table.grid(padding=(0, 2))
        pairs.add_column(min_width=_LABEL_WIDTH)
        rate = f"{metrics['rate/env_steps_per_s']:,.0f} env-steps/s"
        pairs.add_row("rate", rate, "env-steps", f"{env_steps:,}")
        success = _percent(window.get("episode/success"))
        pairs.add_row("return", _number(window, "episode/return"), "success", success)
        evaluated = () if self._evaluated is None else ("evaluated", f"{self._evaluated:.1f}")
        pairs.add_row("length", _number(window, "episode/length"), *evaluated)
        rows = Table.grid(padding=(0, 2))
        rows.add_column(min_width=_LABEL_WIDTH)
        rows.add_row("time", _time_split(metrics))
        losses = (f"{name.split('/')[1]} {metrics[name]:.3g}" for name in _SHOWN_LOSSES if name in metrics)
        rows.add_row("learner", "  ".join(losses))
        return Group(bar, pairs, rows)


def line(
    iteration: int,
    total: int,
    env_steps: int,
    eta: float,
    window: Mapping[str, float],
    metrics: Mapping[str, float],
    evaluated: Optional[float] = None,
) -> str:
    """One plain line about an iteration. evaluated: the latest return of an evaluation."""
    mean_return = _number(window, "episode/return")
    if evaluated is not None:
        mean_return += f" (evaluated {evaluated:.1f})"
    critic = f"{metrics['losses/critic']:.3g}" if "losses/critic" in metrics else "-"
    return (
        f"{iteration:>{len(str(total))}}/{total}  {env_steps:>10,} steps"
        f"  {metrics['rate/env_steps_per_s']:>7,.0f}/s  ETA {duration(eta)}"
        f"  return {mean_return}"
        f"  success {_percent(window.get('episode/success'))}  length {_number(window, 'episode/length')}"
        f"  critic {critic}  {_time_split(metrics)}"
    )


def duration(seconds: float) -> str:
    """A span for people: 42s, 3m05s, 2h10m."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02d}s"
    return f"{whole // 3600}h{whole % 3600 // 60:02d}m"


def _number(values: Mapping[str, float], name: str) -> str:
    return f"{values[name]:.1f}" if name in values else "-"


def _percent(value: Optional[float]) -> str:
    return "-" if value is None else f"{100 * value:.0f}%"


def _time_split(metrics: Mapping[str, float]) -> str:
    names = ("physics", "env", "policy", "update")
    total = sum(metrics.get(f"time/{name}", 0.0) for name in names) or 1.0
    return " ".join(f"{name} {100 * metrics.get(f'time/{name}', 0.0) / total:.0f}%" for name in names)
