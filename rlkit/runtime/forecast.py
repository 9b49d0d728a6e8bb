"""How long a training will take at the rate it was seen to have, said once and early where that is long."""

from __future__ import annotations

import logging
from typing import Mapping

from rlkit.config import Experiment
from rlkit.config.machine import CPU_ONLY
from rlkit.config.notes import MANY_ENVS
from rlkit.runtime.progress import duration
from rlkit.runtime.schedule import Schedule

log = logging.getLogger("rlkit")

_LONG = 3600.0  # s
_LOOK_AFTER = 10.0  # s: by then a rate is known, of an iteration that compiled nothing


class Forecast:
    """Looks at a training until it knows its rate."""

    def __init__(self, experiment: Experiment) -> None:
        self._experiment = experiment
        self._told = False

    def look(self, schedule: Schedule, metrics: Mapping[str, float]) -> None:
        """Say it when it is time to; metrics: of the iteration that is just over."""
        if self._told or schedule.done < 2 or schedule.elapsed < _LOOK_AFTER:
            return
        self._told = True
        rate = metrics["rate/env_steps_per_s"]
        left = (schedule.total - schedule.first - schedule.done) * schedule.steps_each / rate
        if left < _LONG:
            return
        message = f"at {rate:,.0f} env-steps/s the rest of this training takes {duration(left)}"
        fewer = self._fewer()
        if fewer:
            log.warning("%s; %s", message, fewer)
        else:
            log.info("%s", message)

    def _fewer(self) -> str:
        """What makes iterations shorter where physics on the CPU has more envs than the task is made for there."""
        experiment = self._experiment
        ours, usual = experiment.env.num_envs, int(experiment.task["cpuNumEnvs"])
        if experiment.sim.name not in CPU_ONLY or ours < MANY_ENVS * usual:
            return ""
        return (
            f"this task takes numEnvs={usual} on a CPU, which makes as many iterations"
            f" {ours / usual:.0f} times as short"
        )
