"""The training loop: iterate, evaluate, measure, save, until done or asked to stop."""

from __future__ import annotations

import logging
import time
from contextlib import closing, contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any, Callable, ContextManager, Iterator, Mapping

import numpy as np
from rich.console import Console

from rlkit.config import Experiment
from rlkit.config.schema.trackers import NONE
from rlkit.env.api import EnvError, VecEnv
from rlkit.learners.api import Iteration, Learner, LearnerError
from rlkit.media.viewers import Viewer
from rlkit.runtime.playing import scenarios
from rlkit.runtime.playing.evaluation import Evaluation
from rlkit.runtime.process.disk import Disk
from rlkit.runtime.process.logs import Reminders
from rlkit.runtime.process.ranks import Ranks
from rlkit.runtime.process.startup import startup
from rlkit.runtime.process.stopping import StopRequest
from rlkit.runtime.progress.display import Progress
from rlkit.runtime.progress.forecast import Forecast
from rlkit.runtime.progress.metrics import MetricsWriter
from rlkit.runtime.progress.schedule import Schedule
from rlkit.runtime.progress.train_state import TrainState
from rlkit.runtime.progress.units import units_of
from rlkit.runtime.progress.until import Until
from rlkit.runtime.trackers.opening import trackers_of
from rlkit.runtime.training.checkpointer import Checkpointer
from rlkit.runtime.training.monitor import FEW, Monitor
from rlkit.runtime.training.videos import ROLLOUT, TrainingVideos
from rlkit.workspace import Run, WorkspaceError, write_atomic
from rlkit.workspace.store.record import DONE, INTERRUPTED

log = logging.getLogger("rlkit")

Listener = Callable[["Training", Mapping[str, float], Mapping[str, float]], bool]
"""Hears after each iteration its metrics and the means over the latest episodes; True ends the training there."""


