"""Episodes that are counted: an exact number in every env, then means, spreads and a table."""

from __future__ import annotations

import csv
import io
import json
from typing import Any, Dict, List

import torch
from rich.table import Table
from torch import Tensor

from rlkit.env.spec import VecEnv
from rlkit.workspace import number, percent


class Episodes:
    """Results of the first `per_env` episodes of every env.

    The same number from each env: taking the first that end anywhere would favour the short ones.
    """

    def __init__(self, env: VecEnv, per_env: int) -> None:
        n, device = env.spec.num_envs, env.spec.device
        self.per_env = per_env
        self._finished = torch.zeros(n, dtype=torch.int64, device=device)
        self._return = torch.zeros(n, dtype=torch.float64, device=device)
        self._length = torch.zeros(n, dtype=torch.int64, device=device)
        self._rows: Dict[str, List[Tensor]] = {}

    def add(self, reward: Tensor, ended: Tensor, flags: Dict[str, Tensor]) -> None:
        """Take one step of all envs. flags: `[N]` bool by name, read where an episode ended."""
        self._return += reward
        self._length += 1
        counted = (ended & (self._finished >= 0) & (self._finished < self.per_env)).nonzero().squeeze(-1)
        values = {
            "env": counted,
            "episode": self._finished[counted],
            "return": self._return[counted],
            "length": self._length[counted],
        }
        values.update({name: flag[counted] for name, flag in flags.items()})
        for name, value in values.items():
            self._rows.setdefault(name, []).append(value.cpu())
        self._finished += ended
        self._return[ended] = 0.0
        self._length[ended] = 0

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

    def table(self, control_period: float) -> List[Dict[str, Any]]:
        """A row for each counted episode, in the order they ended; flags are 0 or 1."""
        columns = {name: torch.cat(parts).tolist() for name, parts in self._rows.items()}
        rows = [dict(zip(columns, values)) for values in zip(*columns.values())]
        for row in rows:
            row["seconds"] = row["length"] * control_period
            row.update({name: int(value) for name, value in row.items() if isinstance(value, bool)})
        return rows

    def results(self, control_period: float) -> Dict[str, Any]:
        """Means, spreads and rates over all counted episodes."""
        columns = {name: torch.cat(parts).double() for name, parts in self._rows.items()}
        returns, lengths = columns.pop("return"), columns.pop("length")
        columns.pop("env")
        columns.pop("episode")
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
        }


def _summary(returns: Tensor, lengths: Tensor, success: Tensor) -> Dict[str, Any]:
    return {
        "episodes": len(returns),
        "return": spread(returns),
        "length": spread(lengths),
        "success_rate": success.mean().item(),
    }


def spread(values: Tensor) -> Dict[str, float]:
    """Mean, standard deviation (of the sample), least and greatest."""
    deviation = values.std().item() if len(values) > 1 else 0.0
    return {
        "mean": values.mean().item(),
        "std": deviation,
        "min": values.min().item(),
        "max": values.max().item(),
    }


def results_table(results: Dict[str, Any], title: str) -> Table:
    """The results as a table for people."""
    table = Table(title=title, title_justify="left")
    for column in ("", "mean", "std", "min", "max"):
        table.add_column(column, justify="left" if not column else "right")
    for name in ("return", "length", "seconds"):
        row = results[name]
        table.add_row(name, *(number(row[part]) for part in ("mean", "std", "min", "max")))
    for name, task in results.get("tasks", {}).items():
        row = (number(task["return"][part]) for part in ("mean", "std", "min", "max"))
        table.add_row(f"return of {name}", *row)
        table.add_row("  success rate", percent(task["success_rate"]), "", "", "")
    table.add_row("success rate", percent(results["success_rate"]), "", "", "")
    for name, rate in sorted(results["criteria"].items()):
        table.add_row(f"  {name}", percent(rate), "", "", "")
    table.add_row("  time-out", percent(results["timeout_rate"]), "", "", "")
    return table


def as_json(results: Dict[str, Any]) -> str:
    """The content of metrics.json."""
    return json.dumps(results, indent=2) + "\n"


def as_csv(rows: List[Dict[str, Any]]) -> str:
    """The content of episodes.csv."""
    text = io.StringIO()
    if rows:
        writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return text.getvalue()
