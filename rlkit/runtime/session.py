"""One session: boot simulator, task and learner in the one order that is safe, then train or test."""

from __future__ import annotations

import logging
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Iterator, Mapping, TypeVar

import torch
from rich.console import Console

from rlkit.config import Experiment
from rlkit.config.experiment import freeze, thaw
from rlkit.env.api import VecEnv
from rlkit.errors import FAILED, RlkitError, interrupted_by
from rlkit.learners.api import Learner
from rlkit.media.viewers import Viewer
from rlkit.runtime import farewell, tuning
from rlkit.runtime.build import build_env, build_learner
from rlkit.runtime.checkpoints import pretrained
from rlkit.runtime.playing.evaluation import SEED_OFFSET, Evaluation
from rlkit.runtime.playing.policy_test import PolicyTest
from rlkit.runtime.policies.skills import asks_for_skills, keep_skills
from rlkit.runtime.process.group import RankError, joined
from rlkit.runtime.process.heap import keep_freed_memory
from rlkit.runtime.process.logs import FILE_ONLY
from rlkit.runtime.process.ranks import Ranks
from rlkit.runtime.process.seeding import seed_everything
from rlkit.runtime.process.startup import startup
from rlkit.runtime.progress.describe import describe
from rlkit.runtime.training.train import Listener, Training
from rlkit.runtime.training.videos import TrainingVideos
from rlkit.runtime.watching.available import viewer_for
from rlkit.workspace import Resolved, Run, WorkspaceError
from rlkit.workspace.store.record import read_record

log = logging.getLogger("rlkit")

_Part = TypeVar("_Part", Evaluation, TrainingVideos, Viewer)


