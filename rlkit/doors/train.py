"""`rlkit.train` and `rlkit.evaluate`: the runs of the command line, from Python and in its process."""

from __future__ import annotations

import sys
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Iterator, Mapping, Sequence

from rich.console import Console

from rlkit.config.compose import compose_words
from rlkit.doors.callback import Callback, Moment, require_callbacks, tell
from rlkit.doors.runs import Run, read_run
from rlkit.doors.words import given, words
from rlkit.errors import ConfigError
from rlkit.packages import train_command
from rlkit.runtime.continuation import find
from rlkit.runtime.policies.named import with_policies
from rlkit.runtime.process.engines import quiet_openmp
from rlkit.runtime.process.ranks import Ranks, from_environment
from rlkit.runtime.process.startup import startup
from rlkit.runtime.request import read_request, source_of

if TYPE_CHECKING:
    from rlkit.runtime.training.train import Listener, Training

_STOPPED = 128  # exit statuses above are of a signal
_ONE = threading.Lock()  # held while there is a run


class Interrupted(KeyboardInterrupt):
    """A training or a test was told to stop (Ctrl-C, the stop button of a notebook), and everything is saved.

    run: what there is of it; `rlkit.train(checkpoint=f"{run.name}:last")` goes on. signal: the one that came.
    """

    def __init__(self, run: Run, signal: int) -> None:
        super().__init__(f"{run.name} was interrupted; everything is saved in {run.path}")
        self.run, self.signal = run, signal


def train(
    task: str | None = None,
    *,
    num_envs: int | None = None,
    max_iter: int | None = None,
    sim: str | None = None,
    seed: int | None = None,
    device: str | None = None,
    callbacks: Sequence[Callback] = (),
    quiet: bool = False,
    overrides: Mapping[str, Any] | None = None,
    **settings: Any,
) -> Run:
    """Train in this process and return the run, which lies in `runs_all/` of the current folder like every other.

    The settings are those of `python train.py`, given as for `rlkit.make`; `checkpoint="<run>:last"` goes on with one.
    callbacks: hear of every iteration, and may end the training. quiet: prints nothing; the run's train.log has it all.

    Raises RlkitError for a bad request, before anything is written, and for what fails on the way (the run
    is then marked as failed). Ctrl-C ends the iteration, saves, and raises Interrupted; signal handlers, torch's number
    of threads and all random generators are as before afterwards.
    """
    asked = {"sim": sim, "num_envs": num_envs, "max_iter": max_iter, "seed": seed, "device": device}
    return _run({"task": task, **asked, **settings, **given(overrides)}, callbacks, quiet)


def evaluate(
    checkpoint: str | Path | Run,
    *,
    episodes: int | None = None,
    num_envs: int | None = None,
    quiet: bool = False,
    overrides: Mapping[str, Any] | None = None,
    **settings: Any,
) -> Run:
    """Test a trained policy and return the test's run, whose `metrics` are the results.

    checkpoint: latest, a run or its name (its best policy), `<run>:last`, a file. episodes: in all, rounded up to the
    same number in each env. No viewer opens unless `render=True` asks for one. All else as for `rlkit.train`.
    """
    ref = checkpoint.path if isinstance(checkpoint, Run) else checkpoint
    asked = {"test": True, "checkpoint": ref, "num_envs": num_envs}
    asked.update({} if episodes is None else {"testing.gamesNum": episodes})
    return _run({**asked, "render": False, **settings, **given(overrides)}, (), quiet)


def _run(settings: Mapping[str, Any], callbacks: Sequence[Callback], quiet: bool) -> Run:
    require_callbacks(callbacks)
    if not _ONE.acquire(blocking=False):
        raise ConfigError(
            "a training or a test is under way in this process, where one is carried out at a time: in a callback"
            " call now.stop() and go on behind rlkit.train, or start another process"
        )
    try:
        return _alone_run(words(settings), callbacks, quiet)
    finally:
        _ONE.release()


def _alone_run(typed: Sequence[str], callbacks: Sequence[Callback], quiet: bool) -> Run:
    request, sources = read_request(typed)
    found, source = find(with_policies(compose_words(request))), source_of(request, sources)
    if found.run is not None and found.run.over is not None:
        return read_run(found.run.path)
    experiment, source = found.experiment, found.source(source)
    from rlkit.config.summary import print_summary
    from rlkit.runtime.launch import carry_out
    from rlkit.runtime.preboot import require_startable

    startup.over()  # what this process did before is no part of the run's start
    # A notebook gets lines as a file does: rich's panels need widgets there, which may not be installed.
    console = Console(soft_wrap=not sys.stdout.isatty(), quiet=quiet, force_jupyter=False)
    require_startable(experiment, source, _alone(), console.print)
    print_summary(experiment, console)
    command = [*train_command().split(), *typed]
    with _as_it_was():
        ended = carry_out(
            experiment, source, console, command=command, listener=_listener(callbacks), going_on=found.run
        )
    if ended.error is not None:
        raise ended.error
    assert ended.run is not None  # this process leads
    run = read_run(ended.run.path)
    if ended.status > _STOPPED:
        raise Interrupted(run, ended.status - _STOPPED)
    return run


def _alone() -> Ranks:
    """This process, where it is no rank of several."""
    ranks = from_environment()
    if ranks.size > 1:
        raise ConfigError("rlkit.train trains in one process; start several with torchrun and train.py")
    return ranks


def _listener(callbacks: Sequence[Callback]) -> Listener:
    def listen(training: Training, metrics: Mapping[str, float], window: Mapping[str, float]) -> bool:
        at, run = training.state, training.run
        assert run is not None  # this process leads
        now = Moment(run.path, at.iteration, at.env_steps, at.seconds, metrics, window)
        return tell(callbacks, now)

    return listen


@contextmanager
def _as_it_was() -> Iterator[None]:
    """Whatever a run makes of torch's threads, its kernels and all random generators, afterwards it is as before."""
    quiet_openmp()
    import torch

    from rlkit.runtime.process.seeding import preserved_rng

    threads, deterministic = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    try:
        with preserved_rng():
            yield
    finally:
        torch.set_num_threads(threads)
        if torch.are_deterministic_algorithms_enabled() != deterministic:
            torch.use_deterministic_algorithms(deterministic)
