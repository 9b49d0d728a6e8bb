"""env-steps/s of every installed simulator on rlkit's own tasks, beside Gymnasium on the same models.

All repeat the same recorded stretch of random-action training in rounds that alternate between them; figures are
medians over the rounds. benchmarks/sims_contestants.py says what is done in each stage, docs/benchmarks.md what it
means. Words of the form key=value override the configuration, e.g. physics=fast.

    python -m benchmarks.sims                                            # about four minutes on two cores
    python -m benchmarks.sims --device cuda --envs 1024 4096 8192
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Dict, List, Sequence

from rlkit.sims.registry import SIMULATORS

if TYPE_CHECKING:
    from benchmarks.sims_compile import CompileTime
    from benchmarks.sims_race import Row
    from rlkit.config import Experiment

TASKS = ("BoxGrasping", "HumanoidWalk", "PickCube")
CPU_ENVS, CUDA_ENVS = (64,), (1024, 4096, 8192)
BUFFER_STEPS = 256  # of replay: enough to draw from; how long it is does not change the time of an update
MAX_OUTSIDE = 0.20  # share of a step with policy that is not physics, on CUDA
MAX_COMPILE = 60.0  # s, MJX on BoxGrasping


def main() -> None:
    """Measure, then print one table or JSON."""
    args, overrides = _arguments()
    # Imported late: the peer's processes import this file again, and need none of it.
    from rlkit.config import ConfigError
    from rlkit.config.machine import Machine

    device = args.device or ("cuda" if Machine.detect().cuda_devices else "cpu")
    sims = args.sims or installed()
    load = os.getloadavg()[0]
    try:
        results, notes = measure(args, sims, device, overrides)
    except ConfigError as error:
        sys.exit(str(error))
    compiled = [] if args.skip_compile else compile_times(sims, args.tasks, device)
    setting = f"{device}, {os.cpu_count()} cores, load {load:.1f} at the start; " + hand_over(device)
    if args.json:
        rows = [asdict(row) for row in results]
        parts = {"setting": setting, "rows": rows, "compile": [asdict(c) for c in compiled], "notes": notes}
        print(json.dumps(parts, indent=2))
    else:
        show(setting, results, compiled, notes, device)


def _arguments() -> Any:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.sims",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--tasks", nargs="+", default=list(TASKS))
    parser.add_argument("--sims", nargs="+", choices=SIMULATORS, help="default: all that are installed")
    parser.add_argument("--envs", type=int, nargs="+", help="default: 64 on the CPU, 1024 4096 8192 on CUDA")
    parser.add_argument("--device", help="cpu or cuda; default: cuda where there is one")
    parser.add_argument("--seconds", type=float, default=20.0, help="of racing, per task and number of envs")
    parser.add_argument("--skip-compile", action="store_true", help="do not time compilation")
    parser.add_argument("--json", action="store_true", help="print JSON instead of the tables")
    # Apart, as a list of names would take the words behind it
    overrides = [word for word in sys.argv[1:] if "=" in word and not word.startswith("-")]
    return parser.parse_args([word for word in sys.argv[1:] if word not in overrides]), overrides


def installed() -> List[str]:
    """The simulators whose packages are here, MuJoCo first."""
    from rlkit.config.machine import Machine

    here = Machine.detect().simulators
    return [name for name in SIMULATORS if name in here]


def compile_times(sims: Sequence[str], tasks: Sequence[str], device: str) -> List[CompileTime]:
    """Of the simulators that compile, on the first task."""
    from benchmarks.sims_compile import COMPILING, compile_time

    num_envs = (CUDA_ENVS if device == "cuda" else CPU_ENVS)[0]
    return [compile_time(sim, tasks[0], num_envs, device) for sim in sims if sim in COMPILING]


def measure(
    args: Any, sims: Sequence[str], device: str, overrides: Sequence[str]
) -> tuple[List[Row], List[str]]:
    """The rows of all tasks and numbers of envs, and what could not take part, with the reason."""
    import torch

    results: List[Row] = []
    notes: List[str] = []
    torch.set_float32_matmul_precision("high")
    for task in args.tasks:
        for num_envs in args.envs or (CUDA_ENVS if device == "cuda" else CPU_ENVS):
            found, missing = measure_one(task, num_envs, sims, device, overrides, args.seconds)
            results += found
            notes += [note for note in missing if note not in notes]
    return results, notes


def measure_one(
    task: str, num_envs: int, sims: Sequence[str], device: str, overrides: Sequence[str], seconds: float
) -> tuple[List[Row], List[str]]:
    """One race: the simulators in their stages, and the peer."""
    import torch

    from benchmarks.sims_contestants import (
        GymPeer,
        PolicyStage,
        Rig,
        Runner,
        SimulatorStage,
        TrainingStage,
    )
    from benchmarks.sims_race import race, rows
    from benchmarks.sims_work import record
    from rlkit.config import ConfigError
    from rlkit.sims.api import SimulatorError

    reference = request(task, "mujoco", num_envs, "cpu", overrides)
    torch.set_num_threads(reference.training.threads)
    torch.manual_seed(0)
    stretch = record(reference, num_envs)
    runners: List[Runner] = []
    first_steps: Dict[str, float] = {}
    notes: List[str] = []
    for sim in sims:
        try:
            rig = Rig(request(task, sim, num_envs, device, overrides), stretch)
        except (ConfigError, SimulatorError, ImportError) as error:
            notes.append(f"{sim} does not run {task}: {error}")
            continue
        first_steps[sim] = rig.first_step
        runners += [stage(sim, rig) for stage in (SimulatorStage, PolicyStage, TrainingStage)]
    runners.append(GymPeer(stretch))
    try:
        turns = race(runners, stretch.integrator_steps, seconds)
        return rows(task, runners, turns, first_steps, stretch.integrator_steps), notes
    finally:
        for runner in runners:
            runner.close()


def request(task: str, sim: str, num_envs: int, device: str, overrides: Sequence[str]) -> Experiment:
    """What `python train.py` would build for FastTD3, but for a short replay buffer that learns at once."""
    from rlkit.config import compose

    learner = [f"train={task}FastTD3", "train.learning_starts=1", f"train.buffer_size={BUFFER_STEPS}"]
    return compose(
        [f"task={task}", f"sim={sim}", f"numEnvs={num_envs}", f"device={device}", *learner, *overrides]
    )


def show(
    setting: str, results: Sequence[Row], compiled: Sequence[CompileTime], notes: Sequence[str], device: str
) -> None:
    """One table: a row a contestant, a column a stage."""
    from rich.console import Console
    from rich.table import Table

    stages = ("simulator", "+ policy", "+ training")
    table = Table(title="env-steps/s", title_justify="left", caption=setting, caption_justify="left")
    table.add_column("task, envs")
    table.add_column("what is stepped")
    for name in (stages[0], "÷ Gymnasium", "÷ mujoco", *stages[1:], "outside physics", "first step"):
        table.add_column(name, justify="right")
    before = ""
    for row in results:
        group = f"{row.task}, {row.integrator_steps} integrator steps"
        if group != before:
            table.add_section()
        table.add_row(
            group if group != before else "",
            f"{row.what}, {row.num_envs} envs",
            rate(row, stages[0]),
            f"{row.to_peer:.2f}" if row.to_peer else "",
            f"{row.to_mujoco:.3f}" if row.to_mujoco else "",
            *(rate(row, stage) for stage in stages[1:]),
            outside(row, device),
            f"{row.first_step:.1f} s" if row.first_step else "",
        )
        before = group
    console = Console()
    console = console if console.is_terminal else Console(width=150)
    console.print(table)
    for one in compiled:
        mark = verdict(one.cold < MAX_COMPILE) if (one.sim, one.task) == ("mjx", "BoxGrasping") else ""
        console.print(
            f"{one.sim}, {one.task}, {one.num_envs} envs: {one.cold:.1f} s from nothing to the first step with an"
            f" empty cache{mark}, {one.cached:.1f} s the second time"
        )
    for note in notes:
        console.print(note, markup=False)


def rate(row: Row, stage: str) -> str:
    """env-steps/s, with a digit after the point where they are few."""
    value = row.rates.get(stage)
    return "" if value is None else f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


def outside(row: Row, device: str) -> str:
    """Share of the time outside physics under a policy and in training; on CUDA with the verdict."""
    if "+ policy" not in row.outside:
        return ""
    share = row.outside["+ policy"]
    mark = verdict(share < MAX_OUTSIDE) if device == "cuda" else ""
    return f"{share:.0%}{mark}, {row.outside['+ training']:.0%}"


def verdict(reached: bool) -> str:
    """A mark where a target applies."""
    return " ✓" if reached else " ✗"


def hand_over(device: str) -> str:
    return ""


if __name__ == "__main__":
    main()
