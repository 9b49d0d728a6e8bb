"""What the same task would be trained with if nothing else were said."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

from rlkit.config.compose import compose_words
from rlkit.config.experiment import Experiment
from rlkit.config.schema.tree import flatten
from rlkit.config.words import values
from rlkit.config.words.command_line import conf_of, parse
from rlkit.config.words.preflight import check_words
from rlkit.errors import ConfigError


def default_request(experiment: Experiment) -> Experiment | None:
    """`python train.py task=<the same> train=<the same>`, with the same files and Gymnasium environments.

    None where that cannot run on this machine.
    """
    words = (
        f"task={_task(experiment)}",
        f"train={experiment.choices.get('train')}",
        *_environments(experiment),
    )
    return _composed(words, tuple(experiment.folders), Path.cwd())


@lru_cache(maxsize=1)  # a training asks when it starts and when it ends
def _composed(words: tuple[str, ...], folders: tuple[Path, ...], _: Path) -> Experiment | None:
    try:
        line = parse(words)
        return compose_words(check_words(line, conf_of(line, places=folders)))
    except ConfigError:
        return None


def differences(experiment: Experiment) -> dict[str, tuple[Any, Any]]:
    """Settings that differ from the default request: name -> (default, value); empty where there is none."""
    default = default_request(experiment)
    if default is None:
        return {}
    before, after = flatten(default.stored()), flatten(experiment.stored())
    return {name: (before.get(name), value) for name, value in after.items() if before.get(name) != value}


def _task(experiment: Experiment) -> str | None:
    """What chooses the same task, which may have been chosen by its class."""
    chosen, cls = experiment.choices.get("task"), str(experiment.task.get("class"))
    return cls if cls.endswith(f":{chosen}") else chosen


def _environments(experiment: Experiment) -> list[str]:
    """The words that choose the Gymnasium environments of a task, none for a task on a simulator."""
    if experiment.engine == "simulator":
        return []
    chosen = "null" if experiment.env.id is None else values.quote(experiment.env.id, path=False)
    several = ",".join(values.quote(name, path=False) for name in experiment.env.ids)
    return [f"env.id={chosen}", f"env.ids=[{several}]"]
