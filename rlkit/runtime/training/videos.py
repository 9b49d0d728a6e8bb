"""Videos of a training: of its evaluations now and then, and of its best policy at the end."""

from __future__ import annotations

import logging
import re
from pathlib import Path
from typing import Any

from rlkit.config import Experiment
from rlkit.learners.api import Learner
from rlkit.media.recording import Recording
from rlkit.runtime.checkpoints import checkpoint as checkpoints
from rlkit.runtime.playing.evaluation import Evaluation
from rlkit.runtime.process.stopping import StopRequest
from rlkit.runtime.watching.episode_videos import EpisodeVideos
from rlkit.runtime.watching.recorder import facts_of
from rlkit.workspace import Run

log = logging.getLogger("rlkit")

ROLLOUT = "rollout"
_MOST_WAITING = 4  # a training that is quicker than its pictures shows its latest ones


class TrainingVideos:
    """Records the first env of an evaluation and has it rendered while training goes on."""

    def __init__(self, experiment: Experiment, run: Run) -> None:
        self._experiment, self._run = experiment, run
        self._videos = EpisodeVideos(
            run, experiment.env, most_waiting=_MOST_WAITING, trusted=experiment.trusted
        )
        self._facts = facts_of(experiment)
        self._name, self._recorded = "", 0

    def due(self, iteration: int) -> bool:
        """Whether this iteration's evaluation is filmed: the first at or after each multiple of the interval.

        An interval of 0 films the best policy alone.
        """
        interval = self._experiment.training.video_interval
        return interval > 0 and iteration // interval > self._recorded // interval

    def facts(self, iteration: int, checkpoint: str = "") -> dict[str, Any]:
        """The header of a recording made now."""
        self._name, self._recorded = f"iteration_{iteration:06d}", iteration
        return {**self._facts, "iteration": iteration, "checkpoint": checkpoint}

    def take(self, recording: Recording) -> None:
        """Save the recorded episode and have it filmed, with a small one for TensorBoard."""
        path = self._videos.save(self._name, recording)
        if path is not None:
            self._videos.render([path], self._name, gif=True)

    def finished(self) -> list[tuple[int, Path]]:
        """`(iteration, GIF)` of the videos that were done since the last call."""
        return _gifs(self._videos.finished())

    def render_best(self, learner: Learner, evaluation: Evaluation) -> None:
        """Play the best checkpoint once more for videos/rollout.mp4."""
        path = self._run.checkpoint_path("best")
        if path.exists():
            saved = checkpoints.load(path, learner.spec.device)
            learner.load(saved.learner, policy_only=True)
            facts = self.facts(saved.iteration, path.name)
            evaluation.metrics(learner.policy(), facts=facts, take=self._take_rollout)

    def finish(self, stop: StopRequest) -> list[tuple[int, Path]]:
        """Wait for all videos until asked to stop; those that were done since the last call, as `finished`."""
        return _gifs(self._videos.finish(stop))

    def _take_rollout(self, recording: Recording) -> None:
        path = self._videos.save(ROLLOUT, recording)
        if path is not None:
            self._videos.render([path], ROLLOUT)

    def close(self) -> None:
        """End what is still being rendered; the recordings stay."""
        self._videos.close()


def _gifs(finished: list[Any]) -> list[tuple[int, Path]]:
    found = []
    for video in finished:
        number = re.search(r"iteration_(\d+)", video.out.name)
        if video.ok and video.gif is not None and number:
            found.append((int(number[1]), video.gif))
    return found
