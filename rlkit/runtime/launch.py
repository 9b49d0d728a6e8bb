"""From a checked request to its end: claim a run folder, then boot and play."""

from __future__ import annotations

import logging
import sys
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Iterator, Sequence

from rich.console import Console

from rlkit.config import Experiment
from rlkit.config.facts.code import code_of
from rlkit.errors import FAILED, RlkitError
from rlkit.packages import typed_command
from rlkit.runtime.continuation import Continuation, told
from rlkit.runtime.greeting import greet
from rlkit.runtime.policies.skills import run_of_skills
from rlkit.runtime.process.engines import quiet_openmp
from rlkit.runtime.process.group import RankError
from rlkit.runtime.process.logs import start_logging, stop_logging
from rlkit.runtime.process.ranks import from_environment
from rlkit.runtime.process.slurm import job_facts
from rlkit.runtime.process.startup import startup
from rlkit.runtime.process.stopping import StopAtOnce
from rlkit.settings import same_fields
from rlkit.untrusted import printable
from rlkit.workspace import Resolved, Run, WorkspaceLimits, continue_run, open_run

if TYPE_CHECKING:
    from rlkit.runtime.training.train import Listener

log = logging.getLogger("rlkit")


@dataclass(frozen=True)
class Ended:
    """How a run ended: its folder (None on ranks that do not write), the exit status, and what it failed with."""

    run: Run | None
    status: int
    error: RlkitError | None


def run_experiment(
    experiment: Experiment, source: Resolved | None = None, going_on: Continuation | None = None
) -> int:
    """Train or test what was asked and return the exit status.

    source: the checkpoint to resume or to test. going_on: the run to continue, in its folder. 0 done, 1 failed while
    running, 128 + the signal interrupted.
    """
    console = Console(soft_wrap=not sys.stdout.isatty())
    try:
        command = typed_command(sys.argv)
        ended = carry_out(experiment, source, console, command=command, going_on=going_on)
    except RlkitError as error:
        print(printable(f"error: {error}"), file=sys.stderr)
        return FAILED
    if isinstance(ended.error, RankError):
        # The first rank to end makes the launcher end the others: the one that failed must have told why by then
        time.sleep(5)
    return ended.status


def carry_out(
    experiment: Experiment,
    source: Resolved | None,
    console: Console,
    *,
    command: Sequence[str],
    listener: Listener | None = None,
    going_on: Continuation | None = None,
) -> Ended:
    """Train or test in this process; what fails on the way is in what it returns. Raises RlkitError without a run.

    command: the words that the run's record says it was started with. listener: hears of a training's iterations.
    going_on: the run to continue in its folder, whose last checkpoint is the source then.
    """
    ranks = from_environment()
    quiet_openmp()
    with ExitStack() as stack:
        stop = stack.enter_context(StopAtOnce())
        startup.restart(stop)
        stack.callback(startup.over)
        run = None
        if ranks.leads:
            with stop.held():  # no folder without somebody who writes down how it ended
                run = _claim(experiment, source, command, going_on)
                stack.enter_context(_owned(run, stop))
        level = experiment.logging.log_level if ranks.leads else "error"
        start_logging(level, console, run and run.log_file)
        stack.callback(stop_logging)
        if run is not None:
            greet(experiment, run, ranks, resumed=source is not None)
            for note in run.notes:
                log.warning("%s", note)
            for line in () if going_on is None else told(going_on):
                log.info("  %s", line)
        startup.begin("loading torch and the simulator")
        from rlkit.runtime.session import Session  # torch and the simulator come with it

        session = Session(experiment, source, run, ranks, console, listener)
        status = session.execute()
        if isinstance(session.error, RankError):
            stop.signal = None  # the launcher's, since another rank has failed
        return Ended(run, status, session.error)


def _claim(
    experiment: Experiment, source: Resolved | None, command: Sequence[str], going_on: Continuation | None
) -> Run:
    """The run folder: a new one, or that of the run to go on with."""
    config = experiment.to_yaml()
    settings = experiment.experiment
    if going_on is not None:
        return continue_run(
            going_on.path,
            command=command,
            device=experiment.env.device,
            config_yaml=config,
            changed=going_on.changed,
            job=job_facts(),
        )
    code = code_of(experiment.sections())
    # A test needs the run that it tests, which keeps them
    skills = run_of_skills(experiment) if experiment.kind == "train" else None
    run = open_run(
        experiment.task_name,
        experiment.kind,
        settings=same_fields(WorkspaceLimits, settings),
        name=experiment.logging.experiment_name,
        config_yaml=config,
        command=command,
        learner=experiment.train["learner"],
        seed=experiment.training.seed,
        device=experiment.env.device,
        save_diff=settings.save_git_diff,
        parent=source.run_path.name if source is not None and source.run_path is not None else None,
        job=job_facts(),
    )
    if code or skills:
        run.update(code=code or None, skills=skills)
    return run


@contextmanager
def _owned(run: Run, stop: StopAtOnce) -> Iterator[None]:
    """Whatever breaks the block off, the run's state says how; nothing is swallowed."""
    try:
        yield
    except BaseException as error:
        # A library may have made another error of the interrupt.
        interrupted = isinstance(error, KeyboardInterrupt) or stop.signal is not None
        if run.record.state == "running":
            state = ("interrupted", "stopped at once, without saving")
            run.end(*(state if interrupted else ("failed", f"{type(error).__name__}: {error}")))
        raise
