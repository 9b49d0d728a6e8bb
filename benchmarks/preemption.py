"""Preemptions in a row: the same command again goes on in the same run folder, and loses and doubles nothing.

    python -m benchmarks.preemption --kills 20 --save

A training with training.resume=auto is ended by SIGTERM and by SIGKILL in turn, each time in a process of its own, as a
batch system ends it, and started again by the same command. In the end its metrics and its last checkpoint must equal,
bit for bit, those of a training that was left alone. The time that a preemption costs is from the signal to the first
iteration that had not been done before it: saving, starting, and what lay behind the last checkpoint once more. What a
batch system takes to start a job again comes on top.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import torch

from benchmarks import results
from benchmarks.kills import equal, rows_of
from rlkit.runtime.checkpoints import checkpoint as checkpoints
from rlkit.workspace import read_record

ROOT = Path(__file__).resolve().parents[1]
INTERVAL = 20  # iterations between checkpoints
WORDS = (
    "task=ReachOrigin", "device=cpu", "numEnvs=8", "seed=3", "training.threads=1", "sim.numThreads=1",
    f"training.checkpointInterval={INTERVAL}", "training.evalInterval=0", "training.resume=auto",
    "logging.experimentName=preempted",
)  # fmt: skip


def start(folder: Path, iterations: int) -> subprocess.Popen[bytes]:
    """`python train.py` in a folder of its own."""
    words = [sys.executable, str(ROOT / "train.py"), *WORDS, f"maxIter={iterations}"]
    with (folder / "said").open("ab") as said:
        return subprocess.Popen(words, cwd=folder, stdout=said, stderr=said)


def done(folder: Path) -> int:
    """The last iteration in metrics.jsonl."""
    run = folder / "runs_all" / "preempted"
    return max(rows_of(run), default=0) if run.exists() else 0


def reach(process: subprocess.Popen[bytes], folder: Path, iteration: int) -> None:
    """Wait until an iteration is done; raises RuntimeError where the training ends before."""
    while done(folder) < iteration:
        if process.poll() not in (None, 0):
            raise RuntimeError((folder / "said").read_text(encoding="utf-8")[-3000:])
        time.sleep(0.01)


def preempt(folder: Path, kills: int, iterations: int) -> list[dict[str, Any]]:
    """Train to the end with so many preemptions on the way; what each one cost."""
    costs: list[dict[str, Any]] = []
    process = start(folder, iterations)
    for number in range(1, kills + 1):
        reach(process, folder, number * iterations // (kills + 1) + number % 7)
        name = ("SIGTERM", "SIGKILL")[number % 2]
        before, began = done(folder), time.perf_counter()
        process.send_signal(getattr(signal, name))
        process.wait()
        before = max(before, done(folder))  # it may finish the one it is in
        process = start(folder, iterations)
        reach(process, folder, before + 1)
        cost = time.perf_counter() - began
        begun = read_record(folder / "runs_all" / "preempted").starts[-1]["iteration"]
        costs.append({"signal": name, "seconds": round(cost, 2), "repeated": before - begun})
        print(costs[-1], flush=True)
    assert process.wait() == 0
    return costs


def differences(folder: Path, other: Path) -> list[str]:
    """What is not the same in two trainings that came to their end."""
    runs = [place / "runs_all" / "preempted" for place in (folder, other)]
    ours, theirs = map(rows_of, runs)
    found = [] if list(ours) == sorted(ours) == sorted(theirs) else ["the iterations of metrics.jsonl"]
    found += [f"metrics of iteration {row}" for row in theirs if ours.get(row) != theirs[row]]
    first, second = (
        checkpoints.load(run / "nn" / "checkpoint_last.pth", torch.device("cpu")) for run in runs
    )
    parts = ("iteration", "env_steps", "learner", "env", "monitor", "rng")
    found += [part for part in parts if not equal(getattr(first, part), getattr(second, part))]
    lines = [(run / "metrics.jsonl").read_text(encoding="utf-8").splitlines() for run in runs]
    found += [] if len(lines[0]) == len(lines[1]) else ["lines that are doubled or missing"]
    folders = [path.name for path in (folder / "runs_all").iterdir() if path.is_dir()]
    return found + ([] if folders == ["preempted"] else [f"run folders {folders}"])


def main() -> int:
    """Print what each preemption cost and what differs in the end; 1 where anything does."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--iterations", type=int, default=600)
    results.add_option(parser, "preemption")
    options = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    with tempfile.TemporaryDirectory() as name:
        folder, other = Path(name, "preempted"), Path(name, "straight")
        for place in (folder, other):
            place.mkdir()
        began = time.perf_counter()
        alone = start(other, options.iterations)
        assert alone.wait() == 0
        straight = time.perf_counter() - began
        costs = preempt(folder, options.kills, options.iterations)
        found = differences(folder, other)
    figures: dict[str, Any] = {"kills": options.kills, "iterations": options.iterations, "interval": INTERVAL}
    figures.update(straight_seconds=round(straight, 1), different=found)
    for name in ("SIGTERM", "SIGKILL"):
        mine = [cost for cost in costs if cost["signal"] == name]
        figures[name] = {
            "median_seconds": round(median(cost["seconds"] for cost in mine), 1),
            "most_seconds": round(max(cost["seconds"] for cost in mine), 1),
            "most_repeated": max(cost["repeated"] for cost in mine),
        }
    print(figures)
    if options.save:
        results.save(options.save, figures)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
