"""What tracking a motion costs beside the physics: TrackMotion against HumanoidVelocity, on the same robot.

    python -m benchmarks.motion [--motion h1/walk] [--num-envs 512] [--rounds 20] [--save]

Both environments take the same number of steps in each round, one after the other in an order that turns, with small
random actions. Of each the time of a step is told, and how much of it is spent outside of the physics; the cost of
tracking is what TrackMotion spends there more than HumanoidVelocity, as a share of its own step.
"""

from __future__ import annotations

import argparse
import statistics
import time
from typing import Any

import torch

import rlkit
from benchmarks import results
from rlkit.doors.envs import Envs

STEPS = 20  # of each in a round
ACTION = 0.2  # the greatest


def round_of(envs: Envs, actions: list[torch.Tensor]) -> tuple[float, float]:
    """Seconds of a step and of its physics."""
    envs.env.physics_time = 0.0
    started = time.perf_counter()
    for action in actions:
        envs.step(action)
    return (time.perf_counter() - started) / STEPS, envs.env.physics_time / STEPS


def measure(motion: str, num_envs: int, rounds: int, robot: str) -> dict[str, Any]:
    """Milliseconds of a step and of what is not physics in it, and the cost of tracking in percent of a step."""
    settings = {"num_envs": num_envs, "seed": 0, "device": "cpu", "task.robot": robot}
    names = ("HumanoidVelocity", "TrackMotion")
    with rlkit.make(names[0], **settings) as walking, rlkit.make(
        names[1], motion=motion, **settings
    ) as tracking:
        pairs = list(zip(names, (walking, tracking)))
        for _, envs in pairs:
            envs.reset()
        size = walking.spec.num_actions
        actions = [ACTION * (2.0 * torch.rand(num_envs, size) - 1.0) for _ in range(STEPS)]
        whole: dict[str, list[float]] = {name: [] for name in names}
        outside: dict[str, list[float]] = {name: [] for name in names}
        for number in range(rounds + 1):
            for name, envs in pairs if number % 2 else reversed(pairs):
                seconds, physics = round_of(envs, actions)
                if number:  # the first round warms up
                    whole[name].append(1e3 * seconds)
                    outside[name].append(1e3 * (seconds - physics))
    cost = [
        100.0 * (more - less) / step
        for more, less, step in zip(outside[names[1]], outside[names[0]], whole[names[1]])
    ]
    return {
        "ms a step": {name: round(statistics.median(whole[name]), 2) for name in names},
        "ms outside of physics": {name: round(statistics.median(outside[name]), 2) for name in names},
        "cost of tracking in percent": round(statistics.median(cost), 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--motion", default="h1/walk")
    parser.add_argument("--robot", default="h1")
    parser.add_argument("--num-envs", type=int, default=512)
    parser.add_argument("--rounds", type=int, default=20)
    results.add_option(parser, "motion")
    options = parser.parse_args()
    torch.set_num_threads(1)
    found = measure(options.motion, options.num_envs, options.rounds, options.robot)
    for name, step in found["ms a step"].items():
        print(
            f"{name:<18}{step:>8.2f} ms a step, {found['ms outside of physics'][name]:.2f} outside of physics"
        )
    print(f"tracking costs {found['cost of tracking in percent']} % of a step")
    if options.save:
        results.save(options.save, {f"{options.robot}, {options.num_envs} envs": found})


if __name__ == "__main__":
    main()
