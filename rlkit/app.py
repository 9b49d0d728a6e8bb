"""`train.py` in hops: argv -> request -> Experiment -> run. Heavy imports happen in the last hop alone."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from signal import SIGINT
from typing import TYPE_CHECKING, Any, Dict, List, Optional, Sequence, Tuple

from rlkit.config import task_source, types, yaml_text
from rlkit.config.compose import compose_request
from rlkit.config.errors import ConfigError
from rlkit.config.experiment import Experiment
from rlkit.config.inherit import Asked, Base, asked_by, asked_checkpoints, asks_for_test, read_base
from rlkit.config.preflight import Request, read_request
from rlkit.untrusted import printable

if TYPE_CHECKING:
    from rlkit.runtime.checkpoint_head import CheckpointHead
    from rlkit.workspace import Resolved

    Sources = Dict[Asked, Resolved]

EXIT_BAD_REQUEST = 2
_HYDRAS_OWN = (
    AssertionError,
    AttributeError,
    KeyError,
    OSError,
    TypeError,
    ValueError,
)  # of odd hydra.* values
_SHELL = re.compile(r"(install|uninstall|query)=(bash|zsh|fish)$")


def main(argv: Optional[Sequence[str]] = None) -> int:
    """Run one command line (sys.argv by default) and return the exit status.

    0 done, 1 failed while running, 2 bad request (nothing was started or written), 128 + the signal interrupted.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        if {"-sc", "--shell-completion"} & set(words):
            return _complete(words)
        if {"-h", "--help", "help"} & set(words):
            from rlkit.config.help import print_help

            print_help(words)
            return 0
    except ConfigError as error:
        return _refuse(error)
    except BrokenPipeError:  # `--help | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    from rlkit.runtime.console import surviving_console

    with surviving_console():  # whoever reads along may leave: the run goes on
        try:
            return _request(words)
        except ConfigError as error:
            return _refuse(error)
        except KeyboardInterrupt as stop:
            print("interrupted", file=sys.stderr)
            return 128 + getattr(stop, "signal", SIGINT)


def _request(words: List[str]) -> int:
    """Read and check what the words ask for, and run it."""
    request, sources = _read(words)
    if _needs_hydra_main(request):
        return _hydra_main(request, sources)
    return _run(compose_request(request), _source(request, sources))


def _complete(words: Sequence[str]) -> int:
    """Answer the shell's query, or let Hydra print its script that asks them."""
    from rlkit.config.completion import answer

    asked = [word for word in words if _SHELL.match(word)]
    if not asked:
        raise ConfigError(
            ['-sc: turns on completion: eval "$(python train.py -sc install=bash)", or zsh, or fish']
        )
    if not answer(words):
        import hydra

        sys.argv = [sys.argv[0], "-sc", *asked]
        hydra.main(version_base="1.3", config_path=None, config_name=None)(lambda _: None)()
    return 0


def _refuse(error: ConfigError) -> int:
    """Say what is wrong, once however many ranks found it."""
    if _leads():
        print(printable(error.report()), file=sys.stderr)
    elif _ranks() > 1:
        import time

        # The first rank to fail makes the launcher end all others: rank 0 must have spoken by then.
        time.sleep(5)
    return EXIT_BAD_REQUEST


def _leads() -> bool:
    return os.environ.get("RANK", "0") == "0"


def _ranks() -> int:
    return int(os.environ.get("WORLD_SIZE", "1"))


def _run(experiment: Experiment, source: Optional[Resolved]) -> int:
    """Print what was asked, then boot."""
    from rlkit.config.summary import print_summary

    _check_class(experiment)
    if _leads():
        _check_workspace()
    _load_engine(experiment)
    if experiment.kind == "test" and _ranks() > 1:
        raise ConfigError(
            ["training.test=true: a test runs in one process; start it with python, not torchrun"]
        )
    if experiment.train["learner"] == "fast_td3" and _ranks() > 1:
        raise ConfigError(
            [
                "train.learner=fast_td3: FastTD3 trains in one process; start it with python, or choose a PPO file"
            ]
        )
    if source is not None:
        _check_source(experiment, source)
    if experiment.training.init_from is not None:
        _check_weights(experiment, Path(experiment.training.init_from))
    if experiment.engine == "gymnasium":
        _check_environments(experiment)
    _check_seeing(experiment)
    if _leads():
        print_summary(experiment, ranks=_ranks())
    from rlkit.runtime.launch import run_experiment

    return run_experiment(experiment, source)


