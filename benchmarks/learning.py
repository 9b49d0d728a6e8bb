"""Does it learn, and how fast: runs of `train.py` with several seeds, a table, and their curves as a PNG.

    python -m benchmarks.learning task=BoxGrasping --seeds 0 1 2 --out docs/images/box_grasping.png
    python -m benchmarks.learning --runs runs_all/A runs_all/B --out curves.png     # draw what exists

Each run is the real command in a process of its own, one after another; afterwards its best checkpoint is tested with
64 envs × 2 episodes, deterministic. Times are of training alone (`wall_time` in metrics.jsonl).
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import List, Optional

from rich.console import Console
from rich.table import Table

from rlkit.runtime.metrics import read_metrics
from rlkit.workspace import list_runs

ROOT = Path(__file__).parents[1]
LEVELS = (0.5, 0.9)


@dataclass
class Curve:
    """Smoothed success and return of one run, by env-steps and by seconds of training."""

    name: str
    seconds: List[float]
    steps: List[int]
    success: List[float]
    returns: List[float]


def read_curve(run: Path, window: int = 128) -> Curve:
    """Means over the latest `window` episodes at least, as the progress display shows them."""
    curve = Curve(run.name, [], [], [], [])
    recent: List[dict[str, float]] = []
    for row in read_metrics(run / "metrics.jsonl"):
        if not row.get("episode/count"):
            continue
        recent.append(row)
        while sum(r["episode/count"] for r in recent[1:]) >= window:
            recent.pop(0)
        count = sum(r["episode/count"] for r in recent)
        curve.seconds.append(row["wall_time"])
        curve.steps.append(int(row["env_steps"]))
        curve.success.append(sum(r["episode/success"] * r["episode/count"] for r in recent) / count)
        curve.returns.append(sum(r["episode/return"] * r["episode/count"] for r in recent) / count)
    return curve


def reached(curve: Curve, level: float) -> Optional[float]:
    """Seconds until the success while exploring first was at least `level`."""
    return next((s for s, share in zip(curve.seconds, curve.success) if share >= level), None)


def train_and_test(words: List[str], seed: int) -> Path:
    """Train with `seed`, test the best checkpoint; returns the run's folder."""
    before = {row.path for row in list_runs(Path())}
    run([*words, f"seed={seed}"])
    new = [row for row in list_runs(Path()) if row.path not in before]
    path = Path(new[0].path)
    run(["test=true", f"checkpoint={path}:best", "numEnvs=64", "testing.episodesPerEnv=2"])
    return path


def run(words: List[str]) -> None:
    """One command, its output passed on."""
    print("$ python train.py", *words, flush=True)
    subprocess.run([sys.executable, str(ROOT / "train.py"), *words], check=True)


def tested_success(path: Path) -> Optional[float]:
    """Success rate of the newest finished test of a run."""
    rates = []
    for row in list_runs(Path()):
        results = Path(row.path) / "metrics.json"
        if results.exists():
            content = json.loads(results.read_text(encoding="utf-8"))
            if f"/{path.name}/" in content["checkpoint"]:
                rates.append((results.stat().st_mtime, content["success_rate"]))
    return max(rates)[1] if rates else None


def show(paths: List[Path], curves: List[Curve]) -> None:
    """The table."""
    table = Table(title="seconds of training until a share of the exploring episodes succeeds")
    levels = [f"{100 * level:.0f}%" for level in LEVELS]
    for column in ("run", "env-steps", "seconds", *levels, "best tested"):
        table.add_column(column, justify="right")
    for path, curve in zip(paths, curves):
        times = [reached(curve, level) for level in LEVELS]
        tested = tested_success(path)
        table.add_row(
            curve.name,
            f"{curve.steps[-1]:,}",
            f"{curve.seconds[-1]:.0f}",
            *("-" if t is None else f"{t:.0f}" for t in times),
            "-" if tested is None else f"{100 * tested:.1f}%",
        )
    Console(soft_wrap=True).print(table)


def draw(curves: List[Curve], out: Path, title: str) -> None:
    """Success and return over minutes of training, one line a run."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(9, 3.2), layout="constrained")
    for curve in curves:
        minutes = [s / 60 for s in curve.seconds]
        axes[0].plot(minutes, [100 * s for s in curve.success], label=curve.name, linewidth=1.4)
        axes[1].plot(minutes, curve.returns, linewidth=1.4)
    axes[0].set(ylabel="success while exploring, %", ylim=(-2, 102))
    axes[0].legend(fontsize=7, frameon=False)
    axes[1].set(ylabel="return")
    for axis in axes:
        axis.set_xlabel("minutes of training")
        axis.grid(alpha=0.25)
        axis.spines[["top", "right"]].set_visible(False)
    figure.suptitle(title, fontsize=10)
    out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(str(out), dpi=110)
    print(f"wrote {out}")


def main() -> None:
    """Parse, train and test unless runs are given, show and draw."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("words", nargs="*", help="as for train.py, e.g. task=BoxGrasping")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--runs", nargs="+", type=Path, help="draw these instead of training")
    parser.add_argument("--out", type=Path, default=Path("curves.png"))
    parser.add_argument("--title", default="")
    options = parser.parse_args()
    paths = options.runs or [train_and_test(options.words, seed) for seed in options.seeds]
    curves = [read_curve(path) for path in paths]
    show(paths, curves)
    draw(curves, options.out, options.title or " ".join(options.words))


if __name__ == "__main__":
    main()
