"""What the training loop wants to know of an env, gathered while a learner steps it."""

from __future__ import annotations

import time
from collections import deque
from typing import Any, Mapping, Optional

import torch
from torch import Tensor

from rlkit.env.spec import EnvError, Observations, StepInfo, VecEnv
from rlkit.runtime.live import LiveView

_FEW = 20  # episodes that are too few to judge by


class Monitor(VecEnv):
    """A `VecEnv` that passes everything on and keeps episode statistics and the time spent in `step`.

    live: shows one of the envs as they step, until its viewer is closed.
    """

    live: Optional[LiveView] = None

    def __init__(self, env: VecEnv) -> None:
        self.env = env
        self.spec, self.resumable = env.spec, env.resumable
        self._sums: dict[str, Tensor] = {}
        # Sums of the latest iterations that together hold at least as many episodes as there are envs: one
        # mean that neither jumps with a few lucky episodes nor favours the short ones that end first.
        self._window: deque[dict[str, float]] = deque()
        self._step_time = 0.0
        self._ended, self._unstable = 0.0, 0.0  # episodes since it was last judged whether most are unstable

    def reset(self) -> Observations:
        """See `VecEnv.reset`."""
        return self.env.reset()

    def observe(self) -> Observations:
        """See `VecEnv.observe`."""
        return self.env.observe()

    def step(self, actions: Tensor) -> tuple[Observations, Tensor, Tensor, Tensor, StepInfo]:
        """See `VecEnv.step`."""
        if self.live is not None:
            self.live.before_step()
        started = time.perf_counter()
        result = self.env.step(actions)
        for name, value in result[4].episodes.items():
            self._sums[name] = self._sums[name] + value if name in self._sums else value
        self._step_time += time.perf_counter() - started
        if self.live is not None:
            self._show(self.live, result)
        return result

    def _show(self, live: LiveView, result: tuple[Observations, Tensor, Tensor, Tensor, StepInfo]) -> None:
        _, reward, terminated, truncated, info = result
        live.after_step(reward, terminated | truncated, info, "training")
        live.viewer.wishes()  # a training takes none but which env to show
        if live.viewer.closed:
            self.env.watch(())
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
        physics_time, self.env.physics_time = self.env.physics_time, 0.0
        if sums:
            self._require_stable(sums)
            self._window.append(sums)
            while sum(s["count"] for s in list(self._window)[1:]) >= self.spec.num_envs:
                self._window.popleft()
        return episode_means(sums), step_time, physics_time

    def _require_stable(self, sums: Mapping[str, float]) -> None:
        self._ended += sums["count"]
        self._unstable += sums.get("failure/unstable", 0.0)
        if self._ended < max(self.spec.num_envs, _FEW):
            return
        if self._unstable > self._ended / 2:
            raise EnvError(
                f"{self._unstable:.0f} of the latest {self._ended:.0f} episodes ended because of a number that is not"
                f" finite (failure/unstable), so nothing can be learnt: {self.env.mend}"
            )
        self._ended = self._unstable = 0.0

    def window(self) -> dict[str, float]:
        """Means over the latest episodes, at least one per env; empty until that many have ended."""
        total: dict[str, float] = {}
        for sums in self._window:
            for name, value in sums.items():
                total[name] = total.get(name, 0.0) + value
        return episode_means(total) if total.get("count", 0.0) >= self.spec.num_envs else {}

    def metrics(self) -> dict[str, float]:
        """See `VecEnv.metrics`."""
        return self.env.metrics()

    def monitor_state(self) -> dict[str, Any]:
        """What an exact resume needs of the statistics."""
        return {"window": [dict(sums) for sums in self._window]}

    def load_monitor_state(self, state: Mapping[str, Any]) -> None:
        """Continue from `monitor_state()`."""
        self._window = deque(dict(sums) for sums in state["window"])

    def state(self) -> dict[str, Any]:
        """See `VecEnv.state`."""
        return self.env.state()

    def load_state(self, state: Mapping[str, Any]) -> None:
        """See `VecEnv.load_state`."""
        self.env.load_state(state)

    def stagger(self) -> None:
        """See `VecEnv.stagger`."""
        self.env.stagger()

    def close(self) -> None:
        """See `VecEnv.close`."""
        self.env.close()


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
