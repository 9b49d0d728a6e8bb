"""env-steps/s of every installed simulator on rlkit's own tasks, beside Gymnasium on the same models.

All repeat the same recorded stretch of random-action training in rounds that alternate between them; figures are
medians over the rounds. benchmarks/sims/contestants.py says what is done in each stage, docs/benchmarks.md what it
means. Words of the form key=value override the configuration, e.g. physics=fast.

    python -m benchmarks.sims   # about four minutes on two cores, once compiled
    python -m benchmarks.sims --device cuda --envs 1024 4096 8192
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rlkit.sims.facts import STEPPING

if TYPE_CHECKING:
    from benchmarks.sims.race import Row

TASKS = ("BoxGrasping", "HumanoidWalk", "PickCube")
CPU_ENVS, CUDA_ENVS = (64,), (1024, 4096, 8192)


def main() -> None:
    """Measure, then print one table or JSON."""
    args, overrides = _arguments()
    # Imported late: the peer's processes import this file again, and need none of it.
    from benchmarks.sims.compile import COMPILING, compile_time
    from benchmarks.sims.measure import measure
    from benchmarks.sims.pointers import shared
    from benchmarks.sims.table import show
    from rlkit.config import ConfigError

    setting = f"{args.device}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the start"
    races: list[list[Row]] = []
    notes: list[str] = []
    try:
        for task in args.tasks:
            for num_envs in args.envs:
                found, said = measure(task, num_envs, args.sims, args.device, overrides, args.seconds)
                races.append(found)
                notes += [note for note in said if note not in notes]
    except ConfigError as error:
        sys.exit(str(error))
    there = [sim for sim in args.sims if any(row.what == sim for race in races for row in race)]
    pointers = shared(there, args.device)
    compiled = [
        compile_time(sim, args.tasks[0], args.envs[0], args.device, overrides)
        for sim in there
        if sim in COMPILING and not args.skip_compile
    ]
    if args.json:
        parts = {
            "setting": setting,
            "rows": [asdict(row) for race in races for row in race],
            "pointers": pointers,
            "compile": [asdict(one) for one in compiled],
            "notes": notes,
        }
        print(json.dumps(parts, indent=2))
    else:
        show(setting, races, pointers, compiled, notes, args.device)


def _arguments() -> Any:
    from rlkit.config.facts.machine import Machine

    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.sims",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--tasks", nargs="+", default=list(TASKS))
    parser.add_argument("--sims", nargs="+", choices=STEPPING, help="default: all that are installed")
    parser.add_argument("--envs", type=int, nargs="+", help="default: 64 on the CPU, 1024 4096 8192 on CUDA")
    parser.add_argument("--device", choices=("cpu", "cuda"), help="default: cuda where there is one")
    parser.add_argument("--seconds", type=float, default=15.0, help="of racing, per task and number of envs")
    parser.add_argument("--skip-compile", action="store_true", help="do not time compilation")
    parser.add_argument("--json", action="store_true", help="print JSON instead of the tables")
    # Apart, as a list of names would take the words behind it
    overrides = [word for word in sys.argv[1:] if "=" in word and not word.startswith("-")]
    args = parser.parse_args([word for word in sys.argv[1:] if word not in overrides])
    machine = Machine.detect()
    args.device = args.device or ("cuda" if machine.cuda_devices else "cpu")
    args.envs = args.envs or (CUDA_ENVS if args.device == "cuda" else CPU_ENVS)
    args.sims = args.sims or [name for name in STEPPING if name in machine.simulators]
    return args, overrides


if __name__ == "__main__":
    main()
