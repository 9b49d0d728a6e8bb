"""The table that `benchmarks.sims` prints."""

from __future__ import annotations

from typing import TYPE_CHECKING, Mapping, Sequence

from rich.console import Console
from rich.table import Table

from benchmarks.sims.contestants import POLICY, SIMULATOR, TRAINING

if TYPE_CHECKING:
    from benchmarks.sims.compile import CompileTime
    from benchmarks.sims.race import Row

MAX_OUTSIDE = 0.20  # share of a step with policy that is not physics, on CUDA
MAX_COMPILE = 60.0  # s, MJX on BoxGrasping


def show(
    setting: str,
    races: Sequence[Sequence[Row]],
    pointers: Mapping[str, bool],
    compiled: Sequence[CompileTime],
    notes: Sequence[str],
    device: str,
) -> None:
    """One table: a section a race, a row a contestant, a column a stage."""
    table = Table(title="env-steps/s", title_justify="left", caption=setting, caption_justify="left")
    table.add_column("task")
    table.add_column("what is stepped")
    for name in ("envs", SIMULATOR, "÷ Gym", "÷ mujoco", POLICY, TRAINING, "outside physics", "first step"):
        table.add_column(name, justify="right")
    for race in races:
        table.add_section()
        for place, row in enumerate(race):
            table.add_row(row.task if place == 0 else "", *_cells(row, device))
    console = Console()
    console = console if console.is_terminal else Console(width=150)
    console.print(table)
    for sim, same in pointers.items():
        console.print(
            f"{sim}: arrays change hands with torch {'without a copy' if same else 'BY A COPY'} on {device}"
        )
    for one in compiled:
        mark = verdict(one.cold < MAX_COMPILE) if (one.sim, one.task) == ("mjx", "BoxGrasping") else ""
        console.print(
            f"{one.sim}, {one.task}, {one.num_envs} envs: {one.cold:.1f} s from nothing to the first step with an"
            f" empty cache{mark}, {one.cached:.1f} s the second time"
        )
    for note in notes:
        console.print(note, markup=False)


def _cells(row: Row, device: str) -> list[str]:
    """What the columns behind the task's say."""
    return [
        row.what,
        str(row.num_envs),
        rate(row, SIMULATOR),
        f"{row.to_peer:.2f}" if row.to_peer else "",
        f"{row.to_mujoco:.3f}" if row.to_mujoco else "",
        rate(row, POLICY),
        rate(row, TRAINING),
        outside(row, device),
        f"{row.first_step:.1f} s" if row.first_step else "",
    ]


def rate(row: Row, stage: str) -> str:
    """env-steps/s, with a digit after the point where they are few."""
    value = row.rates.get(stage)
    return "" if value is None else f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


def outside(row: Row, device: str) -> str:
    """Share of the time outside physics under a policy and in training; on CUDA with the verdict."""
    if POLICY not in row.outside:
        return ""
    share = row.outside[POLICY]
    mark = verdict(share < MAX_OUTSIDE) if device == "cuda" else ""
    return f"{share:.0%}{mark}, {row.outside[TRAINING]:.0%}"


def verdict(reached: bool) -> str:
    """A mark where a target applies."""
    return " ✓" if reached else " ✗"
