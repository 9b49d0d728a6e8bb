"""Sweeps: every job is checked before the first one starts, and their bookkeeping gets one folder."""

from __future__ import annotations

import dataclasses
import itertools
from datetime import datetime

from rlkit.config.compose import compose_words
from rlkit.config.words import values
from rlkit.config.words.preflight import CheckedWords
from rlkit.errors import ConfigError

_SHOWS = ("--cfg", "--info", "--hydra-help", "--version")  # options that show something and run nothing
MOST_JOBS_CHECKED = 64  # each costs about 60 ms


def check_single(request: CheckedWords) -> None:
    """Compose and check a request that is one job and has words for Hydra, before Hydra makes a folder for it.

    Raises ConfigError with its mistakes.
    """
    if not any(option.startswith(_SHOWS) for option in request.options):
        compose_words(request)


def check_jobs(request: CheckedWords) -> None:
    """Compose and check the jobs of a sweep over plain lists; other sweeps are checked job by job.

    Raises ConfigError with the mistakes of every job.
    """
    words = [word for word in request.overrides if not word.lstrip("+~").startswith("hydra")]
    hydras = [word for word in request.overrides if word not in words]
    problems: list[str] = []
    for number, job in enumerate(itertools.islice(_jobs(words), MOST_JOBS_CHECKED)):
        try:
            alone = job if number else (*job, *hydras)  # what is for Hydra is the same in all of them
            compose_words(dataclasses.replace(request, overrides=tuple(alone)))
        except ConfigError as error:
            problems += [f"sweep job {number} ({' '.join(job)}): {message}" for message in error.messages]
    if problems:
        raise ConfigError(problems)


def sweep_folder(request: CheckedWords) -> list[str]:
    """The override that fixes the sweep's folder: Hydra would resolve it again in every job."""
    if any(word.startswith("hydra.sweep.dir=") for word in request.overrides):
        return []
    tasks = [word.partition("=")[2] for word in request.overrides if word.startswith("task=")]
    task = tasks[-1] if tasks and tasks[-1].isidentifier() else "tasks" if tasks else "BaseTask"
    return [f"hydra.sweep.dir=runs_all/{task}_sweep_{datetime.now():%Y%m%d_%H%M%S}"]


def _jobs(words: list[str]) -> itertools.product[tuple[str, ...]]:
    """The words of every job; none where a value is a sweep function that only Hydra can spread out."""
    choices: list[list[str]] = []
    for word in words:
        key, _, value = word.partition("=")
        parts = values.split(value)
        if any(values.parse(part) is values.UNREAD and "(" in part for part in parts):
            return itertools.product([], repeat=1)
        choices.append([f"{key}={part}" for part in parts])
    return itertools.product(*choices)
