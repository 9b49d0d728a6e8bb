"""What of a training is kept in checkpoints, and how it is taken up again."""

from __future__ import annotations

import logging
import math
import time
from pathlib import Path
from typing import Any, Dict, Mapping, Optional, Union

from rlkit.config import Experiment
from rlkit.env.spec import EnvError
from rlkit.learners.api import Learner
from rlkit.runtime import checkpoint as checkpoints
from rlkit.runtime.checkpoint import Checkpoint
from rlkit.runtime.disk import Disk
from rlkit.runtime.monitor import Monitor
from rlkit.runtime.ranks import Ranks
from rlkit.runtime.schedule import SaveClock, Schedule
from rlkit.runtime.seeding import load_rng_state, rng_state
from rlkit.runtime.standing import Best, Score, Standing, best_of
from rlkit.workspace import Run, checkpoint_name

log = logging.getLogger("rlkit")


class Keeper:
    """Saves a training that stands `at` into its run, and resumes one; without a run (other ranks) saves nothing.

    A full disk costs the checkpoints that it does not take, but for the one at the end; the old ones are kept.
    evaluated: whether evaluations say which policy is the best, not training's own episodes.
    """

    def __init__(
        self,
        experiment: Experiment,
        monitor: Monitor,
        learner: Learner,
        run: Optional[Run],
        ranks: Ranks,
        disk: Disk,
        *,
        evaluated: bool,
    ) -> None:
        self.experiment, self.monitor, self.learner = experiment, monitor, learner
        self.run, self.ranks = run, ranks
        self.disk, self.evaluated = disk, evaluated
        self.at = Standing()
        self.clock = SaveClock()
        self.saved_iteration: Optional[int] = None  # of checkpoint_last, as far as this session knows

    # Saving.

    def save_when_due(
        self, schedule: Schedule, window: Mapping[str, float], metrics: Dict[str, float]
    ) -> None:
        """Save what the schedule or the clock asks for, and a policy that is better than all before.

        window: means over the latest episodes.
        """
        iteration = self.at.iteration
        logged = iteration % self.experiment.logging.log_interval == 0
        if self.evaluated:
            self._save_if_best(Score.of(metrics, "eval"))
        elif logged:
            self._save_if_best(Score.of(window, "episode"))
        if logged:
            self.disk.takes("updates of run.json", self._note)
        if schedule.checkpoint_due:
            self.disk.takes("numbered checkpoints", lambda: self._save(iteration))
        if schedule.checkpoint_due or self.clock.due(schedule):
            started = time.perf_counter()
            self.disk.takes("the latest checkpoints", self.save_last)
            self.clock.tried(time.perf_counter() - started)

    def save_last(self) -> None:
        """Save everything that an exact resume needs, unless that was done in this iteration.

        Raises WorkspaceError where that is not possible.
        """
        if self.at.iteration in (0, self.saved_iteration):
            return
        self._save("last")
        self.saved_iteration = self.at.iteration
        self._note()

    def _save_if_best(self, score: Optional[Score]) -> None:
        if score is None or not math.isfinite(score.mean_return):
            return
        before = self.at.best
        if before is not None and not score > before.score:
            return
        self.at.best = Best(score, self.at.iteration, self.evaluated)
        if self.disk.takes("best checkpoints", lambda: self._save("best")):
            log.log(logging.INFO if self.evaluated else logging.DEBUG, "the best so far: %s", self.at.best)
        else:
            self.at.best = before  # which is the one that there is

    def _note(self) -> None:
        """Write into the run's record how far it got and how good it is."""
        if self.run is None:
            return
        best = self.at.best
        if best is None:
            self.run.update(iterations=self.at.iteration)
            return
        tells = bool(self.monitor.spec.success_criteria) or best.score.success > 0
        self.run.update(
            iterations=self.at.iteration,
            best_return=best.score.mean_return,
            best_success=best.score.success if tells else None,
        )

    def _save(self, which: Union[int, str]) -> None:
        """which: "best", "last" or the iteration; the best continues no episodes, only the last all experience."""
        if self.run is None:
            return
        started, path = time.perf_counter(), self.run.checkpoint_path(which)
        checkpoints.save(path, self.checkpoint(with_env=which != "best", experience=which == "last"))
        self.run.checkpoint_saved(which, self.at.iteration)
        size, seconds = path.stat().st_size / 1e6, time.perf_counter() - started
        log.debug("saved %s: %.1f MB in %.3f s", path, size, seconds)

    def checkpoint(self, *, with_env: bool, experience: bool) -> Checkpoint:
        """Everything that an exact resume needs, or less of it."""
        monitor, curriculum = self.monitor, self.monitor.env.curriculum
        return Checkpoint(
            task=self.experiment.task_name,
            learner_name=self.experiment.train["learner"],
            iteration=self.at.iteration,
            env_steps=self.at.env_steps,
            seed=self.experiment.training.seed,
            learner=self.learner.state(experience=experience),
            rng=rng_state(),
            env=monitor.state() if with_env and monitor.resumable else None,
            monitor=monitor.monitor_state() if with_env else None,
            progress={
                **self.at.progress(),
                "practised": float(curriculum.progress if curriculum is not None else 0),
            },
        )

    # Taking up again.

    def resume(self, path: Path) -> str:
        """Continue from a checkpoint, exactly where it holds the envs' state and their number is the same.

        Returns why the episodes must start anew, empty where they go on. Raises CheckpointError or LearnerError when it
        does not fit.
        """
        saved = checkpoints.load(path, self.monitor.spec.device)
        self.learner.load(saved.learner)
        self.at.iteration, self.at.env_steps = saved.iteration, saved.env_steps
        if saved.progress is not None:
            self.at.seconds = saved.progress["seconds"]
            curriculum = self.monitor.env.curriculum
            if curriculum is not None:  # new episodes begin at the level where the old ones were
                curriculum.progress = int(saved.progress.get("practised", 0))
        if self.run is not None:
            self._adopt_best(self.run, path.parent)
        obstacle = self._load_episodes(saved)
        if not obstacle:
            load_rng_state(saved.rng)
        return obstacle

    def _adopt_best(self, run: Run, folder: Path) -> None:
        """Take over the best checkpoint that lies beside the resumed one, so that this run holds its best too.

        One from after the resumed iteration belongs to another continuation and is left where it is.
        """
        source, ours = folder / checkpoint_name("best"), run.checkpoint_path("best")
        if not source.exists():
            return
        saved = checkpoints.load(source, self.monitor.spec.device)
        best = best_of(saved.progress or {})
        if best is None or (source != ours and saved.iteration > self.at.iteration):
            return
        if best.evaluated != self.evaluated:
            return  # returns while exploring and those of an evaluation do not compare
        self.at.best = best
        if source != ours:
            checkpoints.save(ours, saved)
            run.checkpoint_saved("best", saved.iteration)

    def _load_episodes(self, saved: Checkpoint) -> str:
        """Go on with the saved episodes; returns why they cannot go on here, empty when they can."""
        if not self.monitor.resumable:
            return f"the envs of {self.experiment.task_name} cannot save where they stand"
        if saved.env is None or saved.monitor is None:
            return (
                "the best checkpoint holds the policy alone; take checkpoint=<run>:last to continue exactly"
            )
        if self.ranks.size > 1:
            return "with several ranks only the learner's state is saved"
        then, now = len(saved.env["episode_step"]), self.monitor.spec.num_envs
        if then != now:
            return f"it was saved with numEnvs={then}, now numEnvs={now}"
        try:
            self.monitor.load_state(saved.env)
        except EnvError as error:  # a reward term came or went: the policy can go on, the episodes cannot
            return str(error)
        monitor_state: Mapping[str, Any] = saved.monitor
        self.monitor.load_monitor_state(monitor_state)
        return ""
