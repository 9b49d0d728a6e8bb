"""What a `TaskEnv` saves, and goes on from."""

from __future__ import annotations

from typing import Any, Mapping

import torch

from rlkit.env.api import EnvError, Observations
from rlkit.env.randomization.draws import go_on
from rlkit.env.randomization.everything import Randomization
from rlkit.env.sums import EpisodeSums
from rlkit.sims.api import Simulator
from rlkit.tasks.api import Task


class Saving:
    """The parts of an env that change from step to step."""

    def __init__(self, sim: Simulator, task: Task, random: Randomization, sums: EpisodeSums) -> None:
        self._sim, self._task, self._random, self._sums = sim, task, random, sums

    def state(self, obs: Observations) -> dict[str, Any]:
        """See `TaskEnv.state`; obs: the own groups `[N, size]`, without noise."""
        task = self._task
        return {
            "sim": self._sim.state(),
            "task": {name: tensor.clone() for name, tensor in task.memory().items()},
            "shared": {name: tensor.clone() for name, tensor in task.shared_state().items()},
            "episode_step": task.episode_step.clone(),
            "head_start": task.head_start.clone(),
            "scenario": task.scenario.clone(),
            "episode_return": self._sums.returns.clone(),
            "term_returns": self._sums.terms.clone(),
            "obs": obs["policy"].clone(),
            "groups": {group: rows.clone() for group, rows in obs.items() if group != "policy"},
            "generator": task.generator.get_state(),
            **({"randomization": random} if (random := self._random.state()) else {}),
        }

    def load(self, state: Mapping[str, Any], obs: Observations) -> None:
        """See `TaskEnv.load_state`; of `obs` (`[N, size]` a group) the policy's is written."""
        task = self._task
        counters = {
            "episode_step": task.episode_step,
            "head_start": task.head_start,
            "scenario": task.scenario,
            "episode_return": self._sums.returns,
            "term_returns": self._sums.terms,
            "obs": obs["policy"],
        }
        none = torch.zeros_like(task.head_start)
        state = {"head_start": none, "scenario": none - 1, **state}  # older states have none
        remembered = dict(state["task"])
        if "held_time" in remembered:  # as older states call it
            remembered.setdefault("hold_time", remembered["held_time"])
        for name, tensor in {**counters, **{f"task.{k}": v for k, v in task.memory().items()}}.items():
            # A task that came to remember more begins with what a new episode has.
            source = remembered.get(name[5:], tensor) if name.startswith("task.") else state[name]
            if source.shape != tensor.shape:
                raise EnvError(
                    f"the saved {name} has shape {tuple(source.shape)}, this env {tuple(tensor.shape)}:"
                    " the number of envs or the terms differ"
                )
            tensor.copy_(source)
        if "shared" in state:  # older states have it beside them
            task.load_shared_state(state["shared"])
        self._random.load_state(state.get("randomization", {}))
        task.level = self._random.curriculum.level
        self._sim.load_state(state["sim"])
        go_on(task.generator, state["generator"])
        task.refresh()
