"""Does it learn, and how fast: runs of `train.py` with several seeds and learners, a table, and their curves as a PNG.

    python -m benchmarks.learning task=BoxGrasping --seeds 0 1 2 --out docs/images/box_grasping.png
    python -m benchmarks.learning task=Gym env.id=HalfCheetah-v5 --reach return=2000 --peers TD3 PPO --out curves.png \\
        --variants "FastTD3: train=GymFastTD3 training.evalInterval=10" "PPO: train=GymPPO training.evalInterval=10"
    python -m benchmarks.learning --runs runs_all/A runs_all/B --out curves.png     # draw what exists
    python -m benchmarks.learning --runs "AMP, seed 0=runs_all/A" --reach near=0.25 --out curves.png
    python -m benchmarks.learning --draw curves.json --out curves.png               # once more, from what is beside it

    python -m benchmarks.learning task=Gym env.id=HalfCheetah-v5 numEnvs=16 training.evalEnvs=4 --seeds 0 1 2 3 4 \\
        --reach return=2000 --save half_cheetah --out docs/images/half_cheetah.png --variants \\
        "FastTD3: train=GymFastTD3 maxIter=120 training.evalInterval=10" \\
        "PPO: train=GymPPO maxIter=250 training.evalInterval=10"    # broken off and typed again, it goes on

    python -m benchmarks.learning task=TrackMotion --seeds 0 1 2 --reach error_global=0.1 error_global=0.05 \\
        --save track_walk --out docs/images/track_walk.png          # errors, of which less is better

Each run is the real command in a process of its own, one after another; afterwards its best checkpoint is tested with
64 envs × 2 episodes, deterministic. Times are of training alone (`wall_time` in metrics.jsonl), without evaluations.
Curves are of evaluations where a run has them (training.evalInterval), else of the episodes while exploring. Peers are
Stable-Baselines3's algorithms on the same Gymnasium environment, in this process, evaluated as often.
"""

from __future__ import annotations

import argparse
import json
import math
import shlex
import statistics
import subprocess
import sys
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Callable, Iterator, Sequence, Tuple

from rich.console import Console
from rich.table import Table

from benchmarks import results
from benchmarks.metric_lines import read_metrics
from rlkit.workspace import list_runs, write_atomic

ROOT = Path(__file__).parents[1]
Level = Tuple[str, float]
_ERROR = (
    "error_"  # facts of episodes whose names begin so are better the less they are, if all of it was played
)
_DISTANCES = ("near", "cover")  # and so are these of a style, however long the episode


@dataclass
class Curve:
    """Success and return of one run, by env-steps and by seconds of training.

    errors: by name, of evaluations that have any, distances among them. An error is infinite where not every episode
    was a success, since a short episode has little time to go astray.
    """

    name: str
    evaluated: bool = False
    seconds: list[float] = field(default_factory=list)
    steps: list[int] = field(default_factory=list)
    success: list[float] = field(default_factory=list)
    returns: list[float] = field(default_factory=list)
    tested: str = "-"
    errors: dict[str, list[float]] = field(default_factory=dict)

    @property
    def variant(self) -> str:
        """The name without the seed."""
        return self.name.partition(", seed")[0]

    def add(self, seconds: float, steps: int, success: float, mean_return: float) -> None:
        """One more point."""
        self.seconds.append(seconds)
        self.steps.append(steps)
        self.success.append(success)
        self.returns.append(mean_return)

    def reached(self, level: Level) -> str:
        """Seconds and env-steps until the measure first was at the level."""
        first = self.first(level)
        return "-" if first is None else f"{self.seconds[first]:.0f} s, {self.steps[first]:,}"

    def first(self, level: Level) -> int | None:
        """The first point that is at least at the level, with an error at most; None where none is."""
        name, wanted = level
        if _less_is_better(name):
            values = self.errors.get(name, [])
            return next((i for i, value in enumerate(values) if value <= wanted), None)
        values = self.success if name == "success" else self.returns
        return next((i for i, value in enumerate(values) if value >= wanted), None)


