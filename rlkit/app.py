"""`train.py` in hops: argv -> request -> Experiment -> run. Heavy imports happen in the last hop alone."""

from __future__ import annotations

import os
import re
import shlex
import sys
from pathlib import Path
from signal import SIGINT
from socket import gethostname
from typing import TYPE_CHECKING, Any, Callable, Sequence

from rlkit import yaml_text
from rlkit.config.compose import compose_words
from rlkit.config.experiment import Experiment
from rlkit.config.schema import types
from rlkit.config.words.preflight import CheckedWords
from rlkit.errors import BAD_REQUEST, ConfigError, RlkitError, interrupted_by
from rlkit.packages import completion_command, typed_command
from rlkit.runtime.process.ranks import from_environment
from rlkit.runtime.request import read_request, source_of
from rlkit.untrusted import printable

if TYPE_CHECKING:
    from rlkit.runtime.continuation import Continuation
    from rlkit.runtime.request import Sources
    from rlkit.workspace import Resolved

# What Hydra raises of odd hydra.* values.
_HYDRAS_OWN = (AssertionError, AttributeError, KeyError, OSError, TypeError, ValueError)
_SHELL = re.compile(r"(install|uninstall|query)=(bash|zsh|fish)$")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line (sys.argv by default) and return the exit status.

    0 done, 1 failed while running, 2 bad request (nothing was started or written), 128 + the signal interrupted.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    from_environment()  # tasks that srun started are ranks from here on
    try:
        if {"-sc", "--shell-completion"} & set(words):
            return _complete(words)
        if {"-h", "--help", "help"} & set(words):
            from rlkit.config.words.help import print_help

            print_help(words)
            return 0
    except RlkitError as error:
        return _refuse(error)
    except BrokenPipeError:  # `--help | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    from rlkit.console import surviving_console

    with surviving_console():  # whoever reads along may leave: the run goes on
        try:
            request, sources = read_request(_with_its_sweep(words))
            if _needs_hydra_main(request):
                return _hydra_main(request, sources)
            ready = _ready(compose_words(request), source_of(request, sources))
            if ready is None:
                return 0
            from rlkit.runtime.launch import run_experiment

            return run_experiment(*ready)
        except RlkitError as error:
            return _refuse(error)
        except KeyboardInterrupt as stop:
            print("interrupted", file=sys.stderr)
            return interrupted_by(getattr(stop, "signal", SIGINT))


def _complete(words: Sequence[str]) -> int:
    """Answer the shell's query, or let Hydra print its script that asks them."""
    from rlkit.config.words.completion import answer

    asked = [word for word in words if _SHELL.match(word)]
    if not asked:
        raise ConfigError(
            f'-sc: turns on completion: eval "$({completion_command()} -sc install=bash)", or zsh, or fish'
        )
    if not answer(words):
        import hydra

        sys.argv = [sys.argv[0], "-sc", *asked]
        hydra.main(version_base="1.3", config_path=None, config_name=None)(lambda _: None)()
    return 0


def _with_its_sweep(words: list[str]) -> list[str]:
    """The words, with those of the sweep that they go on with."""
    if not any(word.startswith("sweep=") for word in words):
        return words
    from rlkit.sweeps.again import named_sweep

    return named_sweep(words)


def _refuse(error: RlkitError) -> int:
    """Say what is wrong, once however many ranks found it."""
    ranks = from_environment()
    if ranks.leads:
        print(printable(error.report()), file=sys.stderr)
    else:
        import time

        # The first rank to fail makes the launcher end all others: rank 0 must have spoken by then.
        time.sleep(5)
    return BAD_REQUEST


def _ready(
    experiment: Experiment, source: Resolved | None
) -> tuple[Experiment, Resolved | None, Continuation | None] | None:
    """Check what only files and the machine can tell, and print what was asked; None where nothing is left to do."""
    from rlkit.config.summary import print_summary
    from rlkit.runtime.continuation import find
    from rlkit.runtime.policies.named import with_policies
    from rlkit.runtime.preboot import require_startable

    ranks = from_environment()
    found = find(with_policies(experiment), leads=ranks.leads)
    if found.over is not None:
        if ranks.leads:
            print(printable(found.over))
        return None
    experiment, source = found.experiment, found.source(source)
    require_startable(experiment, source, ranks)
    if ranks.leads:
        print_summary(experiment, ranks=ranks.size, ranks_here=ranks.local_size)
        for note in found.notes:
            print(printable(note))
    return experiment, source, found.run


