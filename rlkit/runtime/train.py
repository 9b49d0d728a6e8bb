"""The training loop: iterate, measure, save, until done or asked to stop."""

from __future__ import annotations

import logging
import time
from contextlib import closing, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ContextManager, Dict, Mapping, Optional, Union

import numpy as np
from rich.console import Console

from rlkit.config import Experiment
from rlkit.env.spec import EnvError, VecEnv
from rlkit.learners.api import Iteration, Learner, LearnerError
from rlkit.runtime import checkpoint as checkpoints
from rlkit.runtime.checkpoint import Checkpoint
from rlkit.runtime.evaluation import Evaluation
from rlkit.runtime.logs import Reminders
from rlkit.runtime.metrics import MetricsWriter
from rlkit.runtime.monitor import Monitor
from rlkit.runtime.progress import Progress
from rlkit.runtime.ranks import Ranks
from rlkit.runtime.seeding import load_rng_state, rng_state
from rlkit.runtime.startup import Startup
from rlkit.runtime.stopping import StopRequest
from rlkit.runtime.training_videos import TrainingVideos
from rlkit.workspace import Run, WorkspaceError, checkpoint_name, write_atomic

log = logging.getLogger("rlkit")

NO_RETURN = float("-inf")


@dataclass
class Standing:
    """Where a training stands; goes into every checkpoint."""

    iteration: int = 0
    env_steps: int = 0
    seconds: float = 0.0
    best_return: float = NO_RETURN
    best_iteration: int = 0

    @property
    def best(self) -> Optional[float]:
        """The best return, None before there is one."""
        return self.best_return if self.best_return > NO_RETURN else None


