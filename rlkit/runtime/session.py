"""One session: boot simulator, task and learner in the one order that is safe, then train or test."""

from __future__ import annotations

import logging
import shlex
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Iterator, Mapping, Optional, Tuple

import torch
from rich.console import Console

from rlkit.config import Experiment, goals
from rlkit.env.spec import EnvError, VecEnv
from rlkit.learners.api import Learner, LearnerError
from rlkit.runtime import pretrained, tuning
from rlkit.runtime.build import build_env, build_learner
from rlkit.runtime.checkpoint_head import CheckpointError
from rlkit.runtime.describe import describe
from rlkit.runtime.evaluation import SEED_OFFSET, Evaluation
from rlkit.runtime.gym_request import to_type
from rlkit.runtime.live import LiveView
from rlkit.runtime.logs import FILE_ONLY
from rlkit.runtime.ranks import Ranks, joined
from rlkit.runtime.seeding import seed_everything
from rlkit.runtime.seeing import viewer_for
from rlkit.runtime.startup import Startup
from rlkit.runtime.test import Test
from rlkit.runtime.train import Training
from rlkit.runtime.training_videos import ROLLOUT, TrainingVideos
from rlkit.sims.api import SimulatorError
from rlkit.tasks.api import TaskError
from rlkit.workspace import Resolved, Run, WorkspaceError
from rlkit.workspace.record import read_record

log = logging.getLogger("rlkit")

DONE, FAILED = 0, 1
EXPECTED = (SimulatorError, TaskError, LearnerError, EnvError, CheckpointError, WorkspaceError)


