"""From a command line to the jobs that a cluster is to run: every one of them is checked before any is submitted."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Dict, Sequence, cast

from rlkit.clusters.array import ClusterSweep, sweep_of
from rlkit.clusters.settings import SCHEDULER, SlurmSettings, read_settings, require_settings
from rlkit.config.compose import compose_words, composing
from rlkit.config.experiment import Experiment
from rlkit.config.facts.machine import Machine
from rlkit.config.files.conf import Conf
from rlkit.config.sweep import Words, grid, spread
from rlkit.config.words.preflight import CheckedWords
from rlkit.errors import ConfigError
from rlkit.runtime.preboot import require_one_process
from rlkit.runtime.process.ranks import Ranks
from rlkit.runtime.request import read_request

_LAUNCHER, _SWEEPER, _SETTING = "hydra/launcher", "hydra/sweeper", "hydra.launcher."


@dataclass(frozen=True)
class ClusterJobs:
    """What is to be submitted: the settings, a name, and the words of each job behind train.py.

    sweep: what is written down of them, where they are the jobs of one.
    """

    settings: SlurmSettings
    name: str
    jobs: tuple[tuple[str, ...], ...]
    sweep: ClusterSweep | None = None


def chosen(request: CheckedWords, group: str = _LAUNCHER) -> str | None:
    """Which launcher a request takes: as typed, or as its root configuration says; None for Hydra's own."""
    typed = [word for word in request.overrides if word.startswith(f"{group}=")]
    return typed[-1].partition("=")[2] if typed else request.conf.chosen(request.config_name, group)


def is_for_slurm(request: CheckedWords) -> bool:
    """Whether the launcher that a request takes is one of conf/hydra/launcher/ that are for sbatch."""
    name = None if request.shows else chosen(request)
    return name is not None and _is_for_slurm(name, request.conf)


def _is_for_slurm(launcher: str, conf: Conf) -> bool:
    files = conf.chain(f"{_LAUNCHER}/{launcher}")
    return any(file.content.get("scheduler") == SCHEDULER for file in files)


def read_jobs(request: CheckedWords) -> ClusterJobs:
    """The checked jobs of a request that is_for_slurm; raises ConfigError with the mistakes of every one of them."""
    sweeper = chosen(request, _SWEEPER) or "basic"
    if sweeper != "basic":
        raise ConfigError(
            [
                f"hydra/sweeper={sweeper}: chooses jobs by the results of others, for which nobody waits here; a sweep"
                " of lists is submitted as a whole: leave the sweeper out"
            ]
        )
    require_settings(word for word in request.overrides if word.startswith(_SETTING))
    launcher, spread_out = _composed(request)
    settings = read_settings(launcher)
    sweep = sweep_of(request, spread_out) if request.sweep else None
    left = spread_out if sweep is None else [job.words for job in sweep.left]
    jobs = [(*request.files, *(_as_typed(word, request) for word in job)) for job in left]
    checked = [_checked(words, settings) for words in jobs]
    problems = [
        f"job {number} ({' '.join(words)}): {message}" if len(jobs) > 1 else message
        for number, (words, (_, messages)) in enumerate(zip(jobs, checked))
        for message in messages
    ]
    if problems:
        raise ConfigError(problems)
    found = [experiment for experiment, _ in checked if experiment is not None]
    tasks = {experiment.task_name for experiment in found}
    goes_on = [
        words
        if experiment.kind == "test" or experiment.training.resume is not None
        else (*words, "training.resume=auto")
        for words, experiment in zip(jobs, found)
    ]
    name = tasks.pop() if len(tasks) == 1 else "tasks"
    best_by = found[0].training.best_by if found else ""
    return ClusterJobs(settings, name, tuple(goes_on), sweep and replace(sweep, best_by=best_by))


def _composed(request: CheckedWords) -> tuple[dict[str, Any], list[Words]]:
    """`hydra.launcher` of a request, and the words of its jobs, whose sweeps are spread out."""
    from hydra import compose
    from hydra.core.global_hydra import GlobalHydra
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from omegaconf import OmegaConf

    hydras = [word for word in request.overrides if word.lstrip("+~").startswith("hydra")]
    words = [word for word in request.overrides if word not in hydras]
    jobs: list[Words] = [tuple(words)]
    with composing(request.conf):
        config = compose(request.config_name, hydras, return_hydra_config=True)
        launcher = OmegaConf.to_container(config.hydra.launcher, resolve=True)
        if request.sweep:
            parser = OverridesParser.create(config_loader=GlobalHydra.instance().config_loader())
            jobs = grid(spread(parser.parse_overrides(words)))
    return cast(Dict[str, Any], launcher), jobs


def _as_typed(word: str, request: CheckedWords) -> str:
    """The word with the module that a class was typed with, of which Hydra has the name alone."""
    group, _, option = word.partition("=")
    full = request.conf.typed.get(group, "")
    return f"{group}={full}" if full.rpartition(":")[2] == option and full else word


def _checked(words: Sequence[str], settings: SlurmSettings) -> tuple[Experiment | None, tuple[str, ...]]:
    """What a job's words ask for on its node, or what is wrong with them there."""
    try:
        request, _ = read_request(words)
        experiment = compose_words(request, _node(settings))
        require_one_process(experiment, Ranks(size=settings.ranks))
    except ConfigError as error:
        return None, error.messages
    return experiment, ()


def _node(settings: SlurmSettings) -> Machine:
    """What is known of the node that a job gets: this machine's packages, and what is asked for."""
    here = Machine.detect()
    return replace(
        here,
        cores=settings.cpus_per_task or here.cores,
        cuda_devices=settings.gpus,
        cuda_missing="" if settings.gpus else "hydra.launcher.gpus_per_node is 0",
        memory=None,
        gpu_memory=lambda _: None,
        ranks=settings.ranks,
        ranks_here=settings.ranks // (settings.nodes or 1),
    )


def own_request(words: Sequence[str]) -> CheckedWords:
    """The request of a command line that is for SLURM, whether it says so or not; raises RlkitError."""
    request, _ = read_request(words)
    if chosen(request) is None:
        request, _ = read_request([*words, f"{_LAUNCHER}={SCHEDULER}"])
    if not is_for_slurm(request):
        names = [name for name in request.conf.options(_LAUNCHER) if _is_for_slurm(name, request.conf)]
        raise ConfigError(
            [f"hydra/launcher={chosen(request)}: is not for SLURM; there are {', '.join(names)}"]
        )
    return request