def _less_is_better(name: str) -> bool:
    return name.startswith(_ERROR) or name in _DISTANCES


def read_curve(run: Path, name: str = "", window: int = 128) -> Curve:
    """The run's evaluations; without any, means over the latest `window` episodes at least, as they are displayed."""
    rows = read_metrics(run / "metrics.jsonl")
    curve = Curve(name or run.name, evaluated=any("eval/return" in row for row in rows))
    recent: list[dict[str, float]] = []
    for row in rows:
        if curve.evaluated:
            if "eval/return" in row:
                point = (row["wall_time"], int(row["env_steps"]), row["eval/success"], row["eval/return"])
                curve.add(*point)
                for name in filter(
                    _less_is_better, (key[len("eval/") :] for key in row if key.startswith("eval/"))
                ):
                    whole = name in _DISTANCES or row["eval/success"] == 1.0
                    curve.errors.setdefault(name, []).append(row[f"eval/{name}"] if whole else math.inf)
            continue
        if not row.get("episode/count"):
            continue
        recent.append(row)
        while sum(r["episode/count"] for r in recent[1:]) >= window:
            recent.pop(0)
        count = sum(r["episode/count"] for r in recent)
        success = sum(r["episode/success"] * r["episode/count"] for r in recent) / count
        mean_return = sum(r["episode/return"] * r["episode/count"] for r in recent) / count
        curve.add(row["wall_time"], int(row["env_steps"]), success, mean_return)
    return curve


def train_and_test(words: list[str], seed: int) -> Path:
    """Train with `seed`, test the best checkpoint; returns the run's folder."""
    before = {row.path for row in list_runs(Path())}
    run([*words, f"seed={seed}"])
    new = [row for row in list_runs(Path()) if row.path not in before]
    path = Path(new[0].path)
    run(["test=true", f"checkpoint={path}:best", "numEnvs=64", "testing.episodesPerEnv=2"])
    return path


def run(words: list[str]) -> None:
    """One command, its output passed on."""
    print("$ python train.py", *words, flush=True)
    subprocess.run([sys.executable, str(ROOT / "train.py"), *words], check=True)


def tested(path: Path) -> str:
    """Success rate, or return where nothing succeeds, of the newest finished test of a run."""
    found = []
    for row in list_runs(Path()):
        results = Path(row.path) / "metrics.json"
        if results.exists():
            content = json.loads(results.read_text(encoding="utf-8"))
            if f"/{path.name}/" in content["checkpoint"]:
                found.append((results.stat().st_mtime, content["success_rate"], content["return"]["mean"]))
    if not found:
        return "-"
    _, success, mean_return = max(found)
    return f"{100 * success:.1f}%" if success else f"{mean_return:,.0f}"


def show(curves: list[Curve], levels: list[Level]) -> None:
    """The table."""
    measured = "evaluations" if all(curve.evaluated for curve in curves) else "exploring episodes"
    table = Table(title=f"training time and env-steps until a level is reached by {measured}")
    table.add_column("run")
    columns = [f"{name} {level:g}" for name, level in levels]
    for column in ("env-steps", "seconds", *columns, "best tested"):
        table.add_column(column, justify="right")
    for curve in curves:
        reached = [curve.reached(level) for level in levels]
        total = f"{curve.steps[-1]:,}" if curve.steps else "-"
        seconds = f"{curve.seconds[-1]:.0f}" if curve.seconds else "-"
        table.add_row(curve.name, total, seconds, *reached, curve.tested)
    Console(soft_wrap=True).print(table)