def _check_workspace() -> None:
    """Refuse to start where no run folder can be made."""
    from rlkit.workspace import WorkspaceError, check_writable

    try:
        check_writable(Path())
    except WorkspaceError as error:
        raise ConfigError([str(error)]) from error


def _check_class(experiment: Experiment) -> None:
    """Refuse a task whose file has no class, or one that Python cannot read."""
    found = None if experiment.engine == "gymnasium" else task_source.problem(experiment.task_name)
    if found is not None:
        raise ConfigError([found])


def _load_engine(experiment: Experiment) -> None:
    """Import the simulator's engine now where it must come before torch, which every check below may import."""
    from rlkit.sims.registry import prepare

    try:
        prepare(experiment.sim.name)
    except ImportError as error:
        raise ConfigError([f"sim.name={experiment.sim.name}: {error}"]) from error


def _read(words: List[str]) -> Tuple[Request, Sources]:
    """The request on top of the runs whose checkpoints it asks for, and these checkpoints."""
    test = asks_for_test(words)
    sources = {asked: _resolve(*asked, test) for asked in asked_checkpoints(words)}
    return read_request(words, bases={asked: _base(source) for asked, source in sources.items()}), sources


def _source(request: Request, sources: Sources) -> Optional[Resolved]:
    """The checkpoint that a request without a sweep, or one job of a sweep, asks for."""
    asked = asked_by(request.overrides, request.conf, request.config_name)
    return None if asked is None else sources.get(asked)


def _base(source: Resolved) -> Base:
    """The settings of the checkpoint's run; of a file that lies in none its task and learner."""
    settings = None if source.run_path is None else source.run_path / "config.yaml"
    if settings is not None and settings.exists():
        return read_base(settings)
    head = _head(source)
    learner = {"ppo": "PPO", "fast_td3": "FastTD3"}.get(head.learner_name, "")
    return Base(str(source.checkpoint), {"task": head.task, "train": f"{head.task}{learner}"})


def _resolve(checkpoint: str, task: Optional[str], test: bool) -> Resolved:
    from rlkit.workspace import ResolveError, resolve

    try:
        return resolve(checkpoint, task=task, default="best" if test else "last")
    except ResolveError as error:
        raise ConfigError([str(error)]) from error


def _head(source: Resolved, *, whole: bool = False) -> CheckpointHead:
    """What the checkpoint is of; raises ConfigError where it cannot be read, or with `whole` is damaged anywhere."""
    from rlkit.runtime.checkpoint_head import CheckpointError, read_head

    try:
        return read_head(source.checkpoint, whole=whole)
    except CheckpointError as error:
        raise ConfigError([str(error)]) from error


def _check_source(experiment: Experiment, source: Resolved) -> None:
    """Refuse a checkpoint that cannot be read or is of another task or learner, and a training that is over."""
    from rlkit.runtime.checkpoint_head import CheckpointError, require_fit

    head = _head(source, whole=True)
    try:
        require_fit(head, source.checkpoint, experiment.task_name, experiment.train["learner"])
    except CheckpointError as error:
        raise ConfigError([str(error)]) from error
    if experiment.kind == "train":
        _check_goal(experiment, source.checkpoint, head)