def _needs_hydra_main(request: CheckedWords) -> bool:
    """Sweeps, launchers, `--cfg`, `--info` … are Hydra's own; a plain run is composed once, here."""
    return bool(request.options) or any(word.lstrip("+~").startswith("hydra") for word in request.overrides)


def _hydra_main(request: CheckedWords, sources: Sources) -> int:
    """Hand the rewritten command line to Hydra; every job comes back as an Experiment."""
    from dataclasses import replace

    from hydra.core.hydra_config import HydraConfig
    from hydra.errors import HydraException

    from rlkit.clusters.launchers import require_launcher
    from rlkit.clusters.request import is_for_slurm
    from rlkit.clusters.submit import submit
    from rlkit.config.files.environment import as_typed
    from rlkit.config.sweep import check_single, sweep_folder
    from rlkit.runtime.launch import run_experiment
    from rlkit.sweeps.plugins import install
    from rlkit.sweeps.request import Request, SweepEnded

    if request.bases and "--cfg=job" in request.options and not request.sweep:
        return _show(compose_words(request))
    require_launcher(request)
    if is_for_slurm(request):
        return submit(request)
    asked = Request(request, shlex.join(typed_command(sys.argv)))
    install(asked)
    if not request.sweep:
        check_single(request)
    started: list[str] = []
    statuses: list[int] = []

    def job(_: Any) -> int:
        try:
            mine = replace(request, overrides=tuple(as_typed(HydraConfig.get().overrides.task)))
            _answer_to(argv, [*asked.options, *mine.overrides], folder)
            experiment = compose_words(mine)
            started.append(experiment.task_name)
            ready = _ready(experiment, source_of(mine, sources))
            statuses.append(0 if ready is None else run_experiment(*ready))
            return statuses[-1]
        except RlkitError as error:  # Hydra would print it as a crash, and Ray loses a process that exits
            statuses.append(_refuse(error))
            return statuses[-1]

    folder = Path.cwd()
    argv = [sys.argv[0], *request.argv, *(sweep_folder(request) if request.sweep else ())]
    sys.argv = argv
    try:
        _start_hydra(request, job)
    except SweepEnded as end:
        return end.status if end.error is None else _refuse(end.error)
    except SystemExit as stop:
        if stop.code not in (None, 0) and not started:  # Hydra could not compose
            return BAD_REQUEST
        raise
    except (HydraException, *_HYDRAS_OWN) as error:
        if started:
            raise
        raise ConfigError(
            f"Hydra cannot start this: {types.echo(str(error) or type(error).__name__)}"
        ) from error
    return max(statuses, default=0)


def _answer_to(argv: Sequence[str], words: Sequence[str], folder: Path) -> None:
    """In a process that a launcher of others has started: be in the sweep's folder, with the job's words as one's own.

    Raises ConfigError where that machine does not see the folder.
    """
    if sys.argv is argv:
        return
    if not folder.is_dir():
        raise ConfigError(
            [f"{folder}: is not on {gethostname()}; a job needs the folder that its sweep was started in"]
        )
    os.chdir(folder)
    sys.argv = [argv[0], *words]


def _start_hydra(request: CheckedWords, job: Callable[[Any], int]) -> None:
    """Let Hydra read sys.argv and start what it asks for."""
    import argparse

    import hydra

    from rlkit.config.files.hydra_source import hydra_path

    if sys.version_info >= (3, 14):  # Hydra 1.3's help for -sc is no string, which argparse now refuses
        argparse.ArgumentParser._check_help = lambda *_: None  # type: ignore[attr-defined]
    hydra.main(version_base="1.3", config_path=hydra_path(request.conf), config_name="config")(job)()


def _show(experiment: Experiment) -> int:
    """`--cfg job` on top of a run, whose settings Hydra does not know."""
    print(yaml_text.dump(experiment.stored()), end="")
    return 0
