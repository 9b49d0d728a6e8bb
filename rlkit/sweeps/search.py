"""`hydra/sweeper=optuna`: trials that a study chooses, prunes and goes on with; it lies in the sweep's folder."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Mapping, Sequence

from rlkit.config.schema.ranking import Measure
from rlkit.config.sweep import Spread, check_jobs
from rlkit.errors import ConfigError, raise_for
from rlkit.numbers import number
from rlkit.packages import how_to_install
from rlkit.sweeps.book import Book
from rlkit.sweeps.grid import by_others, opened
from rlkit.sweeps.launcher import ProcessLauncher
from rlkit.sweeps.processes import Ended, Processes
from rlkit.sweeps.request import Request
from rlkit.sweeps.score import Course, measure_of, score_of
from rlkit.sweeps.space import corners, distributions, searched, words_of
from rlkit.workspace.store.record import DONE, FAILED
from rlkit.workspace.sweeps import PRUNED, JobNow, Sweep, SweepJob

if TYPE_CHECKING:
    from optuna import Study, Trial

STUDY = "study.db"
_JOB = "job"  # the attribute of a trial that names its job
_SAMPLERS, _PRUNERS = ("tpe", "random"), ("none", "median")


@dataclass(frozen=True)
class Settings:
    """`hydra.sweeper.*` of Optuna.

    n_trials: that come to an end, those before a continuation among them. measure: a metric, a minus before one of
    which less is better; null: the first of training.bestBy but success. sampler: tpe or random, with its seed. pruner:
    none, or median, which ends a trial that is below the median of those before it; prune_after: iterations that every
    trial gets, prune_every: between two looks, startup_trials: that come to an end before any is pruned. n_jobs: trials
    at a time with a launcher of others; hydra/launcher=joblib has its own.
    """

    n_trials: int = 20
    measure: str | None = None
    sampler: str = "tpe"
    seed: int = 0
    pruner: str = "none"
    prune_after: int = 20
    prune_every: int = 10
    startup_trials: int = 5
    n_jobs: int = 1

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Settings:
        """Raises ConfigError with every mistake."""
        least = {
            "n_trials": 1,
            "seed": 0,
            "prune_after": 0,
            "prune_every": 1,
            "startup_trials": 0,
            "n_jobs": 1,
        }
        problems = [
            f"hydra.sweeper.{name}={given[name]}: needs a whole number >= {low}"
            for name, low in least.items()
            if name in given and not (type(given[name]) is int and given[name] >= low)
        ]
        for name, words in (("sampler", _SAMPLERS), ("pruner", _PRUNERS)):
            if given.get(name, words[0]) not in words:
                problems.append(f"hydra.sweeper.{name}={given[name]}: allowed are {', '.join(words)}")
        if not isinstance(given.get("measure"), (str, type(None))):
            problems.append(f"hydra.sweeper.measure={given['measure']}: needs a metric's name")
        raise_for(problems)
        return cls(**given)


def carry_out_search(
    launcher: Any, folder: Path, request: Request, settings: Sequence[Spread], given: Mapping[str, Any]
) -> int:
    """Check what can be asked for, then carry out trials until there are enough; the exit status.

    Raises RlkitError before any starts.
    """
    if importlib.util.find_spec("optuna") is None:
        raise ConfigError(f"hydra/sweeper=optuna: Optuna is not installed: {how_to_install('sweep')}")
    asked = Settings.of(given)
    choices = searched(settings)
    checked = check_jobs(request.words, corners(settings), print)
    measure = measure_of(asked.measure, checked[0].training.best_by)
    shares = launcher.shares() if isinstance(launcher, ProcessLauncher) else []
    sweep = opened(folder, request, settings, (), sweeper="optuna", measure=str(measure))
    try:
        book = Book(sweep, several=len(shares) > 1)
        search = Search(sweep, book, settings, choices, asked, measure)
        if not isinstance(launcher, ProcessLauncher):
            search.by_others(launcher)
            return book.sum_up(None)
        processes = Processes(sweep.path, shares, request.options)
        stopped_by = processes.carry_out(
            search.next_job, book.started, search.ended, partial(search.look, processes)
        )
        return book.sum_up(stopped_by)
    finally:
        sweep.close()


class Search:
    """A study and the jobs that are its trials. What was cut off is gone on with, what failed is given up."""

    def __init__(
        self,
        sweep: Sweep,
        book: Book,
        settings: Sequence[Spread],
        choices: Sequence[Spread],
        asked: Settings,
        measure: Measure,
    ) -> None:
        self._sweep, self._book, self._settings = sweep, book, settings
        self._asked, self._measure = asked, measure
        self._space = distributions(choices)
        self._study = study_of(sweep.path, asked, measure)
        self._trials: dict[int, Trial] = {}
        self._courses: dict[int, Course] = {}
        self._again = self._cut_off()
        self._left = asked.n_trials - len(self._over()) - len(self._again)

    def next_job(self) -> SweepJob | None:
        """A job that was cut off, else one with values that the study chooses; None where there are enough."""
        if self._again:
            return self._again.pop(0)
        if self._left <= 0:
            return None
        self._left -= 1
        trial = self._study.ask(self._space)
        words = words_of(self._settings, trial.params)
        number = self._sweep.add(words).number
        trial.set_user_attr(_JOB, number)
        self._trials[number] = trial
        return SweepJob(number, words)

    def ended(self, end: Ended) -> None:
        """Tell the study what became of a job."""
        self._report(self._book.now(end.job.number))
        self._tell(self._book.ended(end))

    def look(self, processes: Processes) -> None:
        """Tell the study how far the jobs are, and end those that it gives up."""
        self._book.look(processes.running)
        jobs = self._sweep.now() if self._asked.pruner != "none" else []
        for job in processes.running if jobs else ():
            trial = self._trials[job.number]
            last = self._report(jobs[job.number])
            if last is not None and trial.should_prune():
                at, value = last
                self._book.pruned(
                    job.number,
                    f"at iteration {at} its {self._measure.metric} {number(value)} is below the median",
                )
                processes.end(job.number)

    def by_others(self, launcher: Any) -> None:
        """Carry out trials with a launcher that is not ours: so many at a time, none of which is pruned."""
        while True:
            jobs = [job for job in (self.next_job() for _ in range(self._asked.n_jobs)) if job is not None]
            if not jobs:
                return
            by_others(launcher, self._sweep, jobs, None)
            now = self._sweep.now()
            for job in jobs:
                self._tell(now[job.number])

    def _tell(self, its: JobNow) -> None:
        from optuna.trial import TrialState

        trial = self._trials[its.job.number]
        value = score_of(its.run, self._measure) if its.state == DONE else None
        if value is not None:
            self._study.tell(trial, value)
        elif its.state == PRUNED:
            self._study.tell(trial, state=TrialState.PRUNED)
        elif its.state in (DONE, FAILED):
            self._study.tell(trial, state=TrialState.FAIL)
            if its.state == DONE:
                none = f"its run tells no {self._measure.metric}: no episode has ended, or no such metric is told"
                self._sweep.update(its.job.number, reason=none)
                print(f"job {its.job.number}: {none}; the search learns nothing of it", flush=True)

    def _report(self, its: JobNow) -> tuple[int, float] | None:
        """Tell the study what a job's metrics say since the last time; the latest of it."""
        if its.run is None:
            return None
        every, metrics = self._asked.prune_every, its.run.path / "metrics.jsonl"
        course = self._courses.setdefault(its.job.number, Course(metrics, self._measure, every))
        news = course.news()
        for iteration, value in news:
            self._trials[its.job.number].report(value, iteration)
        return news[-1] if news else None

    def _over(self) -> list[Any]:
        from optuna.trial import TrialState

        return self._study.get_trials(deepcopy=False, states=(TrialState.COMPLETE, TrialState.PRUNED))

    def _cut_off(self) -> list[SweepJob]:
        """The jobs whose trials have no end yet; a trial without a job was asked for by a process that died then."""
        from optuna.trial import Trial, TrialState

        found = []
        for frozen in self._study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            place = frozen.user_attrs.get(_JOB)
            if not isinstance(place, int) or not 0 <= place < len(self._sweep.record.jobs):
                self._study.tell(frozen.number, state=TrialState.FAIL)
                continue
            self._trials[place] = Trial(self._study, frozen._trial_id)
            found.append(SweepJob(place, words_of(self._settings, frozen.params)))
        return found


def study_of(folder: Path, asked: Settings, measure: Measure) -> Study:
    """The study in a sweep's folder, new where there is none."""
    import optuna
    from optuna.pruners import MedianPruner, NopPruner
    from optuna.samplers import RandomSampler, TPESampler

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    median = MedianPruner(asked.startup_trials, asked.prune_after, asked.prune_every)
    study = optuna.create_study(
        storage=f"sqlite:///{folder / STUDY}",
        study_name=folder.name,
        pruner=median if asked.pruner == "median" else NopPruner(),
        direction="minimize" if measure.less else "maximize",
        load_if_exists=True,
    )
    # A continuation draws others than the beginning
    seed = asked.seed + len(study.get_trials(deepcopy=False))
    study.sampler = (TPESampler if asked.sampler == "tpe" else RandomSampler)(seed=seed)
    return study
