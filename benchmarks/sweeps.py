"""What a sweep costs beside its jobs, and what a search finds.

    python -m benchmarks.sweeps cost [--jobs 8] [--at-once 2] [--save]
    python -m benchmarks.sweeps search [--trials 20] [--save]

`cost`: CPU time of a sweep with all its processes, over that of the same jobs started one by one, each with as many
cores as it has in the sweep. `search`: the return on Pendulum with the default learning rate, a tenth and ten times of
it, and with the one that Optuna finds, each judged by seeds that the search has not seen.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Sequence

from benchmarks import results
from rlkit.sweeps.shares import shares
from rlkit.workspace import read_record

TRAIN = [sys.executable, str(Path(__file__).parents[1] / "train.py")]
JOB = ["task=Gym", "env.id=Pendulum-v1", "numEnvs=16", "device=cpu", "experiment.saveGitDiff=false"]
DEFAULT = 1e-3  # train.learning_rate of conf/train/PPO.yaml
LEARNS = ["train.lr_schedule=constant", "train.gamma=0.9", "train.mini_epochs=10"]
SEARCHED = [*JOB, *LEARNS, "maxIter=25", "training.threads=1"]
UNSEEN = "101,102,103"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("cost", "search"))
    parser.add_argument("--jobs", type=int, default=8)
    parser.add_argument("--at-once", type=int, default=2)
    parser.add_argument("--trials", type=int, default=20)
    results.add_option(parser, "sweeps_WHAT")
    options = parser.parse_args()
    figures = cost(options) if options.what == "cost" else search(options)
    print(json.dumps(figures, indent=1))
    if options.save:
        results.save(options.save.replace("WHAT", options.what), figures)


def cost(options: argparse.Namespace) -> dict[str, Any]:
    """CPU seconds of the sweep and of its parts, and how long both took."""
    job = [*JOB, "maxIter=10"]
    share = shares(options.at_once, cores=len(os.sched_getaffinity(0)))[0]
    with tempfile.TemporaryDirectory() as folder:
        command = [*TRAIN, *job, "seed=1"]
        _spent(command, folder, share)  # what is timed once on a machine is not timed below
        parts = [_spent([*TRAIN, *job, f"seed={seed}"], folder, share) for seed in range(options.jobs)]
        words = ["-m", *job, f"seed=range({options.jobs})", "hydra/launcher=joblib"]
        whole = _spent([*TRAIN, *words, f"hydra.launcher.n_jobs={options.at_once}"], folder, {})
    alone = sum(cpu for cpu, _ in parts)
    return {
        "jobs": options.jobs,
        "at once": options.at_once,
        "CPU s of the sweep": whole[0],
        "CPU s of its parts": alone,
        "ratio": whole[0] / alone,
        "s of the sweep": whole[1],
        "s of its parts, one by one": sum(seconds for _, seconds in parts),
    }


def search(options: argparse.Namespace) -> dict[str, Any]:
    """The best returns, means over seeds that the search has not seen, by learning rate."""
    with tempfile.TemporaryDirectory() as folder:
        space = "train.learning_rate=tag(log, interval(1e-5, 1e-1))"
        words = ["hydra/sweeper=optuna", "hydra/launcher=joblib", f"hydra.sweeper.n_trials={options.trials}"]
        found = _sweep(folder, [*SEARCHED, *words, space, "seed=1"])
        best = max(found, key=lambda word: statistics.mean(found[word]))
        rates = [f"{DEFAULT / 10:g}", f"{DEFAULT:g}", f"{DEFAULT * 10:g}", best]
        rate = f"train.learning_rate={','.join(rates)}"
        seen = _sweep(folder, [*SEARCHED, "hydra/launcher=joblib", rate, f"seed={UNSEEN}"])
    return {
        "trials": len(found),
        "best learning rate": float(best),
        "best return of a trial": max(max(values) for values in found.values()),
        "best return by learning rate, mean over seeds": {r: statistics.mean(seen[r]) for r in rates},
        "each seed": seen,
    }


def _sweep(folder: str, words: Sequence[str]) -> dict[str, list[float]]:
    """The best returns of a sweep's runs by their learning rates."""
    subprocess.run([*TRAIN, "-m", *words], cwd=folder, check=True)
    newest = max(Path(folder).glob("runs_all/*_sweep_*/sweep.json"), key=lambda path: path.stat().st_mtime)
    found: dict[str, list[float]] = {}
    for job in json.loads(newest.read_text())["jobs"]:
        rate = next(word for word in job["words"] if word.startswith("train.learning_rate="))
        best = read_record(Path(folder, "runs_all", job["run"])).best_return
        found.setdefault(rate.partition("=")[2], []).append(float("-inf") if best is None else best)
    return found


def _spent(command: Sequence[str], folder: str, environment: dict[str, str]) -> tuple[float, float]:
    """(CPU seconds of a command with all that it starts, seconds that it took)."""
    before, began = _children(), time.perf_counter()
    subprocess.run(
        command, cwd=folder, check=True, stdout=subprocess.DEVNULL, env={**os.environ, **environment}
    )
    return _children() - before, time.perf_counter() - began


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
