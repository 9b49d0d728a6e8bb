"""All that waits for a GPU, in one command of under 8 minutes: `python -m benchmarks.gpu`.

Each part is a command of its own that may take so many seconds; what it prints is shown as it comes, and what it
measured is kept in benchmarks/results/gpu.json as soon as it ends. Broken off and typed again it goes on with the
parts that are not there yet; --again measures them anew. At the end docs/benchmarks_gpu.md is written.

    python -m benchmarks.gpu
    python -m benchmarks.gpu --parts turn ranks --again
    python -m benchmarks.gpu --device cpu --quick --out /tmp/gpu    # that the parts run; its figures mean nothing
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from datetime import date
from pathlib import Path
from typing import Any, Callable, Mapping, NamedTuple, Sequence

from benchmarks import results
from rlkit.workspace import write_atomic

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "benchmarks_gpu.md"
START, END = "<!-- figures: written by python -m benchmarks.gpu -->", "<!-- end of gpu figures -->"
_RUN = re.compile(r"^run (\S+)$", re.MULTILINE)  # as a training says where it writes
_GRACE = 15.0  # s that a part has to end in after its time is over


class Part(NamedTuple):
    """One command. words: of Python, for a device, quick or not. seconds: it is ended after. read: what it measured,
    from what it printed.
    """

    title: str
    seconds: float
    words: Callable[[str, bool], list[str]]
    read: Callable[[str], Any]


def main() -> int:
    """Run the parts that are not there yet, then write the page; 0 where all of them are there."""
    args = _arguments()
    if args.device == "cuda" and not _has_cuda():
        print(
            "python -m benchmarks.gpu: torch sees no GPU here; --device cpu --quick tries the parts on the CPU"
        )
        return 2
    folder = Path(args.out) if args.out else results.FOLDER
    kept = folder / "gpu.json"
    found = json.loads(kept.read_text(encoding="utf-8")) if kept.is_file() else {}
    for name in args.parts:
        if name in found and not args.again:
            print(f"{name}: is there already, of {found[name]['date']} (--again measures it anew)")
            continue
        found[name] = _run(name, PARTS[name], args.device, args.quick)
        folder.mkdir(parents=True, exist_ok=True)
        write_atomic(kept, json.dumps(found, indent=1) + "\n")
    text = "\n".join(_section(name, found[name]) for name in PARTS if name in found)
    page = folder / PAGE.name if args.out else PAGE
    write_atomic(page, _page(PAGE.read_text(encoding="utf-8"), text))
    print(f"\n{text}\nwrote {kept} and {page}")
    return int(any("failed" in found.get(name, {"failed": ""}) for name in args.parts))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--parts", nargs="+", choices=[*PARTS], default=[*PARTS], help="default: all")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--quick", action="store_true", help="small and short: to try whether they run")
    parser.add_argument("--again", action="store_true", help="measure what is there already, too")
    parser.add_argument("--out", help="a folder for the figures and the page, in place of the repository's")
    return parser.parse_args()


def _has_cuda() -> bool:
    import torch

    return torch.cuda.is_available()


# Running.


def _run(name: str, part: Part, device: str, quick: bool) -> dict[str, Any]:
    """What a part measured, or how it failed; what it prints is shown as it comes."""
    print(f"\n== {name}: {part.title} (at most {part.seconds:.0f} s)", flush=True)
    words, started = part.words(device, quick), time.perf_counter()
    code, text = _shown([sys.executable, *words], part.seconds)
    about: dict[str, Any] = {
        "title": part.title,
        "command": " ".join(["python", *words]),
        "date": date.today().isoformat(),
        "device": _device(device),
        "seconds": round(time.perf_counter() - started),
    }
    try:
        return {**about, "figures": part.read(text)}
    except (OSError, ValueError, KeyError, IndexError) as error:
        last = (text.strip().splitlines() or ["nothing was printed"])[-1].strip()
        ended = f"ended after {part.seconds:.0f} s" if code < 0 else f"status {code}"
        return {**about, "failed": f"{ended}: {last[:200]} ({type(error).__name__})"}


def _shown(words: Sequence[str], seconds: float) -> tuple[int, str]:
    """Status (negative where time ran out) and output of a command that is shown while it runs."""
    env = {**os.environ, "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(
        words,
        cwd=ROOT,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    over = threading.Event()

    def end() -> None:
        over.set()
        os.killpg(process.pid, signal.SIGTERM)
        time.sleep(_GRACE)
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()
    lines = []
    assert process.stdout is not None
    with process.stdout as printed:
        for line in printed:
            lines.append(line)
            print("  " + line, end="", flush=True)
    code = process.wait()
    timer.cancel()
    return (-1 if over.is_set() else code), "".join(lines)


def _device(device: str) -> str:
    if device == "cpu":
        return results.processor()
    import torch

    return f"one {torch.cuda.get_device_name(0)}"


# Parts.


def _turn(device: str, quick: bool) -> list[str]:
    batches = ["64"] if quick else ["1024", "4096", "8192", "32768"]
    rounds = ["--rounds", "1", "--seconds", "0.1"] if quick else ["--rounds", "3", "--seconds", "0.4"]
    return ["-m", "benchmarks.fast_td3", "--device", device, "--batches", *batches, *rounds, "--json"]


def _sims(device: str, quick: bool) -> list[str]:
    sizes = ["4"] if quick else ["1024", "4096", "8192"]
    tasks = ["BoxGrasping"] if quick else ["BoxGrasping", "HumanoidWalk"]
    sims = ["mujoco"] if quick else ["warp", "mjx"]
    seconds = "1" if quick else "6"
    return [
        *("-m", "benchmarks.sims", "--device", device, "--sims", *sims, "--tasks", *tasks, "--envs", *sizes),
        *("--seconds", seconds, "--skip-compile", "--json"),
    ]


def _ppo(device: str, quick: bool) -> list[str]:
    size, iterations = ("16", "2") if quick else ("4096", "20")
    return [
        *("-m", "benchmarks.ppo", "--device", device, "--num-envs", size, "--iterations", iterations),
        *("--units", "512", "256", "128", "--json"),
    ]


def _learn(task: str, until: str, *words: str) -> Callable[[str, bool], list[str]]:
    def command(device: str, quick: bool) -> list[str]:
        size = ["numEnvs=8", "maxIter=2", "sim=mujoco"] if quick else [*words, f"until={until}"]
        return ["train.py", f"task={task}", f"device={device}", *size]

    return command


def _ranks(device: str, quick: bool) -> list[str]:
    return ["-m", "benchmarks.one_rank", "--device", device, "--iterations", "2" if quick else "20"]


def _json_in(text: str) -> Any:
    """The JSON that stands last in what was printed."""
    return json.loads(text[text.index("\n{") if "\n{" in text else text.index("{") :])


def _learnt(text: str) -> Any:
    """How a training ended, from its run: env-steps, seconds of training, whether it reached its goal."""
    run = Path(_RUN.findall(text)[0])
    record = json.loads((run / "run.json").read_text(encoding="utf-8"))
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    last = rows[-1]
    return {
        "reached": record.get("reached") or "not reached",
        "env-steps": last["env_steps"],
        "seconds of training": round(last["wall_time"], 1),
        "env-steps/s": round(last["env_steps"] / last["wall_time"]),
    }


PARTS: dict[str, Part] = {
    "turn": Part("FastTD3's turn: as written, captured, and plain", 75, _turn, _json_in),
    "simulators": Part("simulators: step, with policy, with training", 190, _sims, _json_in),
    "ppo": Part("PPO's loop beside rl_games' own", 40, _ppo, _json_in),
    "ranks": Part("one rank through NCCL: PPO and FastTD3", 30, _ranks, _json_in),
    "box_grasping": Part(
        "BoxGrasping to 90 %", 70, _learn("BoxGrasping", "success>=0.9", "sim=warp", "numEnvs=4096"), _learnt
    ),
    "humanoid_walk": Part(
        "HumanoidWalk to 700",
        70,
        _learn("HumanoidWalk", "return>=700", "train=HumanoidWalkFastTD3", "sim=warp", "numEnvs=2048"),
        _learnt,
    ),
}


# The page.


def _page(page: str, text: str) -> str:
    head, _, rest = page.partition(START)
    _, _, tail = rest.partition(END)
    return f"{head}{START}\n\n{text}\n{END}{tail}"


def _section(name: str, part: Mapping[str, Any]) -> str:
    lines = [
        f"## {part['title']}",
        "",
        f"`{part['command']}`",
        "",
        f"*{part['date']}, {part['device']}, {part['seconds']} s.*",
        "",
    ]
    if "failed" in part:
        return "\n".join([*lines, f"Failed: {part['failed']}", ""])
    return "\n".join([*lines, *TABLES.get(name, _pairs)(part["figures"]), ""])


def _table(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> list[str]:
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    return lines + ["| " + " | ".join(_cell(value) for value in row) + " |" for row in rows]


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def _pairs(figures: Mapping[str, Any]) -> list[str]:
    return _table(["what", "value"], [(name, value) for name, value in figures.items()])


def _turn_rows(figures: Mapping[str, Any]) -> list[str]:
    rows = [
        (
            batch,
            contestant,
            *(values.get(key, "") for key in ("updates/s", "x plain", "launches a turn", "run")),
        )
        for batch, contestants in figures.items()
        if isinstance(contestants, dict)
        for contestant, values in contestants.items()
    ]
    return _table(["batch", "contestant", "updates/s", "x plain", "launches a turn"], rows)


def _sim_rows(figures: Mapping[str, Any]) -> list[str]:
    stages = [*dict.fromkeys(stage for row in figures["rows"] for stage in row["rates"])]
    rows = [
        (row["task"], row["what"], row["num_envs"], *(row["rates"].get(stage, "") for stage in stages),
         *(f"{100 * row['outside'][stage]:.0f} %" if stage in row["outside"] else "" for stage in stages))
        for row in figures["rows"]
    ]  # fmt: skip
    head = ["task", "what", "envs", *(f"{stage}, env-steps/s" for stage in stages)]
    lines = _table([*head, *(f"outside physics, {stage}" for stage in stages)], rows)
    copies = [f"{sim}: {'no copy' if same else 'A COPY'}" for sim, same in figures["pointers"].items()]
    return [
        *lines,
        "",
        f"Arrays that change hands with torch: {', '.join(copies) or 'none'}.",
        *figures["notes"],
    ]


def _nested(figures: Mapping[str, Any]) -> list[str]:
    rows = [(name, *values.values()) for name, values in figures["milliseconds"].items()]
    ratios = [f"{name}: {values['median']}" for name, values in figures["ratios"].items()]
    return [*_table(["milliseconds", "rollout", "update", "both"], rows), "", *ratios]


TABLES: dict[str, Callable[[Mapping[str, Any]], list[str]]] = {
    "turn": _turn_rows,
    "simulators": _sim_rows,
    "ppo": _nested,
}


if __name__ == "__main__":
    sys.exit(main())
