"""The training loop: iterate, evaluate, measure, save, until done or asked to stop."""

from __future__ import annotations

import logging
import time
from contextlib import closing, contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any, ContextManager, Dict, Iterator, List, Mapping, Optional, Tuple

import numpy as np
from rich.console import Console

from rlkit.config import Experiment
from rlkit.env.spec import EnvError, VecEnv
from rlkit.learners.api import Iteration, Learner, LearnerError
from rlkit.runtime.disk import Disk
from rlkit.runtime.evaluation import Evaluation
from rlkit.runtime.forecast import Forecast
from rlkit.runtime.keeping import Keeper
from rlkit.runtime.logs import Reminders
from rlkit.runtime.metrics import MetricsWriter
from rlkit.runtime.monitor import Monitor
from rlkit.runtime.progress import Progress
from rlkit.runtime.ranks import Ranks
from rlkit.runtime.schedule import Schedule
from rlkit.runtime.standing import Standing
from rlkit.runtime.startup import Startup
from rlkit.runtime.stopping import StopRequest
from rlkit.runtime.training_videos import TrainingVideos
from rlkit.workspace import Run, WorkspaceError, write_atomic

log = logging.getLogger("rlkit")


class Training:
    """One training, from its first iteration (or a checkpoint's next) to the last.

    `run` is None on ranks that do not write. With an `evaluation` its success and return decide which policy is the
    best; without one, the means over training's latest episodes.
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
        self.reminders, self.disk = Reminders(), Disk()
        evaluated = evaluation is not None
        self.keeper = Keeper(experiment, self.monitor, learner, run, ranks, self.disk, evaluated=evaluated)

    @property
    def at(self) -> Standing:
        """Where it stands."""
        return self.keeper.at

    # The loop.

    def loop(self, console: Console, startup: Startup) -> Optional[int]:
        """Train to the end that the `training` section sets; returns the signal that ended it earlier, if one did.

        Everything is saved either way; while a disk is full the loop goes on without what it does not take.

        Raises LearnerError or EnvError when a number is not finite: the last good checkpoint is then kept,
        and the simulator's state is dumped beside it. Raises WorkspaceError when the end cannot be saved.
        """
        schedule = Schedule(self.experiment.training, self.at)
        progress, forecast = self._progress(console, schedule), Forecast(self.experiment)
        with self._stop_request() as stop, self._metrics_writer() as metrics_writer, progress:
            while not schedule.over:
                metrics = self.iterate(schedule)
                startup.first_iteration_done()
                if schedule.evaluation_due:
                    metrics.update(self._evaluate())
                window = self.monitor.window()
                if metrics_writer is not None:
                    self._record(metrics_writer, metrics)
                    forecast.look(schedule, metrics)
                self.keeper.save_when_due(schedule, window, metrics)
                progress.show(window, metrics, saved=self.keeper.saved_iteration)
                if self.ranks.any(stop.asked):
                    break
            self.keeper.save_last()
            self.disk.sum_up()
            if metrics_writer is not None and schedule.over:
                self._film_best(metrics_writer, stop)
        return None if schedule.over else stop.signal

    def iterate(self, schedule: Schedule) -> Dict[str, float]:
        """One iteration of the learner and its metrics."""
        started = time.perf_counter()
        with self._dumped():
            result = self.learner.iterate(self.monitor)
        elapsed = time.perf_counter() - started
        self.at.iteration += 1
        self.at.env_steps += result.env_steps
        self.at.seconds += elapsed
        schedule.advanced(result.env_steps)
        episodes, step_time, physics_time = self.monitor.collect()
        times, own = time_split(result, step_time, physics_time), self.monitor.metrics()
        if self.ranks.leads:
            room = self.env.contact_room or self.experiment.sim.max_contacts
            warnings = {**result.warnings, **overflow_warning(own, room)}
            self.reminders.tell(self.at.iteration, warnings)
        self._tell_times(result.env_steps, elapsed, times)
        rate = {"rate/env_steps_per_s": result.env_steps / elapsed}
        return {**episodes, **result.metrics, **own, **times, **rate}

    def _tell_times(self, env_steps: int, elapsed: float, times: Mapping[str, float]) -> None:
        if log.isEnabledFor(logging.DEBUG):
            spent = ", ".join(f"{name[5:]} {seconds:.3f}" for name, seconds in times.items())
            log.debug(
                "iteration %d: %d env-steps in %.3f s: %s", self.at.iteration, env_steps, elapsed, spent
            )

    def _evaluate(self) -> Dict[str, float]:
        """The evaluation's metrics, none without one."""
        if self.evaluation is None:
            return {}
        with self._dumped():
            if self.videos is None or not self.videos.due(self.at.iteration):
                return self.evaluation.metrics(self.learner.policy())
            facts = self.videos.facts(self.at.iteration)
            return self.evaluation.metrics(self.learner.policy(), facts=facts, take=self.videos.take)

    # What is written down, with the videos that another process renders.

    def _record(self, metrics_writer: MetricsWriter, metrics: Mapping[str, float]) -> None:
        at = self.at
        self.disk.takes(
            "lines of metrics",
            lambda: metrics_writer.write(at.iteration, at.env_steps, at.seconds, metrics),
        )
        if self.videos is not None:
            self._show(metrics_writer, self.videos.finished())

    def _film_best(self, metrics_writer: MetricsWriter, stop: StopRequest) -> None:
        """Everything is saved: the learner may take the best policy once more."""
        if self.videos is not None and self.evaluation is not None:
            self._show(metrics_writer, self.videos.film_best(self.learner, self.evaluation, stop))

    def _show(self, metrics_writer: MetricsWriter, gifs: List[Tuple[int, Path]]) -> None:
        for iteration, gif in gifs:
            self.disk.takes(
                "pictures in TensorBoard", partial(metrics_writer.add_gif, "eval/video", gif, iteration)
            )

    # Starting.

    def start(self) -> None:
        """Begin with new episodes of staggered ages."""
        self.monitor.reset()
        self.env.stagger()

    def resume(self, path: Path) -> None:
        """Continue from a checkpoint; raises CheckpointError or LearnerError when it does not fit."""
        obstacle = self.keeper.resume(path)
        if obstacle:
            log.info("resuming at iteration %d; episodes start anew: %s", self.at.iteration, obstacle)
            self.start()
        else:
            exactly = (
                "exactly where it was saved"
                if self.learner.complete
                else "with the episodes as they were saved"
            )
            log.info("resuming at iteration %d, %s", self.at.iteration, exactly)

    # Looking.

    def _stop_request(self) -> StopRequest:
        live = self.monitor.live
        return StopRequest(live.let_go) if live else StopRequest()

    def _progress(self, console: Console, schedule: Schedule) -> Progress:
        settings = self.experiment.logging
        quiet = self.run is None or settings.log_level in ("warning", "error")
        most = self.experiment.training.max_steps
        return Progress(
            console, schedule, self.at, interval=settings.log_interval, max_steps=most, quiet=quiet
        )

    def _metrics_writer(self) -> ContextManager[Optional[MetricsWriter]]:
        if self.run is None:
            return nullcontext()
        first = self.at.iteration + 1
        return closing(MetricsWriter(self.run.metrics, self.run.summaries, first_iteration=first))

    @contextmanager
    def _dumped(self) -> Iterator[None]:
        """Dump the envs' state where a number was not finite."""
        try:
            yield
        except (LearnerError, EnvError):
            self._dump()
            raise

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
