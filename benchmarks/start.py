"""CPU-seconds of a start, from Enter to the end of the first iteration, and of requests that start nothing.

    python -m benchmarks.start [--rounds 5] [--save]

CPU time of the whole process and its children, medians over the rounds: other users of the machine sway it little.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks import results

ROOT = Path(__file__).parents[1]
TRAIN = [sys.executable, str(ROOT / "train.py")]
RLKIT = [sys.executable, "-m", "rlkit.cli"]
STARTS: dict[str, list[str]] = {
    "import torch": [sys.executable, "-c", "import torch"],
    "wrong key": [*TRAIN, "numEnv=8"],
    "wrong combination": [*TRAIN, "numEnvs=8", "train.minibatch_size=1000"],
    "rlkit runs": [*RLKIT, "runs"],
    "PPO, first iteration": [*TRAIN, "task=BaseTask", "numEnvs=8", "maxIter=1"],
    "FastTD3, first iteration": [
        *TRAIN,
        *[
            "train=BaseTaskFastTD3",
            "numEnvs=8",
            "maxIter=3",
            "train.horizon_length=4",
            "training.evalInterval=0",
        ],
    ],
}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    results.add_option(parser, "start")
    options = parser.parse_args()
    seconds: dict[str, list[float]] = {name: [] for name in STARTS}
    with tempfile.TemporaryDirectory() as folder:
        for number in range(
            options.rounds + 1
        ):  # the first round warms the disk's cache, and the machine's memory
            for name, command in STARTS.items():
                spent = cpu_seconds(command, Path(folder))
                if number:
                    seconds[name].append(spent)
    medians = {name: round(statistics.median(values), 2) for name, values in seconds.items()}
    for name, median in medians.items():
        print(f"{name:<26}{median:6.2f} CPU-seconds")
    if options.save:
        results.save(options.save, {"CPU-seconds": medians})


def cpu_seconds(command: list[str], folder: Path) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, cwd=folder, capture_output=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


if __name__ == "__main__":
    main()
