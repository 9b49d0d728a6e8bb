"""What a command line asks for, with the runs that it goes on from; without torch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Dict, Sequence

from rlkit.config.words.command_line import conf_of, parse
from rlkit.config.words.inherit import Asked, Base, asked_by, asked_checkpoints, asks_for_test, read_base
from rlkit.config.words.preflight import CheckedWords, check_words
from rlkit.learners.facts import train_file

if TYPE_CHECKING:
    from rlkit.workspace import Resolved

    Sources = Dict[Asked, Resolved]
    """The checkpoints that a command line asks for: one, or of a sweep several."""


def read_request(words: Sequence[str]) -> tuple[CheckedWords, Sources]:
    """A command line on top of the runs whose checkpoints it asks for, and these checkpoints; raises RlkitError."""
    from rlkit.workspace import resolve

    line = parse(words)
    conf = conf_of(line)
    best = "best" if asks_for_test(line, conf) else "last"
    sources = {
        (checkpoint, task): resolve(checkpoint, task=task, default=best)
        for checkpoint, task in asked_checkpoints(line, conf)
    }
    return check_words(line, conf, {asked: _base(source) for asked, source in sources.items()}), sources


def source_of(request: CheckedWords, sources: Sources) -> Resolved | None:
    """The checkpoint that a request without a sweep, or one job of a sweep, asks for."""
    asked = asked_by(request.overrides, request.conf, request.config_name)
    return None if asked is None else sources.get(asked)


def _base(source: Resolved) -> Base:
    """The settings of the checkpoint's run; of a file that lies in none its task and learner."""
    from rlkit.runtime.checkpoints.head import read_head

    settings = None if source.run_path is None else source.run_path / "config.yaml"
    if settings is not None and settings.exists():
        return read_base(settings)
    head = read_head(source.checkpoint)
    train = train_file(head.task, head.learner_name)
    return Base(str(source.checkpoint), {"task": head.task, "train": train})
