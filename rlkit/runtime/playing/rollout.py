"""A policy plays: whole episodes in every env, counted and told of."""

from __future__ import annotations

import logging
import math
import time
from typing import Any

import torch

from rlkit.env.api import VecEnv
from rlkit.learners.api import Policy
from rlkit.runtime.playing.episodes import Episodes
from rlkit.runtime.playing.scenarios import episodes_of
from rlkit.runtime.progress.display import duration
from rlkit.runtime.watching.recorder import Recorder

log = logging.getLogger("rlkit")

_TELL_STEPS = 250
_TELL_SECONDS = 10.0


@torch.no_grad()
def play(
    env: VecEnv, policy: Policy, per_env: int, *, quiet: bool = False, recorder: Recorder | None = None
) -> dict[str, Any]:
    """Play `per_env` episodes in every env with `policy` and return the results; tells how far it got.

    A task with scenarios plays each of them once instead. quiet: tell only where it takes long.
    """
    episodes = episodes_of(env, per_env)
    obs = episodes.begin()
    policy.forget()
    if recorder is not None:
        recorder.begin()
    progress = EpisodeProgress(
        episodes, env, "evaluation: " if quiet else "", steps=0 if quiet else _TELL_STEPS
    )
    while not episodes.complete:
        actions = policy(obs)
        step = env.step(actions)
        policy.forget(step.ended)
        episodes.count(step)
        if recorder is not None:
            recorder.add(obs, actions, step)
        obs = step.obs
        if episodes.waiting:
            obs = episodes.begin()
            policy.forget()
            if recorder is not None:
                recorder.begin(episodes.batch)
        progress.step()
    return episodes.results(env.spec.control_period)


class EpisodeProgress:
    """A line now and then, and at least every `_TELL_SECONDS`: how many episodes are done.

    steps: after so many, and after each quarter of the episodes, there is one in any case; 0: by the time alone.
    """

    def __init__(self, episodes: Episodes, env: VecEnv, what: str = "", steps: int = _TELL_STEPS) -> None:
        self._episodes, self._what, self._steps = episodes, what, steps
        self._period, self._total = env.spec.control_period, episodes.total
        self._step, self._told, self._due = 0, 0, time.monotonic() + _TELL_SECONDS

    def step(self) -> None:
        """One step of all envs is over."""
        self._step += 1
        late = time.monotonic() >= self._due
        if not self._steps and not late:
            return
        done = self._episodes.done
        if late or self._step % self._steps == 0 or done - self._told > self._total // 4:
            self._told, self._due = done, time.monotonic() + _TELL_SECONDS
            simulated = duration(self._step * self._period)
            log.info("%s%d of %d episodes, %s simulated", self._what, done, self._total, simulated)


def episodes_per_env(games: int | None, per_env: int, num_envs: int) -> int:
    """`testing.gamesNum` asks for a total: rounded up to the same number in every env."""
    return per_env if games is None else max(1, math.ceil(games / num_envs))
