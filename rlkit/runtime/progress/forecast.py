"""How long a training will take here: as the last one like it did, then at the rate that it is seen to have."""

from __future__ import annotations

import logging
import platform
from typing import Any, Mapping

from rlkit.config import Experiment
from rlkit.config.facts.machine import available_cores
from rlkit.config.notes import MANY_ENVS
from rlkit.runtime.process.machine_memory import processor, recall, remember
from rlkit.runtime.progress.display import duration
from rlkit.runtime.progress.schedule import Schedule
from rlkit.sims.facts import steps_on_cpu

log = logging.getLogger("rlkit")

_SHORT, _LONG = 60.0, 3600.0  # s: not worth a word; worth a thought
_LOOK_AFTER = 10.0  # s: by then a rate is known, of an iteration that compiled nothing


class Forecast:
    """Looks at a training until it knows its rate; keeps for later ones how long it took."""

    def __init__(self, experiment: Experiment, *, ranks: int = 1) -> None:
        self._experiment, self._ranks = experiment, ranks
        self._told = False

    def beforehand(self, *, resumed: bool = False) -> str:
        """What is known before the first iteration, in words: nothing is made up.

        resumed: it goes on from a checkpoint, of whatever iteration.
        """
        kept = recall(_question(self._experiment, self._ranks), _is_pace)
        if kept is None:
            return "not known yet: said after the first iterations"
        training = self._experiment.training
        each, last = float(kept["each"]), "as the last time here"
        if resumed:
            return f"{each:.2g} s an iteration, {last}"
        most = about(each * training.max_iterations)
        if training.until is None:
            return f"{most}, {last}"
        if not kept["ended_at"]:
            return f"{most} at most, {last}; less once {training.until}"
        return f"{about(each * kept['ended_at'])} until {training.until}, {last}; at most {most}"

    def look(self, schedule: Schedule, metrics: Mapping[str, float]) -> None:
        """Say it when it is time to; metrics: of the iteration that is just over."""
        if self._told or schedule.done < 2 or schedule.elapsed < _LOOK_AFTER:
            return
        self._told = True
        rate = metrics["rate/env_steps_per_s"]
        left = (schedule.total - schedule.first - schedule.done) * schedule.steps_each / rate
        if left < _SHORT:
            return
        at_most = "" if self._experiment.training.until is None else " at most"
        message = f"at {rate:,.0f} env-steps/s the rest of this training takes {about(left)}{at_most}"
        fewer = self._fewer() if left >= _LONG else ""
        if fewer:
            log.warning("%s; %s", message, fewer)
        else:
            log.info("%s", message)

    def keep(self, schedule: Schedule, *, reached: bool) -> None:
        """Keep how long this one took, for the next one like it. reached: it was good enough before its end."""
        if schedule.done < 2 or schedule.elapsed < _LOOK_AFTER:
            return
        whole = reached and not schedule.first  # a resumed one does not tell how many iterations it takes
        pace = {"each": schedule.elapsed / schedule.done, "ended_at": schedule.done if whole else 0}
        remember(_question(self._experiment, self._ranks), pace, _is_pace, newest=True)

    def _fewer(self) -> str:
        """What makes iterations shorter where physics on the CPU has more envs than the task is made for there."""
        experiment = self._experiment
        ours, usual = experiment.env.num_envs, int(experiment.task["cpuNumEnvs"])
        if not steps_on_cpu(experiment.sim.name) or ours < MANY_ENVS * usual:
            return ""
        return (
            f"this task takes numEnvs={usual} on a CPU, which makes as many iterations"
            f" {ours / usual:.0f} times as short"
        )


def about(seconds: float) -> str:
    """A span that nobody knows exactly: about 40 s, about 3 min, about 2h10m."""
    if seconds < 90:
        return f"about {max(1, round(seconds))} s"
    return f"about {round(seconds / 60)} min" if seconds < _LONG else f"about {duration(seconds)}"


def _question(experiment: Experiment, ranks: int) -> dict[str, Any]:
    """All that the time of an iteration depends on, but for how busy the machine is."""
    sections, training = experiment.sections(), experiment.training
    # Auto until it is timed
    timed = {name: value for name, value in sections["train"].items() if name != "amp"}
    return {
        "pace of": [experiment.task_name, experiment.env.id, list(experiment.env.ids)],
        "machine": [processor(), available_cores(), platform.machine(), ranks],
        "sim": sections["sim"],
        "envs": [experiment.env.num_envs, experiment.env.device],
        "train": timed,
        "evaluations": [training.eval_interval, training.eval_envs, training.until],
    }


def _is_pace(kept: Mapping[str, Any]) -> bool:
    each, ended_at = kept.get("each"), kept.get("ended_at")
    return isinstance(each, float) and 0 < each < 1e9 and type(ended_at) is int and 0 <= ended_at <= 10**12
