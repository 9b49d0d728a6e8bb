"""Sweeps: what Hydra makes of their words, and the check of every job before the first one starts."""

from __future__ import annotations

import dataclasses
import itertools
from datetime import datetime
from typing import TYPE_CHECKING, Any, Callable, Iterable, Sequence, Tuple

from rlkit.config.compose import compose_words
from rlkit.config.experiment import Experiment
from rlkit.config.words import values
from rlkit.config.words.preflight import CheckedWords
from rlkit.errors import ConfigError, raise_for

if TYPE_CHECKING:
    from hydra.core.override_parser.types import Override

_SHOWS = ("--cfg", "--info", "--hydra-help", "--version")  # options that show something and run nothing
MANY = 64  # jobs, each of which takes about 60 ms to check: of more it is said

Words = Tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Spread:
    """A setting of a sweep. values: as words; of an interval its ends, where `interval` is true.

    log, whole: an interval is searched by its logarithm, in whole numbers. step: between the values of a range.
    """

    key: str
    values: Words
    interval: bool = False
    log: bool = False
    whole: bool = False
    step: float | None = None

    def words(self) -> list[str]:
        """The setting with each of the values."""
        return [f"{self.key}={value}" for value in self.values]


def check_single(request: CheckedWords) -> None:
    """Compose and check a request that is one job and has words for Hydra, before Hydra makes a folder for it.

    Raises ConfigError with its mistakes.
    """
    if not any(option.startswith(_SHOWS) for option in request.options):
        compose_words(request)


def check_jobs(
    request: CheckedWords, jobs: Sequence[Words], tell: Callable[[str], None] = lambda _: None
) -> list[Experiment]:
    """Compose and check the jobs of a sweep; tell: takes a line where they are many.

    Raises ConfigError with the mistakes of every job.
    """
    problems: list[str] = []
    found: list[Experiment] = []
    if len(jobs) > MANY:
        tell(f"checking {len(jobs)} jobs before the first one starts")
    for number, job in enumerate(jobs):
        try:
            found.append(compose_words(dataclasses.replace(request, overrides=job)))
        except ConfigError as error:
            problems += [f"sweep job {number} ({' '.join(job)}): {message}" for message in error.messages]
    raise_for(problems)
    return found


def spread(overrides: Iterable[Override]) -> list[Spread]:
    """What Hydra has parsed of a sweep's words, in their order; of one key the last counts.

    Raises ConfigError of a value that cannot be spread.
    """
    found: dict[str, Spread] = {}
    for override in overrides:
        key = override.get_key_element()
        found[key] = _spread(key, override)
    return list(found.values())


def _spread(key: str, override: Override) -> Spread:
    from hydra.core.override_parser.types import IntervalSweep, RangeSweep
    from hydra.errors import HydraException

    if not override.is_sweep_override():
        typed = override.input_line or ""
        return Spread(key, (typed.partition("=")[2],))
    sweep = override.value()
    tags = getattr(sweep, "tags", set())
    if isinstance(sweep, IntervalSweep):
        ends: tuple[Any, Any] = (sweep.start, sweep.end)
        whole = "int" in tags or all(isinstance(end, int) for end in ends)
        return Spread(
            key, tuple(str(int(e)) if whole else repr(float(e)) for e in ends), True, "log" in tags, whole
        )
    try:
        each = tuple(map(_text, override.sweep_iterator()))
    except HydraException as error:
        raise ConfigError(f"{override.input_line}: {error}") from error
    if not each:
        raise ConfigError(f"{override.input_line}: there is nothing to choose from")
    step = float(sweep.step) if isinstance(sweep, RangeSweep) else None
    return Spread(key, each, log="log" in tags, step=step)


def _text(element: Any) -> str:
    """A value as a word has it: quoted where it is a text that Hydra's grammar would take for something else."""
    from hydra.core.override_parser.types import Override

    if isinstance(element, bool):
        return str(element).lower()
    if isinstance(element, str):
        return values.quote(element, path=False)
    return str(Override._get_value_element_as_str(element))


def grid(settings: Sequence[Spread]) -> list[Words]:
    """Every combination, the last setting changing first; jobs that are alike are one. Raises ConfigError."""
    for setting in settings:
        if setting.interval:
            name = setting.key.lstrip("+~")
            raise ConfigError(
                f"{name}: an interval has no end of values; search it with hydra/sweeper=optuna, or list some, as"
                f" {name}={','.join(setting.values)}"
            )
    return list(dict.fromkeys(itertools.product(*(setting.words() for setting in settings))))


def common_words(settings: Sequence[Spread]) -> Words:
    """The words that all jobs have."""
    return tuple(s.words()[0] for s in settings if len(s.values) == 1 and not s.interval)


def sweep_folder(request: CheckedWords) -> list[str]:
    """The override that fixes the sweep's folder: Hydra would resolve it again in every job."""
    if any(word.startswith("hydra.sweep.dir=") for word in request.overrides):
        return []
    return [f"hydra.sweep.dir=runs_all/{sweep_task(request)}_sweep_{datetime.now():%Y%m%d_%H%M%S}"]


def sweep_task(request: CheckedWords) -> str:
    """The task that a sweep is called after; `tasks` where there are several."""
    tasks = [word.partition("=")[2] for word in request.overrides if word.startswith("task=")]
    return tasks[-1] if tasks and tasks[-1].isidentifier() else "tasks" if tasks else "BaseTask"
