"""`sweep=<name>`: a command line that goes on with a sweep, as `python train.py -m sweep=latest`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Sequence

from rlkit.errors import ConfigError
from rlkit.masking import MASK
from rlkit.workspace.store.layout import ARCHIVE, absolute
from rlkit.workspace.sweeps import find_sweep, read_sweep

# Words of Hydra's that a sweep.json, which may be anybody's, can be taken at: they choose what is in conf/.
_HARMLESS = re.compile(
    r"hydra/(launcher|sweeper)=\w+|hydra\.launcher\.n_jobs=-?\d+|hydra\.sweeper\.(n_trials|seed|prune_after"
    r"|prune_every|startup_trials)=\d+|hydra\.sweeper\.(measure|sampler|pruner)=-?[\w/]+|hydra\.mode=MULTIRUN"
    # What a cluster gives a job, without the lines and commands of one's own
    r"|hydra\.launcher\.(partition|account|qos|constraint|time|nodes|ntasks_per_node|cpus_per_task|gpus_per_node|mem"
    r"|array_parallelism|signal_delay|wait)=[\w:.-]+"
)


def named_sweep(words: Sequence[str]) -> list[str]:
    """The words with those of the sweep that they name; themselves where they name none.

    A sweep's own words are taken where nothing but words for Hydra is typed beside its name. Raises ConfigError where
    they would run code that was not typed here, and ResolveError where there is no such sweep.
    """
    names = [word.partition("=")[2] for word in words if word.startswith("sweep=")]
    others = [word for word in words if not word.startswith("sweep=")]
    if not names:
        return others
    folder = find_sweep(names[-1])
    typed = [word for word in others if word not in ("-m", "--multirun") and not _is_hydras(word)]
    own = typed or _own_words(folder, others)
    for_hydra = [word for word in others if _is_hydras(word)]
    given = {word.partition("=")[0] for word in for_hydra}
    kept = [word for word in own if word.partition("=")[0] not in given]
    place = folder.relative_to(absolute(Path())) if folder.parent == absolute(ARCHIVE) else folder
    return ["-m", *(word for word in kept if word != "--multirun"), *for_hydra, f"hydra.sweep.dir='{place}'"]


def _own_words(folder: Path, typed: Sequence[str]) -> list[str]:
    """The words that a sweep was started with; raises ConfigError where there are some that must be typed again."""
    record = read_sweep(folder)
    problem = next(filter(None, map(_problem, set(record.words) - set(typed))), None)
    if problem is not None:
        raise ConfigError(
            f"sweep={folder.name}: {problem}; type its words again: {record.command} sweep={folder.name}"
        )
    return list(record.words)


def _problem(word: str) -> str | None:
    """Why a word of a file is not taken at it."""
    value = word.partition("=")[2]
    if MASK in word:
        return "what looked like a secret is not stored"
    if word.startswith("--") and not word.startswith(("--multirun", "--config-name=")):
        return f"{word} may bring other files"
    if _is_hydras(word) and _HARMLESS.fullmatch(word) is None:
        return f"{word} may start something"
    names_code = ":" in value and not word.startswith("training.checkpoint=")
    if "${" in word or names_code or word.lstrip("+").startswith("task.class="):
        return f"{word} may name code"
    return None


def _is_hydras(word: str) -> bool:
    return word.lstrip("+~").startswith("hydra")