class Training:
    """One training, from its first iteration (or a checkpoint's next) to the last.

    `run` is None on ranks that do not write. With an `evaluation` its return decides which policy is the best;
    without one, the mean over training's latest episodes.
    """

    def __init__(
        self,
        experiment: Experiment,
        env: VecEnv,
        learner: Learner,
        run: Optional[Run],
        ranks: Ranks,
        evaluation: Optional[Evaluation] = None,
        videos: Optional[TrainingVideos] = None,
    ) -> None:
        self.experiment, self.env, self.learner, self.run, self.ranks = experiment, env, learner, run, ranks
        self.evaluation, self.videos = evaluation, videos
        self.monitor = Monitor(env)
        self.reminders = Reminders()
        self.at = Standing()
        self._saved_iteration = -1

    # The loop.

    def loop(self, console: Console, startup: Startup) -> Optional[int]:
        """Train to `training.maxIterations`; returns the signal that ended it earlier, if one did.

        Everything is saved either way.

        Raises LearnerError or EnvError when a number is not finite: the last good checkpoint is then kept,
        and the simulator's state is dumped beside it.
        """
        total = self.experiment.training.max_iterations
        progress = self._progress(console, total)
        live = self.monitor.live
        with StopRequest(
            live.let_go if live else lambda: None
        ) as stop, self._metrics_writer() as metrics_writer, progress:
            while self.at.iteration < total:
                metrics = self.iterate()
                startup.first_iteration_done()
                metrics.update(self._evaluate_when_due())
                window = self.monitor.window()
                if metrics_writer is not None:
                    metrics_writer.write(self.at.iteration, self.at.env_steps, self.at.seconds, metrics)
                    progress.show(self.at.iteration, self.at.env_steps, window, metrics)
                    self._show_videos(metrics_writer)
                self._save_when_due(window, metrics)
                if self.ranks.any(stop.asked):
                    break
            self._save_last()
            if metrics_writer is not None and self.at.iteration >= total:
                self._film_best(metrics_writer)
        return None if self.at.iteration >= total else stop.signal

    def iterate(self) -> Dict[str, float]:
        """One iteration of the learner and its metrics."""
        started = time.perf_counter()
        try:
            result = self.learner.iterate(self.monitor)
        except (LearnerError, EnvError):
            self._dump()
            raise
        elapsed = time.perf_counter() - started
        self.at.iteration += 1
        self.at.env_steps += result.env_steps
        self.at.seconds += elapsed
        episodes, step_time, physics_time = self.monitor.collect()
        times, own = time_split(result, step_time, physics_time), self.monitor.metrics()
        if self.ranks.leads:
            room = self.env.contact_room or self.experiment.sim.max_contacts
            warnings = {**result.warnings, **overflow_warning(own, room)}
            self.reminders.tell(self.at.iteration, warnings)
        rate = {"rate/env_steps_per_s": result.env_steps / elapsed}
        return {**episodes, **result.metrics, **own, **times, **rate}

    def _evaluate_when_due(self) -> Dict[str, float]:
        """The evaluation's metrics every `training.evalInterval` iterations and after the last one, else none."""
        settings, iteration = self.experiment.training, self.at.iteration
        if self.evaluation is None or (
            iteration % settings.eval_interval and iteration < settings.max_iterations
        ):
            return {}
        if self.videos is None or not self.videos.due(iteration):
            return self.evaluation.metrics(self.learner.policy())
        facts = self.videos.facts(iteration)
        return self.evaluation.metrics(self.learner.policy(), facts=facts, take=self.videos.take)

    # Videos, which another process renders.

    def _show_videos(self, metrics_writer: MetricsWriter) -> None:
        if self.videos is not None:
            for iteration, gif in self.videos.finished():
                metrics_writer.add_gif("eval/video", gif, iteration)

    def _film_best(self, metrics_writer: MetricsWriter) -> None:
        """Everything is saved: the learner may take the best policy once more."""
        if self.videos is not None and self.evaluation is not None:
            for iteration, gif in self.videos.film_best(self.learner, self.evaluation):
                metrics_writer.add_gif("eval/video", gif, iteration)

    # Saving.

    def _save_when_due(self, window: Mapping[str, float], metrics: Mapping[str, float]) -> None:
        iteration = self.at.iteration
        logged = iteration % self.experiment.logging.log_interval == 0
        if self.evaluation is not None:
            self._save_if_best(metrics.get("eval/return", NO_RETURN))
        elif logged:
            self._save_if_best(window.get("episode/return", NO_RETURN))
        if logged and self.run is not None:
            self.run.update(iterations=iteration, best_return=self.at.best)
        if iteration % self.experiment.training.checkpoint_interval == 0:
            self._save(iteration)
            self._save_last()

    def _save_if_best(self, score: float) -> None:
        if score > self.at.best_return:
            self.at.best_return, self.at.best_iteration = score, self.at.iteration
            self._save("best")

    def _save_last(self) -> None:
        if self._saved_iteration == self.at.iteration or self.at.iteration == 0:
            return
        self._save("last")
        self._saved_iteration = self.at.iteration
        if self.run is not None:
            self.run.update(iterations=self.at.iteration, best_return=self.at.best)

    def _save(self, which: Union[int, str]) -> None:
        """which: "best", "last" or the iteration; the best continues no episodes, only the last all experience."""
        if self.run is None:
            return
        path = self.run.checkpoint_path(which)
        checkpoints.save(path, self.checkpoint(with_env=which != "best", experience=which == "last"))
        self.run.checkpoint_saved(which, self.at.iteration)
        log.debug("saved %s", path)

    def checkpoint(self, *, with_env: bool, experience: bool) -> Checkpoint:
        """Everything that an exact resume needs, or less of it."""
        return Checkpoint(
            task=self.experiment.task_name,
            learner_name=self.experiment.train["learner"],
            iteration=self.at.iteration,
            env_steps=self.at.env_steps,
            seed=self.experiment.training.seed,
            learner=self.learner.state(experience=experience),
            rng=rng_state(),
            env=self.monitor.state() if with_env and self.env.resumable else None,
            monitor=self.monitor.monitor_state() if with_env else None,
            progress={
                "seconds": self.at.seconds,
                "best_return": self.at.best_return,
                "best_iteration": float(self.at.best_iteration),
                "best_is_evaluated": float(self.evaluation is not None),
                "practised": float(self.env.curriculum.progress if self.env.curriculum is not None else 0),
            },
        )

    # Starting.

    def start(self) -> None:
        """Begin with new episodes of staggered ages."""
        self.monitor.reset()
        self.env.stagger()

    def resume(self, path: Path) -> None:
        """Continue from a checkpoint, exactly where it holds the envs' state and their number is the same.

        Raises CheckpointError or LearnerError when it does not fit.
        """
        saved = checkpoints.load(path, self.env.spec.device)
        self.learner.load(saved.learner)
        self.at.iteration, self.at.env_steps = saved.iteration, saved.env_steps
        if saved.progress is not None:
            self.at.seconds = saved.progress["seconds"]
            if self.env.curriculum is not None:  # new episodes begin at the level where the old ones were
                self.env.curriculum.progress = int(saved.progress.get("practised", 0))
        if self.run is not None:
            self._adopt_best(self.run, path.parent)
        self._saved_iteration = -1
        obstacle = self._load_episodes(saved)
        if obstacle:
            log.info("resuming at iteration %d; episodes start anew: %s", saved.iteration, obstacle)
            self.start()
        else:
            load_rng_state(saved.rng)
            how = (
                "exactly where it was saved"
                if self.learner.complete
                else "with the episodes as they were saved"
            )
            log.info("resuming at iteration %d, %s", saved.iteration, how)

    def _adopt_best(self, run: Run, folder: Path) -> None:
        """Take over the best checkpoint that lies beside the resumed one, so that this run holds its best too.

        One from after the resumed iteration belongs to another continuation and is left where it is.
        """
        source, ours = folder / checkpoint_name("best"), run.checkpoint_path("best")
        if not source.exists():
            return
        best = checkpoints.load(source, self.env.spec.device)
        if best.progress is None or (source != ours and best.iteration > self.at.iteration):
            return
        if bool(best.progress.get("best_is_evaluated", 0.0)) != (self.evaluation is not None):
            return  # a return while exploring and one of an evaluation do not compare
        self.at.best_return, self.at.best_iteration = best.progress["best_return"], best.iteration
        if source != ours:
            checkpoints.save(ours, best)
            run.checkpoint_saved("best", best.iteration)

    def _load_episodes(self, saved: Checkpoint) -> str:
        """Go on with the saved episodes; returns why they cannot go on here, empty when they can."""
        if not self.env.resumable:
            return f"the envs of {self.experiment.task_name} cannot save where they stand"
        if saved.env is None or saved.monitor is None:
            return (
                "the best checkpoint holds the policy alone; take checkpoint=<run>:last to continue exactly"
            )
        if self.ranks.size > 1:
            return "with several ranks only the learner's state is saved"
        then, now = len(saved.env["episode_step"]), self.env.spec.num_envs
        if then != now:
            return f"it was saved with numEnvs={then}, now numEnvs={now}"
        try:
            self.monitor.load_state(saved.env)
        except EnvError as error:  # a reward term came or went: the policy can go on, the episodes cannot
            return str(error)
        self.monitor.load_monitor_state(saved.monitor)
        return ""

    # Looking.

    def _progress(self, console: Console, total: int) -> Progress:
        settings = self.experiment.logging
        quiet = self.run is None or settings.log_level in ("warning", "error")
        return Progress(
            console, total=total, start=self.at.iteration, interval=settings.log_interval, quiet=quiet
        )

    def _metrics_writer(self) -> ContextManager[Optional[MetricsWriter]]:
        if self.run is None:
            return nullcontext()
        first = self.at.iteration + 1
        return closing(MetricsWriter(self.run.metrics, self.run.summaries, first_iteration=first))

    def _dump(self) -> None:
        """Write the simulator's state at the moment a number was not finite, for a look afterwards."""
        if self.run is None:
            return
        path = self.run.path / "failure_dump.npz"
        arrays: Dict[str, Any] = {name: value.cpu().numpy() for name, value in self.env.snapshot().items()}
        try:
            write_atomic(path, lambda handle: np.savez(handle, **arrays))
        except WorkspaceError as error:  # a full disk must not hide what went wrong before
            log.warning("%s", error)
            return
        log.error("the state of all envs was written to %s", path)


def overflow_warning(metrics: Mapping[str, float], room: int) -> Dict[str, str]:
    """Says that contacts found no room, with a setting that has; room: points in one env, 0 where it is not known."""
    count = metrics.get("physics/overflow", 0.0)
    if not count:
        return {}
    more = f"sim.maxContacts={2 * room}" if room else "a larger sim.maxContacts"
    return {
        "overflow": f"in {count:.0f} env-steps there were more contacts than the simulator has room for: bodies sink"
        f" into each other; write {more}"
    }


def time_split(result: Iteration, step_time: float, physics_time: float) -> Dict[str, float]:
    """Seconds of an iteration: physics, the rest of the env, the policy (acting), the update."""
    return {
        "time/physics": physics_time,
        "time/env": step_time - physics_time,
        "time/policy": max(0.0, result.collect_time - step_time),
        "time/update": result.update_time,
    }
