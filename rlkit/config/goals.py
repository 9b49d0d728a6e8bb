"""How far a training goes, and how far it may sensibly go on."""

from __future__ import annotations

from rlkit.config.defaults import default_request
from rlkit.config.experiment import Experiment


def further(experiment: Experiment, iteration: int, env_steps: int, *, reached: bool = False) -> str:
    """The word that lets a training go on that stands there: to the task's own length, else for as long again.

    reached: `training.until` ended it, so that its own length is still before it.
    """
    if reached:
        return "until=null"
    if experiment.training.max_steps is not None:
        return f"training.maxSteps={_round(2 * env_steps)}"
    usual = default_request(experiment)
    if usual is not None and iteration < usual.training.max_iterations:
        return f"maxIter={usual.training.max_iterations}"
    return f"maxIter={_round(2 * iteration)}"


def _round(number: int) -> int:
    """Up to two digits that are not zero."""
    unit = 10 ** max(0, len(str(number)) - 2)
    return -(-number // unit) * unit
