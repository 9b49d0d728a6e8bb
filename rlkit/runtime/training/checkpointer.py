"""What of a training is kept in checkpoints, and how it is taken up again."""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import Any, Mapping

from rlkit.config import Experiment
from rlkit.config.facts.code import code_of
from rlkit.errors import RlkitError
from rlkit.learners.api import Learner
from rlkit.runtime.checkpoints import checkpoint as checkpoints
from rlkit.runtime.checkpoints.env_spec import as_plain
from rlkit.runtime.checkpoints.head import Checkpoint, CheckpointError
from rlkit.runtime.process.disk import Disk
from rlkit.runtime.process.ranks import Ranks
from rlkit.runtime.process.seeding import load_rng_state, rng_state
from rlkit.runtime.progress.best import Ranking
from rlkit.runtime.progress.schedule import SaveClock, Schedule
from rlkit.runtime.progress.train_state import Best, TrainState, best_of
from rlkit.runtime.progress.units import units_of
from rlkit.runtime.training.monitor import Monitor
from rlkit.workspace import Run, checkpoint_name

log = logging.getLogger("rlkit")


class Checkpointer:
    """Saves a training that stands at `state` into its run, and resumes one; without a run (other ranks) saves nothing.

    A full disk costs the checkpoints that it does not take, but for the one at the end; the old ones are kept.
    evaluated: whether evaluations run.
    """

    def __init__(
        self,
        experiment: Experiment,
        monitor: Monitor,
        learner: Learner,
        run: Run | None,
        ranks: Ranks,
        disk: Disk,
        *,
        evaluated: bool,
    ) -> None:
        self.experiment, self.monitor, self.learner = experiment, monitor, learner
        self.run, self.ranks = run, ranks
        self.disk, self.ranking = disk, Ranking(experiment.training.best_by, evaluated=evaluated)
        self.env_spec = as_plain(monitor)
        self.state = TrainState()
        self.clock = SaveClock()
        self.saved_iteration: int | None = None  # of checkpoint_last, as far as this session knows

    # Saving.

    def save_when_due(
        self, schedule: Schedule, window: Mapping[str, float], metrics: dict[str, float]
    ) -> None:
        """Save what the schedule or the clock asks for, and a policy that is better than all before.

        window: means over the latest episodes.
        """
        iteration = self.state.iteration
        logged = iteration % self.experiment.logging.log_interval == 0
        if self.ranking.evaluated or logged:
            self._save_if_best(self.ranking.best_of(window, metrics, iteration))
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
        if self.state.iteration in (0, self.saved_iteration):
            return
        self._save("last")
        self.saved_iteration = self.state.iteration
        self._note()

    def _save_if_best(self, candidate: Best | None) -> None:
        before = self.state.best
        if candidate is None or not self.ranking.is_better(candidate, before):
            return
        self.state.best = candidate
        if self.disk.takes("best checkpoints", lambda: self._save("best")):
            log.log(logging.INFO if candidate.evaluated else logging.DEBUG, "the best so far: %s", candidate)
        else:
            self.state.best = before  # which is the one that there is

    def _note(self) -> None:
        """Write into the run's record how far it got and how good it is."""
        if self.run is None:
            return
        best = self.state.best
        facts: dict[str, Any] = {"iterations": self.state.iteration, "units": units_of(self.monitor.spec)}
        if best is not None:
            tells = bool(self.monitor.spec.success_criteria) or best.score.success > 0
            facts.update(
                best_return=best.score.mean_return,
                best_success=best.score.success if tells else None,
                best_by=best.by,
            )
        self.run.update(**facts)

    def _save(self, which: int | str) -> None:
        """which: "best", "last" or the iteration; the best continues no episodes, only the last all experience."""
        if self.run is None:
            return
        started, path = time.perf_counter(), self.run.checkpoint_path(which)
        # Its size is not asked of the file, which may be gone at once: somebody moves the run's folder
        size = checkpoints.save(path, self.checkpoint(with_env=which != "best", experience=which == "last"))
        self.run.checkpoint_saved(which, self.state.iteration)
        log.debug("saved %s: %.1f MB in %.3f s", path, size / 1e6, time.perf_counter() - started)

    def checkpoint(self, *, with_env: bool, experience: bool) -> Checkpoint:
        """Everything that an exact resume needs, or less of it."""
        monitor, curriculum = self.monitor, self.monitor.curriculum
        return Checkpoint(
            task=self.experiment.task_name,
            learner_name=self.experiment.train["learner"],
            iteration=self.state.iteration,
            env_steps=self.state.env_steps,
            seed=self.experiment.training.seed,
            learner=self.learner.state(experience=experience),
            rng=rng_state(),
            env=monitor.state() if with_env and monitor.resumable else None,
            monitor=monitor.monitor_state() if with_env else None,
            progress={
                **self.state.progress(),
                "curriculum": float(curriculum.progress if curriculum is not None else 0),
                "ranks": float(self.ranks.size),
            },
            code=code_of(self.experiment.sections()) or None,
            env_spec=self.env_spec,
            shared=monitor.shared_state() or None,
        )

    # Taking up again.

    def resume(self, path: Path) -> str:
        """Continue from a checkpoint, exactly where it holds the envs' state and their number is the same.

        Returns why the episodes must start anew, empty where they go on. Raises CheckpointError or LearnerError when it
        does not fit.
        """
        saved = checkpoints.load(path, self.monitor.spec.device)
        self.learner.load(saved.learner)
        self.state.iteration, self.state.env_steps = saved.iteration, saved.env_steps
        if saved.progress is not None:
            self.state.seconds = saved.progress["seconds"]
            curriculum = self.monitor.curriculum
            if curriculum is not None:  # new episodes begin at the level where the old ones were
                known = saved.progress.get("curriculum", saved.progress.get("practised", 0))  # its older name
                curriculum.progress = int(known)
        others = self._load_shared(saved.shared or {})
        if self.run is not None:
            self._adopt_best(self.run, path.parent, of_others=bool(others))
        obstacle = others or self._load_episodes(saved)
        if not obstacle:
            load_rng_state(saved.rng)
        return obstacle

    def _load_shared(self, state: Mapping[str, Any]) -> str:
        """What the task keeps beside the envs survives another number of them, and another set of ranks.

        Returns why it cannot go on here, empty where it does.
        """
        try:
            self.monitor.load_shared_state(state)
        except RlkitError as error:  # another set of scenarios, of which the saved episodes are too
            return str(error)
        return ""

    def _adopt_best(self, run: Run, folder: Path, *, of_others: bool) -> None:
        """Take over the best checkpoint that lies beside the resumed one, so that this run holds its best too.

        One from after the resumed iteration belongs to another continuation and is left where it is. of_others: it was
        the best at other scenarios, as clips that have changed.
        """
        source, ours = folder / checkpoint_name("best"), run.checkpoint_path("best")
        if not source.exists():
            return
        try:
            saved = checkpoints.load(source, self.monitor.spec.device)
        except CheckpointError as error:  # the resumed one is whole: the training need not wait for it
            log.warning("%s. The training goes on, and a new best is looked for", error)
            return
        best = best_of(saved.progress or {})
        if best is None or (source != ours and saved.iteration > self.state.iteration):
            return
        if of_others or not self.ranking.compares(
            best
        ):  # as returns while exploring and those of an evaluation
            why = "at other scenarios" if of_others else "by other measures"
            log.info("the best of %s was so %s: a new one is looked for", folder.parent.name, why)
            return
        self.state.best = best
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
        ranks = int((saved.progress or {}).get("ranks", 1))
        if max(ranks, self.ranks.size) > 1:
            then = "" if ranks == self.ranks.size else f" (saved by {ranks}, now {self.ranks.size})"
            return f"with several ranks only the learner's state is saved{then}"
        then, now = len(saved.env["episode_step"]), self.monitor.spec.num_envs
        if then != now:
            return f"it was saved with numEnvs={then}, now numEnvs={now}"
        try:
            self.monitor.load_state(saved.env)
        except RlkitError as error:  # a reward term came or went: the policy can go on, the episodes cannot
            return str(error)
        monitor_state: Mapping[str, Any] = saved.monitor
        self.monitor.load_monitor_state(monitor_state)
        return ""
