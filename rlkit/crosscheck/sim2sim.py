"""`rlkit sim2sim`: a policy plays the same episodes on the simulator it was trained on and on others."""

from __future__ import annotations

import json
import time
from contextlib import closing
from typing import Any, Dict

import torch
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from rlkit.config import Experiment
from rlkit.crosscheck.request import Comparison
from rlkit.errors import RlkitError
from rlkit.numbers import number, percent
from rlkit.runtime.build import build_env, build_learner
from rlkit.runtime.checkpoints import checkpoint as checkpoints
from rlkit.runtime.playing.evaluation import SEED_OFFSET
from rlkit.runtime.playing.rollout import play
from rlkit.runtime.process.ranks import Ranks
from rlkit.runtime.process.seeding import seed_everything
from rlkit.untrusted import printable
from rlkit.workspace import provenance, write_atomic

# Neither the first states that training saw, nor those of the evaluations that chose the checkpoint.
_SEED_OFFSET = 2 * SEED_OFFSET

Result = Dict[str, Any]
"""What `Episodes.results` tells, with `simulator`, `device`, `trained_here` and `wall_seconds`; or `simulator`,
`trained_here` and `error`."""


def compare(comparison: Comparison, console: Console) -> list[Result]:
    """Play on each simulator, print a line or a table, and write sim2sim.json into the run's folder.

    A simulator that cannot build the task, or that the policy does not fit, has its error among the results; the
    others are played. Raises WorkspaceError where the file cannot be written.
    """
    results: list[Result] = []
    trained_on = comparison.experiments[0].sim.name
    for experiment in comparison.experiments:
        name = experiment.sim.name
        result: Result = {"simulator": name, "trained_here": name == trained_on}
        try:
            result.update(_played(experiment, comparison))
        except RlkitError as error:
            result["error"] = str(error)
        results.append(result)
        if not console.is_terminal:
            console.print(printable(_line(result)), markup=False, highlight=False)
    head = comparison.head
    facts = {
        "run": comparison.run.name,
        "checkpoint": comparison.source.checkpoint.name,
        "iteration": head.iteration,
        "task": head.task,
        "learner": head.learner_name,
        "seed": comparison.seed,
        **provenance(),
    }
    write_atomic(comparison.out, json.dumps({**facts, "results": results}, indent=2) + "\n")
    if console.is_terminal:
        console.print(
            _table(results, printable(f"{head.task}, iteration {head.iteration}: {comparison.run.name}"))
        )
    console.print(printable(f"wrote {comparison.out}"), markup=False, highlight=False, soft_wrap=True)
    return results


def _played(experiment: Experiment, comparison: Comparison) -> Result:
    """One episode in every env, whose first states are drawn from the same seed on every simulator."""
    torch.set_num_threads(int(experiment.training.threads))
    seed_everything(comparison.seed, deterministic=False)
    started = time.perf_counter()
    with closing(build_env(experiment, Ranks(), seed=comparison.seed + _SEED_OFFSET)) as env:
        learner = build_learner(experiment, env)
        saved = checkpoints.load(comparison.source.checkpoint, env.spec.device)
        learner.load(saved.learner, policy_only=True)
        results = play(env, learner.policy(), per_env=1)
        device = str(env.spec.device)
    seconds = round(time.perf_counter() - started, 3)
    return {"device": device, **results, "wall_seconds": seconds}


def _cells(result: Result) -> list[str]:
    """return, length, success and time-out as people read them."""
    cells = [
        f"{number(result[name]['mean'])} ± {number(result[name]['std'])}" for name in ("return", "length")
    ]
    return cells + [percent(result[name]) for name in ("success_rate", "timeout_rate")]


def _facts(result: Result) -> dict[str, str]:
    """The task's own numbers of an episode as people read them, with their units."""
    facts, units = result.get("facts", {}), result.get("units", {})
    return {name: f"{number(value['mean'])} {units.get(name, '')}".rstrip() for name, value in facts.items()}


def _count(result: Result) -> str:
    count, noun = result["episodes"], result.get("scenario_noun", "episode")
    return f"{count} {noun}" + ("" if count == 1 else "s")


def _name(result: Result) -> str:
    return f"{result['simulator']} (trained here)" if result["trained_here"] else result["simulator"]


def _line(result: Result) -> str:
    if "error" in result:
        return f"{_name(result)}: {result['error']}"
    returns, length, success, timeout = _cells(result)
    facts = "".join(f" {name} {value}," for name, value in _facts(result).items())
    return (
        f"{_name(result)}: return {returns}, length {length}, success {success}, time-outs {timeout},{facts}"
        f" {_count(result)} in {number(result['wall_seconds'])} s on {result['device']}"
    )


def _table(results: list[Result], title: str) -> Table:
    table = Table(title=title, title_justify="left")
    names = list(dict.fromkeys(name for result in results for name in _facts(result)))
    heads = [escape(name.replace("_", " ")) for name in names]  # words wrap where it is narrow
    for column in ("simulator", "return", "length", "success", "time-outs", *heads, "seconds"):
        table.add_column(column, justify="left" if column == "simulator" else "right")
    for result in results:
        if "error" in result:
            table.add_row(_name(result), "failed")
        else:
            facts = [_facts(result).get(name, "") for name in names]
            table.add_row(_name(result), *_cells(result), *facts, number(result["wall_seconds"]))
    failed = [_line(result) for result in results if "error" in result]
    table.caption, table.caption_justify = Text("\n".join(failed), style="red"), "left"
    return table
