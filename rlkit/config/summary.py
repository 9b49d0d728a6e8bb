"""What a run prints first: what is run, what its speed depends on, how it differs from the defaults."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.text import Text

from rlkit.config.defaults import differences
from rlkit.config.experiment import Experiment
from rlkit.config.facts.engine import engine_of
from rlkit.config.facts.machine import divided
from rlkit.config.schema import types
from rlkit.config.schema.keys import STEPS
from rlkit.untrusted import in_one_line

# Said in lines of their own
_SHOWN_ABOVE = {"sim.name", "training.test", "training.checkpoint", "training.until"}


def print_summary(
    experiment: Experiment, console: Console | None = None, *, ranks: int = 1, ranks_here: int = 1
) -> None:
    """Print the summary. ranks: processes that train together; ranks_here: those here. Paths are never cut."""
    console = console or Console(soft_wrap=True)
    if experiment.logging.log_level in ("debug", "info"):
        _print_settings(experiment, console, ranks, ranks_here)
    for note in experiment.notes:
        console.print(f"warning: {note}", style="yellow", **_AS_IT_IS)


def _print_settings(experiment: Experiment, console: Console, ranks: int, ranks_here: int) -> None:
    chosen = "  ".join(f"{group}={option}" for group, option in experiment.choices.items())
    console.print(f"{_what(experiment)}: {experiment.kind}", style="bold", **_AS_IT_IS)
    console.print(in_one_line(f"  {chosen}"), style="dim", **_AS_IT_IS)
    for name, text in [*speed(experiment, ranks, ranks_here), *rows(experiment)]:
        console.print(Text.assemble(f"  {name}: ", (in_one_line(text), "cyan")), soft_wrap=True)


_AS_IT_IS: Any = {"markup": False, "highlight": False, "soft_wrap": True}


def speed(experiment: Experiment, ranks: int = 1, ranks_here: int = 1) -> list[tuple[str, str]]:
    """(name, text) of what the speed depends on, and of how much there is to do."""
    sim, env, training = experiment.sim, experiment.env, experiment.training
    threads = ""
    if engine_of({"task": experiment.task}) != "gymnasium":
        threads = _counted(divided(sim.num_threads, ranks_here), "thread") + " a rank" * (ranks > 1)
    where = f"{sim.name} ({threads})" if threads else sim.name
    envs = f"{env.num_envs:,} envs"
    if ranks > 1:
        envs += f" on each of {ranks} ranks, {env.num_envs * ranks:,} in all"
    found = [("simulator", f"{where}, {envs}, policy on {env.device}")]
    if experiment.kind == "test":
        return [*found, ("tests", str(training.checkpoint))]
    each = int(experiment.train["horizon_length"]) * env.num_envs * ranks
    if training.max_steps is None:
        length = f"{_counted(training.max_iterations, 'iteration')} of {each:,} env-steps"
        length += f", {training.max_iterations * each:,} in all"
    else:
        length = (
            f"{training.max_steps:,} env-steps, {_counted(training.max_iterations, 'iteration')} of {each:,}"
        )
    if training.until is not None:
        length += f", or until {training.until}"
    if training.checkpoint is not None:
        found.append(("goes on with", training.checkpoint))
    batch = _batch(experiment, ranks) if ranks > 1 else []
    if experiment.train.get("overlap"):
        batch.append(("updates", "while the envs step (train.overlap)"))
    return [*found, ("length", length), *batch, ("evaluation", _evaluation(experiment))]


def _batch(experiment: Experiment, ranks: int) -> list[tuple[str, str]]:
    """What a gradient step is made of, where the learner has a setting for that."""
    sizes = (experiment.train.get(name) for name in ("batch_size", "minibatch_size"))
    size = next((size for size in sizes if isinstance(size, int)), None)
    if size is None:
        return []
    return [
        ("batch", f"{size:,} samples on each of {ranks} ranks, {size * ranks:,} in all, for a gradient step")
    ]


def rows(experiment: Experiment) -> list[tuple[str, str]]:
    """(name, text) of the settings that differ from the defaults, but for what `auto` makes of the others."""
    asked = {name: value for name, value in experiment.asked.items() if value not in ("auto", None)}
    training = experiment.sections()["training"]
    above = {
        f"training.{name}" for name, steps in STEPS.items() if training[steps] is not None
    } | _SHOWN_ABOVE
    above |= experiment.asked.keys() - asked.keys()
    shown = []
    for name, (default, value) in differences(experiment).items():
        if name in above or (experiment.kind == "test" and name.startswith("training.")):
            continue
        before = f"asked: {_show(asked.pop(name))}" if name in asked else f"default: {_show(default)}"
        shown.append((name, f"{_show(value)} ({before})"))
    return shown


def _evaluation(experiment: Experiment) -> str:
    """When, and in how many envs: an episode in each, or a task's scenarios shared out over them."""
    training = experiment.training
    if not training.eval_interval:
        return "none; the best policy is chosen by the episodes of training, which explore"
    every = "iteration" if training.eval_interval == 1 else f"{training.eval_interval:,} iterations"
    if training.eval_steps is not None:
        every = f"{training.eval_steps:,} env-steps"
    elif training.eval_interval >= training.max_iterations:
        return f"in {_counted(training.eval_envs, 'env')} at the end"
    return f"in {_counted(training.eval_envs, 'env')} every {every}"


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _what(experiment: Experiment) -> str:
    """The task, and the Gymnasium environments that it is made of."""
    ids = [experiment.env.id] if experiment.env.id is not None else experiment.env.ids
    return experiment.task_name + (f" ({', '.join(ids)})" if ids else "")


def _show(value: Any) -> str:
    return value if isinstance(value, str) else types.show(value)
