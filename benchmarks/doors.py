"""What the views of other libraries cost: the same environments stepped directly and through each of them.

    python -m benchmarks.doors [--tasks BoxGrasping Reach] [--num-envs 128] [--rounds 40] [--save]

In each round every view takes the same number of steps, one after another in an order that rotates, so that a change
of the machine's load meets all; the cost is the median over the rounds of the time against that of the bare envs.
CPU time of this thread is told beside it, which other users of the machine sway little.
"""

from __future__ import annotations

import argparse
import statistics
import time
from typing import Any, Callable

import torch

import rlkit
from benchmarks import results
from rlkit.doors.envs import Envs

Step = Callable[[torch.Tensor], Any]
STEPS = 40  # of each view in a round


def steps_of(envs: Envs) -> dict[str, Step]:
    """A step of every view, which each takes the actions as its library gives them."""
    vector, tensors, sb3 = envs.as_gymnasium(), envs.as_gymnasium(torch=True), envs.as_sb3()
    rsl_rl, skrl = envs.as_rsl_rl(), envs.as_skrl()
    return {
        "rlkit": envs.step,
        "Gymnasium, numpy": lambda actions: vector.step(actions.numpy()),
        "Gymnasium, torch": tensors.step,
        "Stable-Baselines3": lambda actions: sb3.step(actions.numpy()),
        "rsl_rl": rsl_rl.step,
        "skrl": skrl.step,
    }


def measure(task: str, num_envs: int, rounds: int) -> dict[str, Any]:
    """Env-steps/s of the bare envs, and by view what it costs of them in percent, of wall time and of CPU time."""
    with rlkit.make(task, num_envs=num_envs, seed=0, device="cpu") as envs:
        views = list(steps_of(envs).items())
        actions = [2.0 * torch.rand(num_envs, envs.spec.num_actions) - 1.0 for _ in range(STEPS)]
        envs.reset()
        wall: dict[str, list[float]] = {name: [] for name, _ in views}
        cpu: dict[str, list[float]] = {name: [] for name, _ in views}
        for number in range(rounds + 1):
            turn = number % len(views)
            for name, step in views[turn:] + views[:turn]:
                started = time.perf_counter(), time.thread_time()
                for action in actions:
                    step(action)
                if number:  # the first round warms up
                    wall[name].append(time.perf_counter() - started[0])
                    cpu[name].append(time.thread_time() - started[1])
    bare = statistics.median(wall["rlkit"]) / STEPS
    return {
        "env-steps/s": round(num_envs / bare),
        "ms a step": round(1e3 * bare, 3),
        "cost in percent": {name: _cost(wall, name) for name in wall if name != "rlkit"},
        "cost in percent of CPU time": {name: _cost(cpu, name) for name in cpu if name != "rlkit"},
    }


def _cost(seconds: dict[str, list[float]], name: str) -> float:
    ratios = [theirs / ours for theirs, ours in zip(seconds[name], seconds["rlkit"])]
    return round(100 * (statistics.median(ratios) - 1), 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--tasks", nargs="+", default=["BoxGrasping", "Reach"])
    parser.add_argument("--num-envs", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=40)
    results.add_option(parser, "doors")
    options = parser.parse_args()
    torch.set_num_threads(1)
    figures = {}
    for task in options.tasks:
        found = measure(task, options.num_envs, options.rounds)
        figures[f"{task}, {options.num_envs} envs"] = found
        print(
            f"{task}, {options.num_envs} envs: {found['env-steps/s']:,} env-steps/s, {found['ms a step']} ms a step"
        )
        for name, cost in found["cost in percent"].items():
            of_cpu = found["cost in percent of CPU time"][name]
            print(f"  {name:<20}{cost:>6.1f} %   {of_cpu:>6.1f} % of CPU time")
    if options.save:
        results.save(options.save, figures)


if __name__ == "__main__":
    main()
