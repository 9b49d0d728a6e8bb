"""How fast BoxGrasping's physics steps, against the engine below it, its floor and a Gymnasium vector env.

All contestants repeat the same recorded stretch of random-action training (same states, controls and
physics settings), in rounds that alternate between them; figures are medians over the rounds.
benchmarks/contestants.py says exactly what each of them does. Words of the form key=value override the
configuration, e.g. physics=fast.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
from dataclasses import asdict
from typing import TYPE_CHECKING

from benchmarks import results as saving

if TYPE_CHECKING:
    from benchmarks.measure import Result

MIN_RATE = 10_000  # env-steps/s of the whole env
MAX_OUTSIDE, OUTSIDE_AT = 0.25, 2048  # share of an env-step, at that many envs
MAX_RSS_GB = 4.0
MIN_RATIO = {"engine, fresh": 0.95, "floor": 0.85}
RATIO_AT = (64, 512)  # envs


def main() -> None:
    """Measure, then print one table or JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.physics", description=__doc__)
    parser.add_argument("--seconds", type=float, default=20.0, help="of comparing, per number of envs")
    parser.add_argument("--envs", type=int, nargs="+", default=[64, 512, 2048])
    parser.add_argument("--json", action="store_true", help="print JSON instead of the table")
    saving.add_option(parser, "physics")
    args, overrides = parser.parse_known_args()

    # Imported late: the peer's processes import this file again, and need none of it.
    from benchmarks.measure import measure
    from rlkit.config import compose

    load = os.getloadavg()[0]
    experiment = compose(["task=BoxGrasping", *overrides])
    results = measure(experiment, args.envs, args.seconds)
    sim = experiment.sim
    setting = (
        f"{sim.dt * 1000:g} ms × {sim.substeps} substeps × {experiment.decimation} = "
        f"{sim.substeps * experiment.decimation} integrator steps an env-step, {sim.cone} cones,"
        f" {sim.num_threads} threads on {platform.machine()}, load {load:.1f} at the start"
    )
    if args.json:
        print(json.dumps({"setting": setting, "results": [asdict(result) for result in results]}, indent=2))
    else:
        show(setting, results)
    if args.save:
        saving.save(args.save, {"setting": setting, "results": [asdict(result) for result in results]})


def show(setting: str, results: list[Result]) -> None:
    """One table: a row a contestant, a column a number of envs."""
    from rich.console import Console
    from rich.table import Table

    title = "BoxGrasping, env-steps/s (ours divided by theirs: of wall time, of CPU time)"
    table = Table(title=title, caption=setting)
    table.add_column("what is stepped")
    for result in results:
        table.add_column(f"{result.num_envs} envs", justify="right")
    table.add_column("target")
    for name in results[0].rates:
        needed = MIN_RATIO.get(name)
        at = " and ".join(map(str, RATIO_AT))
        table.add_row(
            name, *(cell(r, name, needed) for r in results), f"≥ {needed} at {at}" if needed else ""
        )
    table.add_section()
    rates = [f"{r.env_rate:,.0f}" + verdict(r.env_rate >= MIN_RATE) for r in results]
    table.add_row("whole env", *rates, f"≥ {MIN_RATE:,}")
    shares = [
        f"{r.outside_physics:.1%}"
        + verdict(r.outside_physics <= MAX_OUTSIDE if r.num_envs == OUTSIDE_AT else None)
        for r in results
    ]
    table.add_row("  time outside physics", *shares, f"≤ {MAX_OUTSIDE:.0%} at {OUTSIDE_AT}")
    largest = max(results, key=lambda r: r.num_envs)
    memory = [f"{r.rss_gb:.2f} GB" + verdict(r.rss_gb < MAX_RSS_GB) if r is largest else "" for r in results]
    table.add_row("  memory (RSS)", *memory, f"< {MAX_RSS_GB:g} GB")
    console = Console()
    console = console if console.is_terminal else Console(width=120)
    console.print(table)


def cell(result: Result, name: str, needed: float | None) -> str:
    """Rate, ratio of wall time, ratio of CPU time where it is known, and whether the target is met."""
    ratio, cpu = result.ratios[name], result.cpu_ratios.get(name)
    shown = f"{ratio:.2f}, {cpu:.2f}" if cpu else f"{ratio:.2f}"
    reached = ratio >= needed if needed and result.num_envs in RATIO_AT else None
    return f"{result.rates[name]:,.0f} ({shown})" + verdict(reached)


def verdict(reached: bool | None) -> str:
    """A mark where a target applies."""
    return "  " if reached is None else " ✓" if reached else " ✗"


if __name__ == "__main__":
    main()