class Session:
    """A request with its run folder (None on ranks that do not write) and the checkpoint it starts from."""

    def __init__(
        self,
        experiment: Experiment,
        source: Optional[Resolved],
        run: Optional[Run],
        ranks: Ranks,
        console: Console,
    ) -> None:
        self.experiment, self.source, self.run = experiment, source, run
        self.ranks, self.console = ranks, console
        self.checkpoint = source.checkpoint if source is not None else None

    def play(self, startup: Startup) -> int:
        """Train or test; returns the exit status. Errors that we raise on purpose become one message."""
        startup.lap("imports")
        try:
            with self._booted(startup) as (env, learner):
                if self.experiment.kind == "test":
                    return self._test(env, learner, startup)
                return self._train(env, learner, startup)
        except EXPECTED as error:
            startup.stop.check()  # what was stopped half-way may fail in any way
            log.error("%s", error)
            details = getattr(error, "details", "")
            if details:
                log.error("%s", details, extra=FILE_ONLY)
            if self.run is not None:
                self.run.end("failed", str(error))
                self._say_what_is_left(self.run)
            return FAILED

    @contextmanager
    def _booted(self, startup: Startup) -> Iterator[Tuple[VecEnv, Learner]]:
        """Seeded generators, then the simulator with the task, then the learner; closed on the way out."""
        settings, ranks = self.experiment.training, self.ranks
        torch.set_num_threads(1)  # until it is known how many pay
        with joined(ranks, ranks.device(self.experiment.env.device)):
            self._agree()
            seed = self.experiment.training.seed
            startup.begin(f"starting {self.experiment.env.num_envs} environments")
            seed_everything(seed + ranks.rank, deterministic=settings.torch_deterministic)
            env = build_env(self.experiment, ranks, learning=self.experiment.kind == "train")
            startup.lap("simulator and task")
            try:
                startup.begin("making the learner")
                self._decide(env)
                learner = build_learner(self.experiment, env)
                startup.lap("learner")
                yield env, learner
            finally:
                env.close()

    def _decide(self, env: VecEnv) -> None:
        """Settings that were left to this machine become values; a resumed run keeps those that it had."""
        choice = tuning.decide(self.experiment, env.spec, self._kept_choices(), alone=self.ranks.size == 1)
        if choice is not None:
            self.experiment = tuning.with_choices(self.experiment, choice.values)
            words = (f"{name}={str(value).lower()}" for name, value in choice.values.items())
            log.info("for this machine %s (%s)", ", ".join(words), choice.how)
            if self.run is not None:
                self.run.update(chosen=choice.values)
        torch.set_num_threads(int(self.experiment.training.threads))

    def _kept_choices(self) -> Mapping[str, Any]:
        """What the run that is resumed made of such settings, nothing where that is not known."""
        if self.source is None or self.source.run_path is None:
            return {}
        try:
            return read_record(self.source.run_path).chosen
        except WorkspaceError:
            return {}

    def _agree(self) -> None:
        """Take rank 0's seed and checkpoint."""
        training = self.experiment.training
        seed, self.checkpoint = self.ranks.agree(training.seed, self.checkpoint)
        self.experiment = replace(self.experiment, training=replace(training, seed=seed))

    def _train(self, env: VecEnv, learner: Learner, startup: Startup) -> int:
        self._take_weights(learner)
        with self._evaluation(startup) as evaluation, self._videos() as videos:
            training = Training(self.experiment, env, learner, self.run, self.ranks, evaluation, videos)
            with self._shown(training):
                stopped_by = self._trained(training, startup)
        if self.run is not None:
            self.run.set_state("done" if stopped_by is None else "interrupted")
            self._say_what_next(self.run, training, stopped_by)
        return DONE if stopped_by is None else 128 + stopped_by

    def _trained(self, training: Training, startup: Startup) -> Optional[int]:
        """Train from the start or the checkpoint; returns the signal that ended it early, if one did."""
        startup.begin("the first iteration")
        if self.checkpoint is None:
            training.start()
        else:
            if self.source is not None:
                log.info("%s: %s", self.source.how, self.checkpoint)
            training.resume(self.checkpoint)
        describe(self.experiment, training.env, training.learner)
        startup.stop.over()
        return training.loop(self.console, startup)

    def _take_weights(self, learner: Learner) -> None:
        """With training.initFrom the learner of a new training begins with those weights; says which fitted."""
        asked = self.experiment.training.init_from
        if asked is None or self.checkpoint is not None:
            return
        fit = pretrained.start_from(learner, Path(asked))
        if self.run is not None:
            self.console.print(pretrained.fit_table(fit, Path(asked)))
            log.info("began with %d layers of %s; %d begin anew", len(fit.loaded), asked, len(fit.missing))

    @contextmanager
    def _evaluation(self, startup: Startup) -> Iterator[Optional[Evaluation]]:
        """Envs to evaluate in, where training.evalInterval asks for it: on the rank that leads alone."""
        settings, ranks = self.experiment.training, self.ranks
        if not settings.eval_interval or not ranks.leads:
            yield None
            return

        startup.begin(f"starting {settings.eval_envs} environments for evaluations")

        def make() -> VecEnv:
            seed = settings.seed + SEED_OFFSET
            return build_env(self.experiment, ranks, num_envs=settings.eval_envs, seed=seed)

        with closing(Evaluation(make)) as evaluation:
            startup.lap("evaluation envs")
            yield evaluation

    @contextmanager
    def _shown(self, training: Training) -> Iterator[None]:
        """Let a viewer show the training while it goes on, where one is asked for."""
        viewer = viewer_for(self.experiment, training.env) if self.ranks.leads else None
        if viewer is None:
            yield
            return
        with closing(viewer):
            training.monitor.live = LiveView(viewer, training.env)
            yield

    @contextmanager
    def _videos(self) -> Iterator[Optional[TrainingVideos]]:
        """What films the evaluations, where env.recordVideo asks for it: on the rank that leads alone."""
        if self.run is None or not self.experiment.env.record_video:
            yield None
            return
        with closing(TrainingVideos(self.experiment, self.run)) as videos:
            yield videos

    def _test(self, env: VecEnv, learner: Learner, startup: Startup) -> int:
        source, run = self.source, self.run
        assert source is not None and run is not None  # the request was checked: a test names its checkpoint
        log.info("%s: %s", source.how, source.checkpoint)
        tested = source.run_path.name if source.run_path else None
        run.update(checkpoint=source.checkpoint, tested_run=tested)
        startup.begin("the first step")
        stopped_by = Test(self.experiment, env, learner, source, run, self.console).play(startup)
        run.set_state("done" if stopped_by is None else "interrupted")
        if run.results.exists():
            log.info("results %s", run.results)
        self._say_what_to_look_at(run)
        return DONE if stopped_by is None else 128 + stopped_by

    def _say_what_to_look_at(self, run: Run) -> None:
        if self.experiment.engine == "simulator" and any(run.trajectories.glob("*.npz")):
            log.info("  watch    rlkit view %s", shlex.quote(run.name))
        if (run.videos / f"{ROLLOUT}.mp4").exists():
            log.info("  video    %s", run.videos / f"{ROLLOUT}.mp4")

    def _say_what_is_left(self, run: Run) -> None:
        if "last" in run.record.saved and run.path.exists():
            log.info("the last good checkpoint is of iteration %d", run.record.saved["last"])
            log.info("  resume   python train.py checkpoint=%s:last%s", shlex.quote(run.name), self._more())

    def _say_what_next(self, run: Run, training: Training, stopped_by: Optional[int]) -> None:
        name, at = shlex.quote(run.name), training.at
        if at.best is not None:
            log.info("best: %s", at.best)
        done = "1 iteration" if at.iteration == 1 else f"{at.iteration} iterations"
        if stopped_by is not None:
            log.info("interrupted after iteration %d; everything is saved in %s", at.iteration, run.path)
            log.info("  resume   python train.py checkpoint=%s:last%s", name, self._more())
            return
        log.info("done: %s in %s", done, run.path)
        log.info("  test     python train.py test=true checkpoint=%s%s", name, self._more())
        further = goals.further(self.experiment, at.iteration, at.env_steps)
        log.info("  go on    python train.py checkpoint=%s:last %s%s", name, further, self._more())
        log.info("  curves   tensorboard --logdir runs/    or: rlkit report %s", name)
        self._say_what_to_look_at(run)

    def _more(self) -> str:
        """The words that name code which is not installed: a run may not choose it, so they are typed again."""
        return "".join(f" {word}" for word in to_type(self.experiment.sections())[0])
