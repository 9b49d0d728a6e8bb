"""From a checked request to its end: claim a run folder, then boot and play."""

from __future__ import annotations

import logging
import os
import sys
from contextlib import ExitStack, contextmanager
from typing import Iterator, Optional

from rich.console import Console

from rlkit.config import Experiment
from rlkit.runtime import ranks as launcher
from rlkit.runtime.logs import start_logging, stop_logging
from rlkit.runtime.startup import Startup
from rlkit.runtime.stopping import StopAtOnce
from rlkit.workspace import (
    Resolved,
    Run,
    WorkspaceError,
    WorkspaceLimits,
    continue_run,
    find_interrupted,
    open_run,
    printable,
)

log = logging.getLogger("rlkit")


def run_experiment(experiment: Experiment, source: Optional[Resolved] = None) -> int:
    """Train or test what was asked and return the exit status.

    source: the checkpoint to resume or to test. 0 done, 1 failed while running, 128 + the signal interrupted.
    """
    ranks = launcher.from_environment()
    _quiet_openmp()
    console = Console(soft_wrap=not sys.stdout.isatty())
    with ExitStack() as stack:
        stop = stack.enter_context(StopAtOnce())
        startup = Startup(stop)
        stack.callback(startup.over)
        run = None
        if ranks.leads:
            try:
                run, source = _claim(experiment, source)
            except WorkspaceError as error:
                print(printable(f"error: {error}"), file=sys.stderr)
                return 1
            stack.enter_context(_owned(run, stop))
        start_logging(
            experiment.logging.log_level if ranks.leads else "warning", console, run and run.log_file
        )
        stack.callback(stop_logging)
        if run is not None:
            log.info("run %s", run.path)
            for note in run.notes:
                log.warning("%s", note)
        startup.begin("loading torch and the simulator")
        from rlkit.runtime.session import Session  # torch and the simulator come with it

        return Session(experiment, source, run, ranks, console).play(startup)


def _claim(experiment: Experiment, source: Optional[Resolved]) -> tuple[Run, Optional[Resolved]]:
    """The run folder: a new one, or with training.resume=auto the interrupted one of the same request."""
    config, command = experiment.to_yaml(), ["python", *sys.argv]
    settings = experiment.experiment
    if experiment.training.resume == "auto" and experiment.kind == "train" and source is None:
        path = find_interrupted(experiment.task_name, config)
        if path is not None:
            run = continue_run(path, command=command, device=experiment.env.device)
            last = run.checkpoint_path("last")
            if last.exists():
                source = Resolved(path, last, None, f"continuing {path.name} from {last.name}")
            return run, source
    run = open_run(
        experiment.task_name,
        experiment.kind,
        settings=WorkspaceLimits(
            max_recent_runs=settings.max_recent_runs,
            max_train_runs=settings.max_train_runs,
            max_test_runs=settings.max_test_runs,
            use_clean_workspace=settings.use_clean_workspace,
        ),
        name=experiment.logging.experiment_name,
        config_yaml=config,
        command=command,
        learner=experiment.train["learner"],
        seed=experiment.training.seed,
        device=experiment.env.device,
        save_diff=settings.save_git_diff,
        parent=source.run_path.name if source is not None and source.run_path is not None else None,
    )
    return run, source


@contextmanager
def _owned(run: Run, stop: StopAtOnce) -> Iterator[None]:
    """Whatever breaks the block off, the run's state says how; nothing is swallowed."""
    try:
        yield
    except BaseException as error:
        # A library may have made another error of the interrupt.
        if isinstance(error, KeyboardInterrupt) or stop.signal is not None:
            run.end("interrupted", "stopped at once, without saving")
        elif run.record.state == "running":
            run.end("failed", f"{type(error).__name__}: {error}")
        raise


def _quiet_openmp() -> None:
    """Let idle OpenMP threads sleep: spinning ones starve the simulator. Call it before torch is imported."""
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("GOMP_SPINCOUNT", "0")
