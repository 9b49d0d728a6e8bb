"""What a training tells while it goes on, for whoever started it from Python."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Mapping, Sequence

from rlkit.errors import ConfigError


@dataclass
class Moment:
    """Where a training stands after an iteration.

    run: its folder. iteration, env_steps, seconds: so far. metrics: those of the iteration, as in metrics.jsonl, with
    `eval/...` where it was evaluated. window: means over the latest episodes, at least one an env, as
    `episode/return`; empty until so many have ended.
    """

    run: Path
    iteration: int
    env_steps: int
    seconds: float
    metrics: Mapping[str, float]
    window: Mapping[str, float]
    stopped: bool = field(default=False, init=False)

    def stop(self) -> None:
        """End the training after this iteration: it is saved, and done."""
        self.stopped = True


class Callback:
    """Derive from it, override what you want to hear of, and give it to `rlkit.train(callbacks=[...])`.

    It runs in the training's own process between two iterations. What it raises ends the training as failed, and goes
    on to whoever called `rlkit.train`.
    """

    def on_iteration(self, now: Moment) -> None:
        """After each iteration, and its evaluation where there is one."""

    def on_evaluation(self, now: Moment) -> None:
        """After an iteration with an evaluation, before `on_iteration`: `now.metrics` has `eval/return` and so on."""


def require_callbacks(callbacks: Sequence[Callback]) -> None:
    """Raise ConfigError for what is no list of callbacks, before there is a run."""
    if not isinstance(callbacks, (list, tuple)) or not all(isinstance(each, Callback) for each in callbacks):
        raise ConfigError(
            "callbacks: takes a list of objects of classes derived from rlkit.Callback, as callbacks=[MyCallback()]"
        )


def tell(callbacks: Sequence[Callback], now: Moment) -> bool:
    """Tell each; True where one of them stopped the training."""
    for callback in callbacks:
        if "eval/return" in now.metrics:
            callback.on_evaluation(now)
        callback.on_iteration(now)
    return now.stopped
