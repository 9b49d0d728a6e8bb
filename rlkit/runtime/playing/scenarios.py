"""Episodes to order: each of a task's scenarios once, and what came of every one of them."""

from __future__ import annotations

import csv
import io
import math
from typing import Any, Mapping, Sequence

import torch
from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table
from torch import Tensor

from rlkit.env.api import EnvSpec, Observations, VecEnv
from rlkit.numbers import number, percent
from rlkit.runtime.playing.episodes import Episodes

_SHOWN = 20  # rows of the table for people
_NAME = 24  # letters of a name in a line
_OF_EVERY_TASK = {"return": "return", "length": "length [control steps]", "seconds": "time [s]"}


def episodes_of(env: VecEnv, per_env: int) -> Episodes:
    """What is to be counted in these envs: each scenario once where the task has some, else `per_env` episodes."""
    return Scenarios(env) if env.spec.scenarios else Episodes(env, per_env)


class Scenarios(Episodes):
    """Results of each scenario of the task, played once from its start, as many at a time as there are envs.

    batch: which of these times it is. waiting: whether `begin` must begin the next one before the next step. What an
    env plays behind its scenario, or without one, counts nowhere.
    """

    def __init__(self, env: VecEnv) -> None:
        super().__init__(env, math.ceil(len(env.spec.scenarios) / env.spec.num_envs))
        self.total = len(env.spec.scenarios)
        self._first, self._left = 0, 0  # of this batch: index of its first scenario, how many still play
        self._done = 0
        self._playing = torch.full_like(self._finished, -1)

    def begin(self) -> Observations:
        """Begin the next batch and return its first observations `[N, size]`."""
        if self._rows:
            self._first += len(self._playing)
        self._return.zero_()
        self._length.zero_()
        index = self._first + torch.arange(len(self._playing), device=self._playing.device)
        self._playing = torch.where(index < self.total, index, -1)
        self._left = min(len(self._playing), self.total - self._first)
        return self.env.begin_scenarios(self._playing)

    @property
    def batch(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride]
        return self._first // len(self._playing)

    @property
    def waiting(self) -> bool:  # pyright: ignore[reportIncompatibleVariableOverride]
        return self._left == 0 and self._done < self.total

    def _counted(self, ended: Tensor) -> Tensor:
        return ended & (self._playing >= 0)

    def _place(self, envs: Tensor) -> dict[str, Tensor]:
        played = self._playing[envs]
        self._playing[envs] = -1
        self._left -= len(envs)
        self._done += len(envs)
        return {"episode": torch.full_like(envs, self.batch), "scenario": played}

    def is_counted(self, env: int, episode: int) -> bool:
        return episode * len(self._playing) + env < self.total

    def restart(self) -> None:
        self._first = self._left = self._done = 0
        self._playing.fill_(-1)
        self._rows.clear()

    @property
    def complete(self) -> bool:
        return self._done == self.total

    @property
    def done(self) -> int:
        return self._done

    def table(self, control_period: float) -> list[dict[str, Any]]:
        """A row for each scenario that was played, in the task's order; `scenario` is its name."""
        rows = sorted(super().table(control_period), key=lambda row: row["scenario"])
        return [{**row, "scenario": self.env.spec.scenarios[row["scenario"]]} for row in rows]

    def results(self, control_period: float) -> dict[str, Any]:
        """As of all episodes, with the table of the scenarios and the names of those that failed."""
        rows, spec = self.table(control_period), self.env.spec
        kept = ("scenario", "success", *_OF_EVERY_TASK, "timeout", *spec.facts)
        return {
            **super().results(control_period),
            "scenario_noun": spec.scenario_noun,
            "scenarios": [{name: _plain(row[name]) for name in kept} for row in rows],
            "failed": [row["scenario"] for row in rows if not row["success"]],
        }


def _plain(value: Any) -> Any:
    """As JSON can hold it."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def found(results: Mapping[str, Any], spec: EnvSpec) -> tuple[Tensor, dict[str, Tensor]]:
    """Success `[scenarios]` bool and facts `[scenarios]` float32 by name, of a complete evaluation; on the CPU."""
    rows = results["scenarios"]
    facts = {name: [math.nan if row[name] is None else row[name] for row in rows] for name in spec.facts}
    success = torch.tensor([bool(row["success"]) for row in rows])
    return success, {name: torch.tensor(values, dtype=torch.float32) for name, values in facts.items()}


def as_csv(rows: Sequence[tuple[int, Mapping[str, Any]]], spec: EnvSpec) -> str:
    """The content of <noun>s.csv, rows of (iteration, scenario): its head names thresholds and units."""
    success = f"success ({spec.success_words})" if spec.success_words else "success"
    names = {"success": success, **{name: _with_unit(name, spec) for name in spec.facts}, **_OF_EVERY_TASK}
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["iteration", spec.scenario_noun, *names.values()])
    for iteration, row in rows:
        writer.writerow([iteration, row["scenario"], *("" if row[n] is None else row[n] for n in names)])
    return text.getvalue()


def scenarios_table(results: Mapping[str, Any], spec: EnvSpec) -> Table:
    """The scenarios for people: the failed ones first, then the worst by the task's first fact; of many, the worst."""
    rows, noun = worst_first(results["scenarios"], spec), spec.scenario_noun
    failed = len(results["failed"])
    table = Table(
        title=f"{failed} of {len(rows)} {noun}s failed" if failed else f"none of {len(rows)} {noun}s failed",
        box=SIMPLE_HEAD,  # 80 columns are few for names and seven numbers
        padding=(0, 1, 0, 0),
    )
    table.title_justify = table.caption_justify = "left"
    words = [noun, *(word for row in rows[:_SHOWN] for word in row["scenario"].split())]
    table.add_column(noun, width=min(max(map(len, words)), _NAME), overflow="fold")
    for head in ("success", *(_with_unit(name, spec) for name in spec.facts), "return", "time [s]"):
        table.add_column(escape(head.replace("_", " ")), justify="right")  # words wrap where it is narrow
    for row in rows[:_SHOWN]:
        numbers = (number(row[name]) for name in (*spec.facts, "return", "seconds"))
        table.add_row(escape(row["scenario"]), percent(row["success"]), *numbers)
    if len(rows) > _SHOWN:
        table.caption = f"and {len(rows) - _SHOWN} better ones, in {noun}s.csv"
    return table


def worst_first(rows: Sequence[Mapping[str, Any]], spec: EnvSpec) -> list[Mapping[str, Any]]:
    """Rows of scenarios: failures before successes, then by the first fact, or by the return where there is none."""
    name, more = next(((name, of.more_is_better) for name, of in spec.facts.items()), ("return", True))

    def place(row: Mapping[str, Any]) -> tuple[bool, float]:
        value = row[name]
        return bool(row["success"]), -math.inf if value is None else value if more else -value

    return sorted(rows, key=place)


def _with_unit(name: str, spec: EnvSpec) -> str:
    unit = spec.facts[name].unit
    return f"{name} [{unit}]" if unit else name
