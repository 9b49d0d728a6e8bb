"""From the steps of N envs to the frames of the one that a viewer shows."""

from __future__ import annotations

import logging
import threading
from typing import Sequence

from rlkit.env.api import Step, VecEnv
from rlkit.errors import RlkitError
from rlkit.media.viewers import Frame, Viewer

log = logging.getLogger("rlkit")


class LiveView:
    """Feeds a viewer with one env, which its user may change at any time."""

    def __init__(self, viewer: Viewer, env: VecEnv, recorded: Sequence[int] = ()) -> None:
        """recorded: envs that somebody else watches; they stay watched, before the shown one."""
        self.viewer, self._env, self._recorded = viewer, env, list(recorded)
        self._watched, self._playing, self._model = -1, "", env.mjcf
        self.restart()

    def let_go(self) -> None:
        """Close the viewer from a signal handler, where nothing may wait: also a paused one ends then."""
        threading.Thread(target=self.viewer.close, daemon=True).start()

    def restart(self) -> None:
        """The shown env begins a new episode."""
        self._step, self._total, self._episode = 0, 0.0, 0

    def push(self, body: str, force: Sequence[float]) -> bool:
        """Push the shown env as its user asks, `force` [3] N, world; what cannot be is told. Whether it was pushed."""
        try:
            self._env.push(self.viewer.env, body, force)
        except RlkitError as error:
            log.warning("%s", error)
            return False
        return True

    def before_step(self) -> None:
        """Watch the env that the user wants to see."""
        if self.viewer.env != self._watched:
            self._watched = self.viewer.env
            self._env.watch([*self._recorded, self._watched])
            self.restart()
        self._playing = self._env.playing(self._watched)  # the step may begin another episode
        model = self._env.model_of(self._watched)
        if model is not None and model is not self._model:
            self._model = model
            self.viewer.set_model(model)

    def after_step(self, step: Step, caption: str) -> None:
        """Show the state that the step led to, see `VecEnv.step`; keeps the viewer's pace.

        What the episode is called goes behind the caption.
        """
        row, spec, watched = self._watched, self._env.spec, step.info.watched
        assert watched is not None
        reward, ghost = float(step.reward[row]), watched.state.get("ghost")
        self._step += 1
        self._total += reward
        self.viewer.show(
            Frame(
                env=row,
                episode=self._episode,
                step=self._step,
                time=self._step * spec.control_period,
                qpos=watched.state["qpos"][-1],
                ghost=None if ghost is None else ghost[-1],
                reward=reward,
                total=self._total,
                terms=dict(zip(spec.reward_terms, watched.terms[-1].tolist())),
                metrics=dict(zip(spec.metrics, watched.metrics[-1].tolist())),
                caption=", ".join(filter(None, (caption, self._playing))),
            )
        )
        if bool(step.ended[row]):
            self._step, self._total, self._episode = 0, 0.0, self._episode + 1
