"""What the same task would be trained with if nothing else were said."""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Tuple

from rlkit.config import values
from rlkit.config.compose import compose
from rlkit.config.conf import find_conf, flatten
from rlkit.config.errors import ConfigError
from rlkit.config.experiment import Experiment


def default_request(experiment: Experiment) -> Optional[Experiment]:
    """`python train.py task=<the same> train=<the same>`, with the same Gymnasium environments.

    None where that cannot run on this machine.
    """
    try:
        choices = [f"{group}={experiment.choices[group]}" for group in ("task", "train")]
        return compose([*_folders(experiment), *choices, *_environments(experiment)])
    except ConfigError:
        return None


def differences(experiment: Experiment) -> Dict[str, Tuple[Any, Any]]:
    """Settings that differ from the default request: name -> (default, value); empty where there is none."""
    default = default_request(experiment)
    if default is None:
        return {}
    before, after = flatten(default.stored()), flatten(experiment.stored())
    return {name: (before.get(name), value) for name, value in after.items() if before.get(name) != value}


def _folders(experiment: Experiment) -> List[str]:
    """The words that look for files where the experiment's were found."""
    *own, conf = experiment.folders or (find_conf(),)
    return [f"--config-path={conf}", *(f"--config-dir={folder}" for folder in own)]


def _environments(experiment: Experiment) -> List[str]:
    """The words that choose the Gymnasium environments of a task, none for a task on a simulator."""
    if experiment.engine == "simulator":
        return []
    chosen = "null" if experiment.env.id is None else values.quote(experiment.env.id, path=False)
    several = ",".join(values.quote(name, path=False) for name in experiment.env.ids)
    return [f"env.id={chosen}", f"env.ids=[{several}]"]
