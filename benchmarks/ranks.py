"""Env-steps/s of two gloo ranks, a core each, beside one rank on one core with as many envs a rank; and their curves.

    python -m benchmarks.ranks --save                  # about 9 minutes on two quiet cores
    python -m benchmarks.ranks --curves --save         # and how they learn, three seeds each: about 40 minutes more
    python -m benchmarks.ranks --quick                 # does it run?

Each run is the real command, its processes pinned and started as torchrun starts them. One rank, two, and two trainings
that know nothing of one another, which is all that the two cores can give, take turns; the one rank is on another core
each round. Rates are of training alone (`wall_time` in metrics.jsonl), after the first
iterations. Curves: one rank with 16 envs and two with 8 each, so that a gradient step has as many samples in all.
"""

from __future__ import annotations

import argparse
import os
import socket
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Sequence

from benchmarks import results
from benchmarks.learning import Curve, read_curve
from benchmarks.metric_lines import read_metrics

ROOT = Path(__file__).parents[1]
WARM_UP = 2  # iterations that do not count
ALIKE = ["device=cpu", "training.threads=1", "logging.logLevel=warning"]
PACE = ["task=HumanoidStand", "numEnvs=64", "training.evalInterval=0", *ALIKE]
# learner: its words, and the iterations of a round
PACES = {
    "PPO": (["train=HumanoidStandPPO"], 30),
    "FastTD3": (["train=HumanoidStandFastTD3", "train.amp=false"], 8),
}
CURVE = ["task=Gym", "env.id=HalfCheetah-v5", "training.evalEnvs=4", "training.evalInterval=10", *ALIKE]
# learner: its words, those of one rank, those of two, and the iterations
CURVES = {
    "PPO": (["train=GymPPO"], [], [], 200),
    "FastTD3": (
        ["train=GymFastTD3", "train.amp=false"],
        ["train.batch_size=256"],
        ["train.batch_size=128"],
        100,
    ),
}


def run(words: Sequence[str], cores: Sequence[int], together: bool = True) -> list[Path]:
    """Train in this folder with a process on each of the cores; returns the runs' folders.

    together: they are the ranks of one training; otherwise each is a training of its own.
    """
    before = set(Path("runs_all").glob("*/run.json"))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    place = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "OMP_NUM_THREADS": "1"}
    size = {"WORLD_SIZE": str(len(cores)), "LOCAL_WORLD_SIZE": str(len(cores))}
    command = [sys.executable, str(ROOT / "train.py"), *words]
    processes = []
    for number, core in enumerate(cores):
        rank = {**place, **size, "RANK": str(number), "LOCAL_RANK": str(number)} if together else {}
        processes.append(
            subprocess.Popen(
                ["taskset", "--cpu-list", str(core), *command],
                env={**os.environ, "OMP_NUM_THREADS": "1", **rank},
            )
        )
    try:
        statuses = [process.wait() for process in processes]
        if any(statuses):
            raise SystemExit(f"failed: {' '.join(words)}")
    finally:
        for process in processes:
            process.kill()
    return [record.parent for record in set(Path("runs_all").glob("*/run.json")) - before]


def pace(words: Sequence[str], cores: Sequence[int], iterations: int, together: bool = True) -> float:
    """Env-steps/s of all processes together."""
    paces = []
    for path in run([*PACE, *words, f"maxIter={WARM_UP + iterations}"], cores, together):
        rows = read_metrics(path / "metrics.jsonl")
        first, last = rows[WARM_UP - 1], rows[-1]
        paces.append((last["env_steps"] - first["env_steps"]) / (last["wall_time"] - first["wall_time"]))
    return sum(paces)


def paces(rounds: int, quick: bool) -> dict[str, Any]:
    """By learner: env-steps/s, medians, and the medians of the rounds' ratios to one rank."""
    one, two = sorted(os.sched_getaffinity(0))[:2]
    found: dict[str, Any] = {}
    for learner, (words, iterations) in PACES.items():
        rows = []
        for number in range(rounds):
            sides = ([(one, two)[number % 2]], True), ([one, two], True), ([one, two], False)
            rows.append([pace(words, cores, 2 if quick else iterations, alike) for cores, alike in sides])
        alone, both, apart = zip(*rows)
        ratios = [b / a for a, b in zip(alone, both)]
        bound = statistics.median(b / a for a, b in zip(alone, apart))
        found[learner] = {
            "one rank": round(statistics.median(alone), 1),
            "two ranks": round(statistics.median(both), 1),
            "two trainings": round(statistics.median(apart), 1),
            "ratio": round(statistics.median(ratios), 3),
            "ratios": [round(ratio, 3) for ratio in ratios],
            "bound": round(bound, 3),
        }
        row = found[learner]
        print(
            f"{learner:<8} {row['one rank']:9,.0f} {row['two ranks']:9,.0f} env-steps/s, ratio {row['ratio']:.2f}"
            f" ({min(ratios):.2f} to {max(ratios):.2f}); two trainings apart {row['two trainings']:9,.0f}, {bound:.2f}",
            flush=True,
        )
    return found


def curves(seeds: Sequence[int], quick: bool) -> dict[str, Any]:
    """By learner: of one rank and of two the mean and the best of each seed's evaluations, over the same env-steps."""
    one, two = sorted(os.sched_getaffinity(0))[:2]
    found: dict[str, Any] = {}
    for learner, (words, alone, shared, iterations) in CURVES.items():
        sides = {
            "one rank": (["numEnvs=16", *alone], [one]),
            "two ranks": (["numEnvs=8", *shared], [one, two]),
        }
        last = ["maxIter=2", "training.evalInterval=1"] if quick else [f"maxIter={iterations}"]
        drawn: dict[str, list[Curve]] = {side: [] for side in sides}
        for seed in seeds:
            for side, (more, cores) in sides.items():
                (path,) = run([*CURVE, *words, *more, *last, f"seed={seed}"], cores)
                drawn[side].append(read_curve(path, f"{learner} {side}, seed {seed}"))
        steps = {tuple(curve.steps) for side in drawn.values() for curve in side}
        assert len(steps) == 1, "evaluated at other env-steps"
        found[learner] = {side: summary(of) for side, of in drawn.items()}
        for side, row in found[learner].items():
            print(f"{learner:<8} {side}: mean return {row['mean']}, best {row['best']}", flush=True)
    return found


def summary(of: Sequence[Curve]) -> dict[str, Any]:
    """Each seed's mean over its evaluations (the area under the curve) and its best, and the curve of the means."""
    columns = zip(*(curve.returns for curve in of))
    return {
        "mean": [round(statistics.mean(curve.returns), 1) for curve in of],
        "best": [round(max(curve.returns), 1) for curve in of],
        "env-steps": of[0].steps,
        "returns": [round(statistics.mean(column), 1) for column in columns],
    }


def main() -> None:
    """Measure, print, and save where asked."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--curves", action="store_true", help="also train three seeds with one rank and with two"
    )
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument(
        "--quick", action="store_true", help="one round of a few iterations, to see that it runs"
    )
    results.add_option(parser, "ranks")
    options = parser.parse_args()
    if len(os.sched_getaffinity(0)) < 2:
        raise SystemExit("two ranks need two cores")
    here = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            figures: dict[str, Any] = {
                "env-steps/s": paces(1 if options.quick else options.rounds, options.quick)
            }
            if options.curves:
                figures["curves"] = curves(
                    options.seeds[:1] if options.quick else options.seeds, options.quick
                )
        finally:
            os.chdir(here)
    if options.save:
        results.save(options.save, figures)


if __name__ == "__main__":
    main()