class Training:
    """One training, from its first iteration (or a checkpoint's next) to the last.

    `run` is None on ranks that do not write. Which policy is the best: `rlkit.runtime.progress.best`.
    """

    def __init__(
        self,
        experiment: Experiment,
        env: VecEnv,
        learner: Learner,
        run: Run | None,
        ranks: Ranks,
        evaluation: Evaluation | None = None,
        videos: TrainingVideos | None = None,
        viewer: Viewer | None = None,
        listener: Listener | None = None,
    ) -> None:
        self.experiment, self.learner, self.run, self.ranks = experiment, learner, run, ranks
        self.evaluation, self.videos, self.listener = evaluation, videos, listener
        self.env = Monitor(env, viewer)
        self.reminders, self.disk = Reminders(), Disk()
        evaluated = evaluation is not None
        self.checkpointer = Checkpointer(
            experiment, self.env, learner, run, ranks, self.disk, evaluated=evaluated
        )
        # Whether the task learns from evaluations: then all ranks must know of each.
        self._teaches = bool(env.spec.scenarios) and bool(experiment.training.eval_interval)
        self.until = Until(experiment.training.until, self.state, evaluated=evaluated)

    @property
    def state(self) -> TrainState:
        """Where it stands."""
        return self.checkpointer.state

    # The loop.

    def loop(self, console: Console) -> int | None:
        """Train to the end that the `training` section sets; returns the signal that ended it earlier, if one did.

        `until.reached` says afterwards whether it was good enough before.

        Everything is saved either way; while a disk is full the loop goes on without what it does not take.

        Raises LearnerError or EnvError when a number is not finite: the last good checkpoint is then kept,
        and the simulator's state is dumped beside it. Raises WorkspaceError when the end cannot be saved.
        """
        schedule = Schedule(self.experiment.training, self.state)
        progress = self._progress(console, schedule)
        forecast = Forecast(self.experiment, ranks=self.ranks.size)
        with self._stop_request() as stop, self._metrics_writer() as metrics_writer, progress:
            while not schedule.over:
                metrics = self.iterate(schedule)
                startup.report("first iteration")
                self._look(schedule, metrics)
                due = schedule.evaluation_due
                if self.ranks.any(due) if self._teaches else due:
                    metrics.update(self._evaluate())
                    self._look(schedule, metrics)
                window = self.env.window()
                if metrics_writer is not None:
                    self._record(metrics_writer, metrics)
                    forecast.look(schedule, metrics)
                self.checkpointer.save_when_due(schedule, window, metrics)
                progress.show(window, metrics, saved=self.checkpointer.saved_iteration)
                enough = self._told_to_end(metrics, window) or self._reached
                enough, stopped = self.ranks.any_of(enough, stop.asked)
                if enough:
                    schedule.end()
                if stopped:
                    break
            self.checkpointer.save_last()
            self.disk.sum_up()
            if metrics_writer is not None:
                metrics_writer.state = DONE if schedule.over else INTERRUPTED
                if schedule.over:
                    forecast.keep(schedule, reached=self._reached)
                    self._render_best(metrics_writer, stop)
                self._hand_over(metrics_writer)
        return None if schedule.over else stop.signal

    def _look(self, schedule: Schedule, metrics: Mapping[str, float]) -> None:
        """End the training where it is good enough, which the rank that leads decides."""
        if self.ranks.leads and self.until.look(self.env.window(FEW), metrics):
            schedule.end()

    @property
    def _reached(self) -> bool:
        return self.until.reached is not None

    def iterate(self, schedule: Schedule) -> dict[str, float]:
        """One iteration of the learner and its metrics."""
        started = time.perf_counter()
        with self._dumped():
            result = self.learner.iterate(self.env)
        elapsed = time.perf_counter() - started
        self.state.iteration += 1
        self.state.env_steps += result.env_steps
        self.state.seconds += elapsed
        schedule.advanced(result.env_steps)
        episodes, step_time, physics_time = self.env.collect()
        times, own = time_split(result, step_time, physics_time), self.env.metrics()
        if self.ranks.leads:
            room = self.env.contact_room or self.experiment.sim.max_contacts
            warnings = {**result.warnings, **overflow_warning(own, room)}
            self.reminders.tell(self.state.iteration, warnings)
        self._tell_times(result.env_steps, elapsed, times)
        rate = {"rate/env_steps_per_s": result.env_steps / elapsed}
        return {**episodes, **result.metrics, **own, **times, **rate}

    def _tell_times(self, env_steps: int, elapsed: float, times: Mapping[str, float]) -> None:
        if log.isEnabledFor(logging.DEBUG):
            spent = ", ".join(f"{name[5:]} {seconds:.3f}" for name, seconds in times.items())
            log.debug(
                "iteration %d: %d env-steps in %.3f s: %s", self.state.iteration, env_steps, elapsed, spent
            )

    def _evaluate(self) -> dict[str, float]:
        """The evaluation's metrics, none without one; the task learns what became of its scenarios."""
        metrics: dict[str, float] = {}
        if self.evaluation is not None:
            with self._dumped():
                metrics = self._evaluated(self.evaluation)
        if self._teaches:
            self._teach()
        return metrics

    def _evaluated(self, evaluation: Evaluation) -> dict[str, float]:
        if self.videos is None or not self.videos.due(self.state.iteration):
            return evaluation.metrics(self.learner.policy())
        facts = self.videos.facts(self.state.iteration)
        return evaluation.metrics(self.learner.policy(), facts=facts, take=self.videos.take)

    def _teach(self) -> None:
        """Tell the training's envs, on all ranks, what the evaluation found of each scenario, and write it down."""
        spec, at = self.env.spec, self.state.iteration
        results = self.ranks.told(None if self.evaluation is None else self.evaluation.results)
        assert results is not None  # the rank that leads has evaluated
        success, facts = scenarios.found(results, spec)
        self.env.learn_from(success.to(spec.device), {n: fact.to(spec.device) for n, fact in facts.items()})
        if self.run is not None:
            path = self.run.path / f"{spec.scenario_noun}s.csv"
            text = scenarios.as_csv([(at, row) for row in results["scenarios"]], spec)
            self.disk.takes("tables of evaluations", lambda: write_atomic(path, text))

    def _told_to_end(self, metrics: Mapping[str, float], window: Mapping[str, float]) -> bool:
        """Tell the listener of the iteration; whether it has seen enough."""
        return self.listener is not None and self.ranks.leads and self.listener(self, metrics, window)

    # What is written down, with the videos that another process renders.

    def _record(self, metrics_writer: MetricsWriter, metrics: Mapping[str, float]) -> None:
        at = self.state
        self.disk.takes(
            "lines of metrics", lambda: metrics_writer.write(at.iteration, at.env_steps, at.seconds, metrics)
        )
        if self.videos is not None:
            self._show(metrics_writer, self.videos.finished())

    def _render_best(self, metrics_writer: MetricsWriter, stop: StopRequest) -> None:
        """Everything is saved: the learner may take the best policy once more, if this run knows of one."""
        if self.videos is not None and self.evaluation is not None:
            if self.state.best is not None and not stop.asked:
                self.videos.render_best(self.learner, self.evaluation)
            self._show(metrics_writer, self.videos.finish(stop))

    def _show(self, metrics_writer: MetricsWriter, gifs: list[tuple[int, Path]]) -> None:
        for iteration, gif in gifs:
            self.disk.takes(
                "pictures in TensorBoard", partial(metrics_writer.add_video, "eval/video", gif, iteration)
            )

    def _hand_over(self, metrics_writer: MetricsWriter) -> None:
        """Give the trackers what there is at the end: the film of the best policy, and its checkpoint where asked."""
        run, best = self.run, self.state.best
        if run is None or self.experiment.logging.tracker == NONE:
            return
        film = run.videos / f"{ROLLOUT}.mp4"
        if self.videos is not None and film.exists():
            metrics_writer.add_video(ROLLOUT, film, self.state.iteration)
        checkpoint = run.checkpoint_path("best" if best is not None else "last")
        if self.experiment.logging.tracker_checkpoint and checkpoint.exists():
            facts = {"iteration": self.state.iteration} if best is None else best.facts
            metrics_writer.add_file("checkpoint", checkpoint, {"run": run.name, **facts})

    # Starting.

    def start(self) -> None:
        """Begin with new episodes of staggered ages."""
        self.env.reset()
        self.env.stagger()
        self.learner.forget()

    def resume(self, path: Path) -> None:
        """Continue from a checkpoint; raises CheckpointError or LearnerError when it does not fit."""
        obstacle = self.checkpointer.resume(path)
        if obstacle:
            log.info("resuming at iteration %d; episodes start anew: %s", self.state.iteration, obstacle)
            self.start()
        else:
            exactly = (
                "exactly where it was saved"
                if self.learner.complete
                else "with the episodes as they were saved"
            )
            log.info("resuming at iteration %d, %s", self.state.iteration, exactly)

    # Looking.

    def _stop_request(self) -> StopRequest:
        live = self.env.live
        return StopRequest(live.let_go) if live else StopRequest()

    def _progress(self, console: Console, schedule: Schedule) -> Progress:
        settings = self.experiment.logging
        quiet = self.run is None or settings.log_level in ("warning", "error")
        most = self.experiment.training.max_steps
        return Progress(
            console, schedule, self.state, interval=settings.log_interval, max_steps=most, quiet=quiet
        )

    def _metrics_writer(self) -> ContextManager[MetricsWriter | None]:
        if self.run is None:
            return nullcontext()
        first = self.state.iteration + 1
        files = self.run.metrics, self.run.summaries
        writer = MetricsWriter(*files, first_iteration=first, units=units_of(self.env.spec))
        writer.add(trackers_of(self.experiment, self.run, first_iteration=first))
        return closing(writer)

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
        arrays: dict[str, Any] = {name: value.cpu().numpy() for name, value in self.env.snapshot().items()}
        try:
            write_atomic(path, lambda handle: np.savez(handle, **arrays))
        except WorkspaceError as error:  # a full disk must not hide what went wrong before
            log.warning("%s", error)
            return
        log.error("the state of all envs was written to %s", path)


def overflow_warning(metrics: Mapping[str, float], room: int) -> dict[str, str]:
    """Says that contacts found no room, with a setting that has; room: points in one env, 0 where it is not known."""
    count = metrics.get("physics/overflow", 0.0)
    if not count:
        return {}
    more = f"sim.maxContacts={2 * room}" if room else "a larger sim.maxContacts"
    return {
        "overflow": f"in {count:.0f} env-steps there were more contacts than the simulator has room for: bodies sink"
        f" into each other; write {more}"
    }


def time_split(result: Iteration, step_time: float, physics_time: float) -> dict[str, float]:
    """Seconds of an iteration: physics, the rest of the env, the policy (acting), the update."""
    return {
        "time/physics": physics_time,
        "time/env": step_time - physics_time,
        "time/policy": max(0.0, result.collect_time - step_time),
        "time/update": result.update_time,
    }
