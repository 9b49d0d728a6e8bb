"""What the training loop wants to know of an env, gathered while a learner steps it."""

from __future__ import annotations

import time
from collections import deque
from typing import Any, Mapping

import torch
from torch import Tensor

from rlkit.env.api import EnvError, Step, VecEnv
from rlkit.env.wrapper import EnvWrapper
from rlkit.media.viewers import Viewer
from rlkit.runtime.watching.live import LiveView

FEW = 20
"""Episodes that are too few to judge by: they may be good or bad by chance."""


class Monitor(EnvWrapper):
    """Keeps episode statistics and the time spent in `step`.

    viewer: what shows one of the envs as they step, until it is closed.
    """

    def __init__(self, env: VecEnv, viewer: Viewer | None = None) -> None:
        super().__init__(env)
        self.live = None if viewer is None else LiveView(viewer, env)
        self._sums: dict[str, Tensor] = {}
        # Sums of the latest iterations that together hold at least as many episodes as there are envs, and FEW: one
        # mean that neither jumps with a few lucky episodes nor favours the short ones that end first.
        self._window: deque[dict[str, float]] = deque()
        self._step_time = 0.0
        self._ended, self._unstable = 0.0, 0.0  # episodes since it was last judged whether most are unstable

    def step(self, actions: Tensor) -> Step:
        if self.live is not None:
            self.live.before_step()
        started = time.perf_counter()
        step = self.env.step(actions)
        for name, value in step.info.episodes.items():
            self._sums[name] = self._sums[name] + value if name in self._sums else value
        self._step_time += time.perf_counter() - started
        if self.live is not None:
            self._show(self.live, step)
        return step

    def _show(self, live: LiveView, step: Step) -> None:
        live.after_step(step, "training")
        live.viewer.poll_input()  # a training takes none but which env to show
        if live.viewer.closed:
            self.watch(())
            self.live = None

    def collect(self) -> tuple[dict[str, float], float, float]:
        """Statistics since the last call: `(means over ended episodes, seconds in step, seconds in physics)`.

        The means are empty when no episode ended; "episode/count" tells how many did. Raises EnvError where most of
        the latest episodes ended because of a number that is not finite: nothing is learnt from those.
        """
        names = list(self._sums)
        values = torch.stack([self._sums[name] for name in names]).tolist() if names else []
        sums = dict(zip(names, values))
        self._sums = {}
        step_time, self._step_time = self._step_time, 0.0
        physics_time, self.physics_time = self.physics_time, 0.0
        if sums:
            self._require_stable(sums)
            self._window.append(sums)
            most = max(self.spec.num_envs, FEW)
            while sum(s["count"] for s in list(self._window)[1:]) >= most:
                self._window.popleft()
        return episode_means(sums), step_time, physics_time

    def _require_stable(self, sums: Mapping[str, float]) -> None:
        self._ended += sums["count"]
        self._unstable += sums.get("failure/unstable", 0.0)
        if self._ended < max(self.spec.num_envs, FEW):
            return
        if self._unstable > self._ended / 2:
            raise EnvError(
                f"{self._unstable:.0f} of the latest {self._ended:.0f} episodes ended because of a number that is not"
                f" finite (failure/unstable), so nothing can be learnt: {self.unstable_hint}"
            )
        self._ended = self._unstable = 0.0

    def window(self, least: int = 0) -> dict[str, float]:
        """Means over the latest episodes, one per env and `least` (up to FEW) in all or more; empty until there are."""
        total: dict[str, float] = {}
        for sums in reversed(self._window):
            for name, value in sums.items():
                total[name] = total.get(name, 0.0) + value
            if total["count"] >= max(self.spec.num_envs, least):
                return episode_means(total)
        return {}

    def monitor_state(self) -> dict[str, Any]:
        """What an exact resume needs of the statistics."""
        return {"window": [dict(sums) for sums in self._window]}

    def load_monitor_state(self, state: Mapping[str, Any]) -> None:
        """Continue from `monitor_state()`."""
        self._window = deque(dict(sums) for sums in state["window"])


def episode_means(sums: Mapping[str, float]) -> dict[str, float]:
    """Metric names and means from sums over episodes: "return" becomes "episode/return", and so on.

    What is summed over the episodes of one task, "task/<id>/return", is divided by their own number,
    "task/<id>/count"; it is left out while there are none.
    """
    means: dict[str, float] = {}
    for name, value in sums.items():
        group, _, quantity = name.rpartition("/")
        of_a_task = group.startswith("task/")
        count = sums[f"{group}/count"] if of_a_task else sums["count"]
        if count:
            metric = name if group else f"episode/{name}"
            means[metric] = value if quantity == "count" else value / count
    return means
