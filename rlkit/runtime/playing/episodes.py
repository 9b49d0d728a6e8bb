"""Episodes that are counted: an exact number in every env, then means, spreads and a table."""

from __future__ import annotations

import csv
import io
import json
from typing import Any, Mapping

import torch
from rich.table import Table
from torch import Tensor

from rlkit.env.api import Observations, Step, VecEnv
from rlkit.numbers import number, percent


class Episodes:
    """Results of the first `per_env` episodes of every env.

    The same number from each env: taking the first that end anywhere would favour the short ones. total: how many that
    are. batch, waiting: see `Scenarios`.
    """

    batch = 0
    waiting = False

    def __init__(self, env: VecEnv, per_env: int) -> None:
        n, device = env.spec.num_envs, env.spec.device
        self.env, self.per_env, self.total = env, per_env, per_env * n
        self._finished = torch.zeros(n, dtype=torch.int64, device=device)
        self._return = torch.zeros(n, dtype=torch.float64, device=device)
        self._length = torch.zeros(n, dtype=torch.int64, device=device)
        self._rows: dict[str, list[Tensor]] = {}

    def begin(self) -> Observations:
        """New episodes everywhere, before any was counted; returns their first observations `[N, size]`."""
        return self.env.reset()

    def count(self, step: Step) -> None:
        """Take one step of all envs, see `VecEnv.step`."""
        info = step.info
        flags = {"success": info.success, "timeout": step.truncated, **info.reached}
        self.add(step.reward, step.ended, flags, info.facts)

    def add(
        self, reward: Tensor, ended: Tensor, flags: Mapping[str, Tensor], facts: Mapping[str, Tensor] = {}
    ) -> None:
        """Take one step of all envs. reward: `[N]`. flags: `[N]` bool, facts: `[N]` by name, read where one ended."""
        self._return += reward
        self._length += 1
        counted = self._counted(ended).nonzero().squeeze(-1)
        values = {
            "env": counted,
            **self._place(counted),
            "return": self._return[counted],
            "length": self._length[counted],
            **{name: flag[counted] for name, flag in flags.items()},
            **{name: self._fact(name, facts, counted) for name in self.env.spec.facts},
        }
        for name, value in values.items():
            self._rows.setdefault(name, []).append(value.cpu())
        self._finished += ended
        self._return[ended] = 0.0
        self._length[ended] = 0

    def _counted(self, ended: Tensor) -> Tensor:
        """`[N]` bool: the episodes that end now and count."""
        return ended & (self._finished >= 0) & (self._finished < self.per_env)

    def _place(self, envs: Tensor) -> dict[str, Tensor]:
        """Which episodes those of `envs` `[k]` are, that end now."""
        return {"episode": self._finished[envs]}

    def _fact(self, name: str, facts: Mapping[str, Tensor], envs: Tensor) -> Tensor:
        return facts[name][envs] if facts else torch.zeros(0)

    def is_counted(self, env: int, episode: int) -> bool:
        """Whether this episode of an env is one to count."""
        return episode < self.per_env

    def restart(self) -> None:
        """Count from the start again; the episodes that are under way belong to what was before and never count."""
        self._finished = -(self._length > 0).long()
        self._rows.clear()

    @property
    def complete(self) -> bool:
        """Whether every env has finished its episodes."""
        return bool((self._finished >= self.per_env).all())

    @property
    def done(self) -> int:
        """How many episodes count so far."""
        return int(self._finished.clamp(min=0, max=self.per_env).sum())

    def table(self, control_period: float) -> list[dict[str, Any]]:
        """A row for each counted episode, in the order they ended; flags are 0 or 1."""
        columns = {name: torch.cat(parts).tolist() for name, parts in self._rows.items()}
        rows = [dict(zip(columns, values)) for values in zip(*columns.values())]
        for row in rows:
            row["seconds"] = row["length"] * control_period
            row.update({name: int(value) for name, value in row.items() if isinstance(value, bool)})
        return rows

    def results(self, control_period: float) -> dict[str, Any]:
        """Means, spreads and rates over all counted episodes."""
        columns = {name: torch.cat(parts).double() for name, parts in self._rows.items()}
        returns, lengths = columns.pop("return"), columns.pop("length")
        for name in ("env", "episode", "scenario"):
            columns.pop(name, None)
        facts = {name: columns.pop(name) for name in self.env.spec.facts}
        played = {name: columns.pop(name).bool() for name in list(columns) if name.startswith("task/")}
        success = columns.pop("success")
        tasks = {
            name.partition("/")[2]: _summary(returns[ours], lengths[ours], success[ours])
            for name, ours in played.items()
            if ours.any()
        }
        return {
            **_summary(returns, lengths, success),
            "seconds": spread(lengths * control_period),
            "timeout_rate": columns.pop("timeout").mean().item(),
            "criteria": {name: column.mean().item() for name, column in columns.items()},
            **({"tasks": tasks} if tasks else {}),
            **self._of_facts(facts),
        }

    def _of_facts(self, facts: Mapping[str, Tensor]) -> dict[str, Any]:
        """Spreads of the task's own numbers, and the units of those that have one; nothing of a task without."""
        if not facts:
            return {}
        units = {name: fact.unit for name, fact in self.env.spec.facts.items() if fact.unit}
        return {"facts": {name: spread(values) for name, values in facts.items()}, "units": units}


def _summary(returns: Tensor, lengths: Tensor, success: Tensor) -> dict[str, Any]:
    return {
        "episodes": len(returns),
        "return": spread(returns),
        "length": spread(lengths),
        "success_rate": success.mean().item(),
    }


def spread(values: Tensor) -> dict[str, Any]:
    """Mean, standard deviation (of the sample), least and greatest of `[n]` values; None where none is finite.

    Those that are not finite, as of a fact that a failed episode has no number for, are left out.
    """
    values = values[values.isfinite()]
    if not len(values):
        return dict.fromkeys(("mean", "std", "min", "max"))
    deviation = values.std().item() if len(values) > 1 else 0.0
    return {
        "mean": values.mean().item(),
        "std": deviation,
        "min": values.min().item(),
        "max": values.max().item(),
    }


def results_table(results: dict[str, Any], title: str) -> Table:
    """The results as a table for people."""
    table = Table(title=title, title_justify="left")
    for column in ("", "mean", "std", "min", "max"):
        table.add_column(column, justify="left" if not column else "right")
    for name in ("return", "length", "seconds"):
        row = results[name]
        table.add_row(name, *(number(row[part]) for part in ("mean", "std", "min", "max")))
    units = results.get("units", {})
    for name, of_fact in results.get("facts", {}).items():
        title = f"{name}, {units[name]}" if name in units else name
        table.add_row(title, *(number(of_fact[part]) for part in ("mean", "std", "min", "max")))
    for name, task in results.get("tasks", {}).items():
        row = (number(task["return"][part]) for part in ("mean", "std", "min", "max"))
        table.add_row(f"return of {name}", *row)
        table.add_row("  success rate", percent(task["success_rate"]), "", "", "")
    table.add_row("success rate", percent(results["success_rate"]), "", "", "")
    for name, rate in sorted(results["criteria"].items()):
        table.add_row(f"  {name}", percent(rate), "", "", "")
    table.add_row("  time-out", percent(results["timeout_rate"]), "", "", "")
    return table


def as_json(results: dict[str, Any]) -> str:
    """The content of metrics.json."""
    return json.dumps(results, indent=2) + "\n"


def as_csv(rows: list[dict[str, Any]]) -> str:
    """The content of episodes.csv."""
    text = io.StringIO()
    if rows:
        writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return text.getvalue()
