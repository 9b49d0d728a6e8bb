"""Env-steps/s of off-policy learners whose updates are made while the envs step, beside those that take turns.

    python -m benchmarks.overlap --save        # about 40 seconds on two quiet cores
    python -m benchmarks.overlap "task=Reach train=ReachFastTD3"

A contestant is a learner with its task's real env, in this process; they take turns, and the best of many short rounds
counts. The core-seconds of a step are its CPU time, updates included, with one thread for all of it, where nobody waits
for anybody. They bound the rate twice: `cores` is all cores busy all the time, `thread` the thread of the updates busy
all the time, as each update needs the one before it. Nothing can be quicker than the lower of the two without updates
that use several threads.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import torch
from rich.console import Console
from rich.table import Table

from benchmarks import results
from benchmarks.measure import make_env
from rlkit.config import compose
from rlkit.config.facts.machine import available_cores
from rlkit.learners import registry
from rlkit.runtime.training.monitor import Monitor

TASKS = ["task=BoxGrasping train=BoxGraspingFastTD3", "task=HumanoidWalk train=HumanoidWalkFastTD3"]
ALONE, IN_TURNS, OVERLAP = "one thread", "in turns", "overlap"


class Contestant:
    """A learner on its env. rounds: seconds a step of all envs, of which on the CPU, and in the env."""

    def __init__(self, words: str, *, threads: int, overlap: bool, updates_on: int) -> None:
        experiment = compose([*words.split(), "device=cpu", f"sim.numThreads={threads}"])
        changes = {"overlap": overlap, "amp": False, "horizon_length": 4, "learning_starts": 4}
        self.threads = updates_on
        self.env = Monitor(make_env(experiment, experiment.env.num_envs))
        train = {**experiment.train, **changes}
        self.learner = registry.make(experiment.train["learner"], train, self.env.spec, seed=0)
        self.env.ask(self.learner.groups)
        self.env.reset()
        self.env.stagger()
        self.rounds: list[tuple[float, float, float]] = []

    def run(self, seconds: float) -> None:
        """One round of about so long."""
        torch.set_num_threads(self.threads)
        self.env.collect()
        steps, started, cpu = 0, time.perf_counter(), time.process_time()
        while time.perf_counter() - started < seconds:
            self.learner.iterate(self.env)
            steps += 4
        wall, cpu = time.perf_counter() - started, time.process_time() - cpu
        self.rounds.append((wall / steps, cpu / steps, self.env.collect()[1] / steps))

    def best(self) -> tuple[float, float, float]:
        """The least of each over the rounds but for the first, which warms up: other work can only add to them."""
        wall, cpu, step = map(min, zip(*self.rounds[1:]))
        return wall, cpu, step


def measure(words: str, rounds: int, seconds: float) -> dict[str, Any]:
    """The figures of one task."""
    cores = available_cores()
    more, fewer = f"updates on {cores}", f"physics on {max(1, cores - 1)}"
    settings = {
        ALONE: {"threads": 1, "overlap": False, "updates_on": 1},
        IN_TURNS: {"threads": cores, "overlap": False, "updates_on": 1},
        f"{IN_TURNS}, {more}": {"threads": cores, "overlap": False, "updates_on": cores},
        OVERLAP: {"threads": cores, "overlap": True, "updates_on": 1},
        f"{OVERLAP}, {fewer}": {"threads": max(1, cores - 1), "overlap": True, "updates_on": 1},
        f"{OVERLAP}, {more}": {"threads": cores, "overlap": True, "updates_on": cores},
    }
    contestants = {name: Contestant(words, **given) for name, given in settings.items()}
    for _ in range(rounds + 1):
        for contestant in contestants.values():
            contestant.run(seconds)
    num_envs = contestants[ALONE].env.spec.num_envs
    found: dict[str, Any] = {"envs": num_envs}
    for name, contestant in contestants.items():
        wall, cpu, step = contestant.best()
        found[name] = {
            "env-steps/s": round(num_envs / wall),
            "ms a step": round(1e3 * wall, 1),
            "core-ms a step": round(1e3 * cpu, 1),
            "ms in the env": round(1e3 * step, 1),
            "cores": round(cpu / wall, 2),
        }
    wall, cpu, step = contestants[ALONE].best()
    bounds = {"cores": num_envs * cores / cpu, "thread": num_envs / (wall - step)}
    best = max(found[name]["env-steps/s"] for name in contestants if name.startswith(IN_TURNS))
    overlapped = found[OVERLAP]["env-steps/s"]
    found["x in turns"] = round(overlapped / best, 2)
    for name, bound in bounds.items():
        found[f"bound of {name}"] = {
            "env-steps/s": round(bound),
            "x in turns": round(bound / best, 2),
            "reached %": round(100 * overlapped / bound),
        }
    return found


def show(words: str, found: dict[str, Any]) -> None:
    """The table of one task."""
    table = Table(title=f"{words}, {found['envs']} envs", title_justify="left")
    columns = (
        "env-steps/s",
        "ms a step",
        "core-ms a step",
        "ms in the env",
        "cores",
        "x in turns",
        "reached %",
    )
    for column in ("", *columns):
        table.add_column(column, justify="right" if column else "left")
    for name, row in found.items():
        if isinstance(row, dict):
            table.add_row(name, *(str(row.get(column, "")) for column in columns))
    console = Console(width=120)
    console.print(table)
    console.print(f"overlap / the better one of those in turns: {found['x in turns']}")


def main() -> None:
    """Measure the tasks and print a table of each."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("tasks", nargs="*", default=TASKS, help="words of a request, one text a task")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=0.2, help="of one contestant in one round")
    results.add_option(parser, "overlap")
    arguments = parser.parse_args()
    torch.manual_seed(0)
    found: dict[str, Any] = {}
    for words in arguments.tasks:
        found[words] = measure(words, arguments.rounds, arguments.seconds)
        show(words, found[words])
    if arguments.save:
        results.save(arguments.save, found)


if __name__ == "__main__":
    main()