def _check_goal(experiment: Experiment, checkpoint: Path, head: CheckpointHead) -> None:
    """Refuse a training that is over before it begins."""
    from rlkit.config.goals import further

    training = experiment.training
    in_steps = training.max_steps is not None
    done, goal = (
        (head.env_steps, training.max_steps) if in_steps else (head.iteration, training.max_iterations)
    )
    if done >= (goal or 0):
        what, setting = ("env-step", "maxSteps") if in_steps else ("iteration", "maxIterations")
        raise ConfigError(
            [
                f"nothing is left to train: {checkpoint} is of {what} {done} and"
                f" training.{setting} is {goal}; go on with {further(experiment, head.iteration, head.env_steps)}"
            ]
        )


def _check_weights(experiment: Experiment, path: Path) -> None:
    """Refuse a file of pretrained weights that cannot be read, or none of which can fit the networks asked for."""
    from rlkit.runtime.checkpoint_head import CheckpointError
    from rlkit.runtime.weights_file import read_index, require_some_fit

    try:
        require_some_fit(path, read_index(path), experiment.train)
    except CheckpointError as error:
        raise ConfigError([f"training.initFrom: {error}"]) from error


def _check_environments(experiment: Experiment) -> None:
    """Refuse Gymnasium environments that are unknown, cannot be made or fit no learner or one another."""
    from rlkit.runtime.gym_request import problems
    from rlkit.runtime.waiting import told

    with told("making one environment, to look at it", after=0.1):  # nothing has been said yet
        found = problems(experiment)
    if found:
        raise ConfigError(found)


def _check_seeing(experiment: Experiment) -> None:
    """Refuse a viewer or a video that this machine cannot show or make."""
    if not experiment.env.render and not experiment.env.record_video:
        return
    from rlkit.runtime.seeing import problems

    found = problems(experiment)
    if found:
        raise ConfigError(found)


def _needs_hydra_main(request: Request) -> bool:
    """Sweeps, launchers, `--cfg`, `--info` … are Hydra's own; a plain run is composed once, here."""
    return bool(request.options) or any(word.lstrip("+~").startswith("hydra") for word in request.overrides)


def _hydra_main(request: Request, sources: Sources) -> int:
    """Hand the rewritten command line to Hydra; every job comes back as an Experiment."""
    import argparse
    from dataclasses import replace

    import hydra
    from hydra.core.hydra_config import HydraConfig

    from rlkit.config.environment import as_typed
    from rlkit.config.sweep import check_jobs, check_single, sweep_folder
    from rlkit.workspace import keep_masked

    if request.bases and "--cfg=job" in request.options and not request.sweep:
        return _show(compose_request(request))
    if sys.version_info >= (3, 14):  # Hydra 1.3's help for -sc is no string, which argparse now refuses
        argparse.ArgumentParser._check_help = lambda *_: None  # type: ignore[attr-defined]
    extra: List[str] = []
    if request.sweep:
        check_jobs(request)
        extra = sweep_folder(request)
    else:
        check_single(request)
    started: List[str] = []
    statuses: List[int] = []

    def job(_: Any) -> None:
        try:
            if request.sweep:
                keep_masked(Path(HydraConfig.get().sweep.dir) / "multirun.yaml")
            mine = replace(request, overrides=tuple(as_typed(HydraConfig.get().overrides.task)))
            experiment = compose_request(mine)
            started.append(experiment.task_name)
            statuses.append(_run(experiment, _source(mine, sources)))
        except ConfigError as error:  # Hydra would print it as a crash
            sys.exit(_refuse(error))

    sys.argv = [sys.argv[0], *request.argv, *extra]
    conf_dir = str(request.conf.folders[-1])
    try:
        hydra.main(version_base="1.3", config_path=conf_dir, config_name="config")(job)()
    except SystemExit as stop:
        if stop.code not in (None, 0) and not started:  # Hydra could not compose
            return EXIT_BAD_REQUEST
        raise
    except _HYDRAS_OWN as error:
        if started:
            raise
        raise ConfigError(
            [f"Hydra cannot start this: {types.echo(str(error) or type(error).__name__)}"]
        ) from error
    return max(statuses, default=0)


def _show(experiment: Experiment) -> int:
    """`--cfg job` on top of a run, whose settings Hydra does not know."""
    print(yaml_text.dump(experiment.stored()), end="")
    return 0
