"""What a run prints first: what was asked, what it resolved to, how it differs from the defaults."""

from __future__ import annotations

from typing import Any, List, Optional, Tuple

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from rlkit.config import types, values
from rlkit.config.compose import compose
from rlkit.config.conf import flatten
from rlkit.config.errors import ConfigError
from rlkit.config.experiment import Experiment


def print_summary(experiment: Experiment, console: Optional[Console] = None) -> None:
    """Print the summary; plain lines where the output is no terminal."""
    console = console or Console(soft_wrap=True)
    title = f"{_what(experiment)}: {experiment.kind}"
    chosen = "  ".join(f"{group}={option}" for group, option in experiment.choices.items())
    if not console.is_terminal:
        print("\n".join([title, f"  {chosen}", *(f"  {name}: {text}" for name, text in rows(experiment))]))
    else:
        table = Table(title=escape(title), title_justify="left", show_header=False, box=None)
        table.add_row("chosen", escape(chosen))
        for name, text in rows(experiment):
            table.add_row(escape(name), escape(text))
        console.print(table)
    for note in experiment.notes:
        console.print(f"warning: {note}", style="yellow", markup=False)


def rows(experiment: Experiment) -> List[Tuple[str, str]]:
    """(name, text) of the settings to show: the resolved ones, then those that differ from the defaults."""
    flat = flatten(experiment.stored())
    asked = experiment.asked
    shown = [(name, f"{_show(flat[name])} (asked: {_show(asked[name])})") for name in asked]
    for name, (default, value) in differences(experiment).items():
        if name not in asked:
            shown.append((name, f"{_show(value)} (default: {_show(default)})"))
    return shown


def differences(experiment: Experiment) -> dict[str, Tuple[Any, Any]]:
    """Settings that differ from `python train.py task=<the same> train=<the same>`: name -> (default, value).

    With the same Gymnasium environments, which the title names. Empty where the default request itself cannot
    run on this machine.
    """
    try:
        choices = [f"{group}={experiment.choices[group]}" for group in ("task", "train")]
        default = compose([*choices, *_environments(experiment)])
    except ConfigError:
        return {}
    before, after = flatten(default.stored()), flatten(experiment.stored())
    return {name: (before.get(name), value) for name, value in after.items() if before.get(name) != value}


def _what(experiment: Experiment) -> str:
    """The task, and the Gymnasium environments that it is made of."""
    ids = [experiment.env.id] if experiment.env.id is not None else experiment.env.ids
    return experiment.task_name + (f" ({', '.join(ids)})" if ids else "")


def _environments(experiment: Experiment) -> List[str]:
    """The words that choose the Gymnasium environments of a task, none for a task on a simulator."""
    if experiment.engine == "simulator":
        return []
    chosen = "null" if experiment.env.id is None else values.quote(experiment.env.id, path=False)
    return [f"env.id={chosen}", f"env.ids=[{','.join(experiment.env.ids)}]"]


def _show(value: Any) -> str:
    return value if isinstance(value, str) else types.show(value)