class Session:
    """A request with its run folder (None on ranks that do not write) and the checkpoint it starts from."""

    def __init__(
        self,
        experiment: Experiment,
        source: Resolved | None,
        run: Run | None,
        ranks: Ranks,
        console: Console,
        listener: Listener | None = None,
    ) -> None:
        self.experiment, self.source, self.run = experiment, source, run
        self.ranks, self.console, self.listener = ranks, console, listener
        self.error: RlkitError | None = None  # what it failed with
        self.checkpoint = source.checkpoint if source is not None else None

    def execute(self) -> int:
        """Train or test; returns the exit status. Errors that we raise on purpose become one message."""
        startup.lap("imports")
        try:
            with self._booted() as (env, learner):
                if self.experiment.kind == "test":
                    return self._test(env, learner)
                return self._train(env, learner)
        except RlkitError as error:
            another = isinstance(error, RankError)
            if not another:
                startup.stop.check()  # what was stopped half-way may fail in any way
            self.error = error
            prefix = "" if another or self.ranks.leads else f"rank {self.ranks.rank}: "
            log.error("%s%s", prefix, error, extra=FILE_ONLY if another and error.told else None)
            if error.details:
                log.error("%s", error.details, extra=FILE_ONLY)
            if self.run is not None:
                self.run.end("failed", str(error))
                farewell.after_failure(self.experiment, self.run)
            return FAILED

    @contextmanager
    def _booted(self) -> Iterator[tuple[VecEnv, Learner]]:
        """Seeded generators, then the simulator with the task, then the learner; closed on the way out."""
        settings, ranks = self.experiment.training, self.ranks
        torch.set_num_threads(1)  # until it is known how many pay
        keep_freed_memory()
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
        """Take rank 0's seed and checkpoint, and the run that it learns from: `latest` may be another by now."""
        training = self.experiment.training
        seed, self.checkpoint = self.ranks.agree(training.seed, self.checkpoint)
        task, train = self.ranks.told((thaw(self.experiment.task), thaw(self.experiment.train)))
        self.experiment = replace(
            self.experiment, training=replace(training, seed=seed), task=freeze(task), train=freeze(train)
        )
        if self.experiment.kind == "train" and asks_for_skills(self.experiment):
            if self.run is not None:
                keep_skills(self.experiment, self.run.path)
            kept_in = self.ranks.told(None if self.run is None else self.run.path)
            self.experiment = replace(self.experiment, kept_in=kept_in)

    def _train(self, env: VecEnv, learner: Learner) -> int:
        """Train from the start or from the checkpoint, with what shows, films and judges the policy meanwhile."""
        self._take_weights(learner)
        with ExitStack() as stack:
            evaluation = _closed_by(stack, self._evaluation())
            videos = _closed_by(stack, self._videos())
            viewer = _closed_by(stack, viewer_for(self.experiment, env) if self.ranks.leads else None)
            training = Training(
                self.experiment, env, learner, self.run, self.ranks, evaluation, videos, viewer, self.listener
            )
            startup.begin("the first iteration")
            if self.checkpoint is None:
                training.start()
            else:
                if self.source is not None:
                    log.info("%s: %s", self.source.how, self.checkpoint)
                training.resume(self.checkpoint)
            describe(self.experiment, env, learner)
            startup.stop.check()
            self.ranks.meet()  # the one that leads has made the envs of evaluations, which may take long
            stopped_by = training.loop(self.console)
        if self.run is not None:
            self._end(self.run, training, stopped_by)
        return 0 if stopped_by is None else interrupted_by(stopped_by)

    def _end(self, run: Run, training: Training, stopped_by: int | None) -> None:
        """Write down and say how the training ended."""
        if stopped_by is not None:
            run.set_state("interrupted")
            farewell.after_interrupt(self.experiment, run, training.state)
            return
        reached = training.until.reached
        if reached is not None:
            run.update(reached=self.experiment.training.until)
        run.set_state("done")
        farewell.after_training(self.experiment, run, training.state, reached)

    def _take_weights(self, learner: Learner) -> None:
        """With training.initFrom the learner of a new training begins with those weights; says which fitted."""
        asked = self.experiment.training.init_from
        if asked is None or self.checkpoint is not None:
            return
        fit = pretrained.start_from(learner, Path(asked))
        if self.run is not None:
            self.console.print(pretrained.fit_table(fit, asked))
            log.info("began with %d layers of %s; %d begin anew", len(fit.loaded), asked, len(fit.missing))

    def _evaluation(self) -> Evaluation | None:
        """Envs to evaluate in, where training.evalInterval asks for it: on the rank that leads alone."""
        settings, ranks = self.experiment.training, self.ranks
        if not settings.eval_interval or not ranks.leads:
            return None
        startup.begin(f"starting {settings.eval_envs} environments for evaluations")

        def make() -> VecEnv:
            seed = settings.seed + SEED_OFFSET
            return build_env(self.experiment, ranks, num_envs=settings.eval_envs, seed=seed)

        evaluation = Evaluation(make)
        startup.lap("evaluation envs")
        return evaluation

    def _videos(self) -> TrainingVideos | None:
        """What films the evaluations, where env.recordVideo asks for it: on the rank that leads alone."""
        if self.run is None or not self.experiment.env.record_video:
            return None
        return TrainingVideos(self.experiment, self.run)

    def _test(self, env: VecEnv, learner: Learner) -> int:
        source, run = self.source, self.run
        assert source is not None and run is not None  # the request was checked: a test names its checkpoint
        log.info("%s: %s", source.how, source.checkpoint)
        tested = source.run_path.name if source.run_path else None
        run.update(checkpoint=source.checkpoint, tested_run=tested)
        startup.begin("the first step")
        stopped_by = PolicyTest(self.experiment, env, learner, source, run, self.console).play()
        run.set_state("done" if stopped_by is None else "interrupted")
        farewell.after_test(self.experiment, run)
        return 0 if stopped_by is None else interrupted_by(stopped_by)


def _closed_by(stack: ExitStack, part: _Part | None) -> _Part | None:
    """The same part, which the stack closes where there is one."""
    if part is not None:
        stack.callback(part.close)
    return part