def spread(curves: list[Curve], levels: list[Level]) -> dict[str, Any]:
    """By variant: each seed's seconds and env-steps to each level, best return and test; medians and extremes.

    A seed that did not get there counts as later than all that did: a median of None says that most did not.
    """
    found: dict[str, Any] = {}
    for variant in dict.fromkeys(curve.variant for curve in curves):
        of_variant = [curve for curve in curves if curve.variant == variant]
        entry: dict[str, Any] = {"seeds": len(of_variant), "tested": [curve.tested for curve in of_variant]}
        entry["best return"] = _middle([max(curve.returns, default=-math.inf) for curve in of_variant])
        for error in dict.fromkeys(name for name, _ in levels if _less_is_better(name)):
            entry[f"least {error}"] = _middle([min(c.errors.get(error, [math.inf])) for c in of_variant], 4)
        for name, value in levels:
            firsts = [(curve, curve.first((name, value))) for curve in of_variant]
            for what in ("seconds", "steps"):
                reached = [math.inf if at is None else getattr(curve, what)[at] for curve, at in firsts]
                entry[f"{what} to {name} {value:g}"] = _middle(reached)
        found[variant] = entry
    return found


def _middle(values: Sequence[float], digits: int = 1) -> dict[str, Any]:
    """Median, least and greatest, and each; None where it was not reached."""
    ordered = sorted(values)
    named = {"median": statistics.median_high(ordered), "least": ordered[0], "greatest": ordered[-1]}
    plain = {name: _finite(value, digits) for name, value in named.items()}
    return {**plain, "each": [_finite(value, digits) for value in values]}


def _finite(value: float, digits: int) -> float | None:
    return round(value, digits) if math.isfinite(value) else None


def draw(curves: list[Curve], out: Path, title: str, shown: Sequence[str] = ()) -> None:
    """Success, return and errors over minutes of training, a line a run, a colour a variant; what there is of them.

    shown: the errors that are drawn.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt
    from matplotlib.lines import Line2D

    succeeds = int(any(any(curve.success) for curve in curves))
    errors = list(dict.fromkeys(name for curve in curves for name in curve.errors if name in shown))
    columns = succeeds + 1 + len(errors)
    size = (4.5 + 2.5 * columns, 3.2)
    figure, axes = plt.subplots(1, columns, figsize=size, layout="constrained", squeeze=False)
    variants = list(dict.fromkeys(curve.variant for curve in curves))
    for curve in curves:
        look = {"color": f"C{variants.index(curve.variant)}", "linewidth": 1.4}
        minutes = [s / 60 for s in curve.seconds]
        if succeeds:
            axes[0, 0].plot(minutes, [100 * s for s in curve.success], **look)
        axes[0, succeeds].plot(minutes, curve.returns, **look)
        for axis, error in zip(axes[0, succeeds + 1 :], errors):
            axis.plot(minutes, curve.errors.get(error, [math.inf] * len(minutes)), **look)
    if succeeds:
        axes[0, 0].set(ylabel="success, %", ylim=(-2, 102))
    axes[0, succeeds].set(ylabel="return")
    for axis, error in zip(axes[0, succeeds + 1 :], errors):
        axis.set(ylabel=error)
        axis.set_ylim(bottom=0.0)
    for axis in axes[0]:
        axis.set_xlabel("minutes of training")
        axis.grid(alpha=0.25)
        axis.spines[["top", "right"]].set_visible(False)
    lines = [Line2D([], [], color=f"C{i}", linewidth=1.4) for i in range(len(variants))]
    figure.legend(lines, variants, fontsize=8, frameon=False, loc="outside right center")
    figure.suptitle(title, fontsize=10)
    out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(str(out), dpi=110)
    print(f"wrote {out}")


def level(text: str) -> Level:
    """`return=2000`, `success=0.9`, `error_global=0.05` or `near=0.25`."""
    name, _, value = text.partition("=")
    if name not in ("success", "return") and not _less_is_better(name):
        raise argparse.ArgumentTypeError(
            f"{text}: write return=2000, success=0.9, error_global=0.05 or near=0.25"
        )
    return name, float(value)


def main() -> None:
    """Parse, train and test unless runs are given, show and draw."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("words", nargs="*", help="as for train.py, e.g. task=BoxGrasping")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument(
        "--variants", nargs="+", default=[""], help="further words of each contestant, quoted"
    )
    parser.add_argument("--reach", nargs="+", type=level, default=[("success", 0.5), ("success", 0.9)])
    parser.add_argument(
        "--peers", nargs="+", default=[], help="TD3, PPO, SAC of Stable-Baselines3 (task=Gym)"
    )
    parser.add_argument(
        "--peer-seconds", type=float, default=300.0, help="of training, for each peer at most"
    )
    parser.add_argument("--runs", nargs="+", help="draw these, FOLDER or NAME=FOLDER, instead of training")
    parser.add_argument("--draw", type=Path, help="draw the curves of this file instead of training")
    parser.add_argument("--out", type=Path, default=Path("curves.png"))
    parser.add_argument("--title", default="")
    results.add_option(parser, "learning")
    options = parser.parse_args()
    if options.draw:
        curves = [Curve(**fields) for fields in json.loads(options.draw.read_text(encoding="utf-8"))]
    elif options.runs:
        curves = [
            _read(Path(folder), name) for name, _, folder in (run.rpartition("=") for run in options.runs)
        ]
    else:
        curves = _trained(options)
    show(curves, options.reach)
    draw(curves, options.out, options.title or " ".join(options.words), [name for name, _ in options.reach])
    if options.save:
        results.save(options.save, spread(curves, options.reach))


def _trained(options: argparse.Namespace) -> list[Curve]:
    """All runs, each kept as soon as it is done: the same command goes on where it was broken off."""
    kept = options.out.with_suffix(".json")
    begun = kept.with_suffix(".begun.json")
    asked = [options.words, options.variants, options.peers]
    content = json.loads(begun.read_text(encoding="utf-8")) if begun.exists() else {}
    done = {item["name"]: Curve(**item) for item in content.get("curves", []) if content["asked"] == asked}
    for name, make in (job for seed in options.seeds for job in _jobs(options, seed)):
        if name not in done:
            done[name] = make()
            text = json.dumps({"asked": asked, "curves": [asdict(curve) for curve in done.values()]})
            begun.parent.mkdir(parents=True, exist_ok=True)
            write_atomic(begun, text)
    write_atomic(kept, json.dumps([asdict(curve) for curve in done.values()]))
    begun.unlink(missing_ok=True)
    return list(done.values())


def _jobs(options: argparse.Namespace, seed: int) -> Iterator[tuple[str, Callable[[], Curve]]]:
    """(name, what trains it) of every variant and every peer with one seed."""
    for variant in options.variants:
        given, colon, more = variant.partition(": ")
        words = [*options.words, *shlex.split(more if colon else variant)]
        name = f"{given if colon else 'rlkit'}, seed {seed}"
        yield name, partial(_trained_here, words, seed, name)
    for peer in options.peers:
        yield (
            f"Stable-Baselines3 {peer}, seed {seed}",
            partial(_peer, peer, options.words, seed, options.reach, options.peer_seconds),
        )


def _trained_here(words: list[str], seed: int, name: str) -> Curve:
    return _read(train_and_test(words, seed), name)


def _read(path: Path, name: str) -> Curve:
    curve = read_curve(path, name)
    curve.tested = tested(path)
    return curve


def _peer(name: str, words: list[str], seed: int, levels: list[Level], seconds: float) -> Curve:
    from benchmarks.stable_baselines import learn

    (env_id,) = [word.partition("=")[2] for word in words if word.startswith("env.id=")]
    wanted: float | None = max((value for kind, value in levels if kind == "return"), default=None)
    curve = Curve(f"Stable-Baselines3 {name}, seed {seed}", evaluated=True)
    for point in learn(name, env_id, seed=seed, until=wanted, seconds=seconds):
        curve.add(point.seconds, point.steps, 0.0, point.mean_return)
    return curve


if __name__ == "__main__":
    main()
