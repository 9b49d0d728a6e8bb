"""training.resume=auto: the same command again goes on in the same run folder, with what may change meanwhile.

Which run that is: of the same request, so one whose settings differ in nothing that decides what is learned
(rlkit.config.continuation); one that is unfinished before one that is done, the newest first; in a batch system that
of the same job before all others. With logging.experimentName a run of that name and seed which differs in more is
refused; without one it is another request, and a new run begins.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Iterator, Mapping

from rlkit import yaml_text
from rlkit.config import ConfigError, Experiment
from rlkit.config.continuation import Change, Changes, changes, is_drawn
from rlkit.packages import train_command
from rlkit.runtime.checkpoints.head import read_head
from rlkit.runtime.process.slurm import job_name, was_requeued
from rlkit.runtime.progress.left import nothing_left
from rlkit.workspace import (
    Resolved,
    RunEntry,
    called,
    checkpoint_name,
    is_of_series,
    quoted,
    read_entry,
    trainings,
)
from rlkit.workspace.store.checkpoints import networks_folder
from rlkit.workspace.store.record import DONE, FAILED, INTERRUPTED, RUNNING
from rlkit.workspace.sweeps import job_of_this_process

_LOCK_OF_THE_DEAD = 150.0  # seconds; NFS takes a lock back after 90


@dataclass(frozen=True)
class Continuation:
    """The run that a request goes on with; source: its last checkpoint, None where it has none yet.

    changed: the settings that are others now. over: why nothing is left to do, where that is so.
    """

    path: Path
    source: Resolved | None
    changed: Change = field(default_factory=dict)
    over: str | None = None


@dataclass(frozen=True)
class Found:
    """What training.resume makes of a request: the run to go on with, if there is one, and what to tell of others."""

    experiment: Experiment
    run: Continuation | None = None
    notes: tuple[str, ...] = ()

    @property
    def over(self) -> str | None:
        """Why nothing is left to do, where that is so."""
        return None if self.run is None else self.run.over

    def source(self, asked: Resolved | None) -> Resolved | None:
        """The checkpoint to start from: the run's own last one, before it has any that which was asked for."""
        return asked if self.run is None or self.run.source is None else self.run.source


def find(experiment: Experiment, *, leads: bool = True) -> Found:
    """The run that a request goes on with; raises ConfigError where settings have changed that must not.

    A job of a sweep that does not ask goes on with its own interrupted run; some of its neighbours have its name and
    other settings, so that in a sweep a new run begins where a name alone would be refused.

    leads: False on the other ranks, which see a run as under way that their first one has just taken.
    """
    job = job_of_this_process()
    asked = experiment.training.resume or ("sweep" if job else None)
    if experiment.kind != "train" or asked is None or (asked == "new" and not was_requeued()):
        return Found(experiment)
    request = yaml_text.load(experiment.to_yaml())
    others: list[tuple[RunEntry, Changes]] = []
    mine: list[tuple[RunEntry, Changes]] = []
    for entry, text in trainings(experiment.task_name):
        differ = _compared(text, request)
        own = _is_own(entry)
        if asked == "sweep" and not _is_of(entry, job):
            continue
        if differ is None or (asked == "new" and not own) or not _may_go_on(entry, own, is_drawn(request)):
            continue
        if not differ.refused:
            mine.append((entry, differ))
        elif asked == "auto":
            others.append((entry, differ))
    if mine:
        entry, differ = min(mine, key=lambda found: _rank(found[0]))
        return _go_on(experiment, entry, differ, leads=leads, drawn=is_drawn(request))
    return Found(experiment, notes=tuple(_others(experiment, others, alone=not job)))


def _compared(text: str, request: Mapping[str, Any]) -> Changes | None:
    """What differs between a run's config.yaml and the request; None where it cannot be read."""
    try:
        content = yaml_text.load(text)
    except yaml_text.YamlError:
        return None
    return changes(content, request) if isinstance(content, dict) else None


def _is_own(entry: RunEntry) -> bool:
    """Whether the run's last start was by this very job of the batch system."""
    assert entry.record is not None
    job = job_name()
    return job is not None and bool(entry.record.starts) and entry.record.starts[-1].get("job") == job


def _is_of(entry: RunEntry, job: Mapping[str, Any]) -> bool:
    """Whether the run is what is left of this very job of a sweep, which tries again what has failed."""
    return entry.record is not None and entry.record.sweep == job and entry.state == INTERRUPTED


def _may_go_on(entry: RunEntry, own: bool, drawn: bool) -> bool:
    """Whether the run's state lets it go on; where seeds are drawn only what is unfinished and free, or its own."""
    if entry.state in (DONE, FAILED) and not entry.can_go_on:
        return False
    return not drawn or own or entry.state not in (RUNNING, DONE)


def _rank(entry: RunEntry) -> tuple[bool, bool]:
    """The first of these that is the smallest is meant; of two alike the newer one comes first."""
    return (not _is_own(entry), entry.state in (DONE, RUNNING))


def _go_on(experiment: Experiment, entry: RunEntry, differ: Changes, *, leads: bool, drawn: bool) -> Found:
    record = entry.record
    assert record is not None
    if leads and entry.state == RUNNING and was_requeued() and _is_own(entry):
        entry = _when_free(entry)
    if entry.state == RUNNING:
        if not leads:
            return Found(experiment)
        raise ConfigError(
            f"training.resume=auto: {entry.name} is this very request, and under way (process {record.pid} on"
            f" {record.host}); wait for it or end it, or begin another one beside it with training.resume=new"
        )
    if drawn:
        experiment = replace(experiment, training=replace(experiment.training, seed=record.seed))
    experiment = replace(experiment, kept_in=entry.path)
    source, over = None, None
    if entry.can_go_on:
        last = networks_folder(entry.path) / checkpoint_name("last")
        source = Resolved(entry.path, last, None, f"continuing {entry.name} from {last.name}")
        over = nothing_left(experiment, source, read_head(last)) if entry.state == DONE else None
        over = (
            over
            and f"{entry.name} is this very request, and done: {over}, or begin anew with training.resume=new"
        )
    return Found(experiment, Continuation(entry.path, source, differ.allowed, over))


def _when_free(entry: RunEntry) -> RunEntry:
    """The run once nobody holds it: of a node that died a network disk keeps the lock for a while."""
    end = time.monotonic() + _LOCK_OF_THE_DEAD
    while entry.state == RUNNING and time.monotonic() < end:
        time.sleep(1.0)
        entry = read_entry(entry.path)
    return entry


def _others(experiment: Experiment, others: list[tuple[RunEntry, Changes]], *, alone: bool) -> Iterator[str]:
    """Tells of the nearest run that is another request; raises ConfigError where the name says that it is meant."""
    name = experiment.logging.experiment_name
    same_seed = [found for found in others if "training.seed" not in found[1].refused]
    named = [found for found in same_seed if name is not None and is_of_series(found[0].name, name)]
    if named and alone and job_name() is None:
        raise ConfigError(_refusal(*named[0]))
    near = [found for found in named or same_seed if found[0].state not in (RUNNING, DONE)]
    if near:
        entry, differ = min(near, key=lambda found: len(found[1].refused))
        yield (
            f"a new run begins: {entry.name}, which is {entry.state}, was trained with other settings"
            f" ({'; '.join(_lines(differ.refused))}); checkpoint={quoted(called(entry.path), 'last')} goes on from it"
        )


def _refusal(entry: RunEntry, differ: Changes) -> str:
    last = quoted(called(entry.path), "last")
    words = " ".join(f"{name}={now}" for name, (_, now) in differ.refused.items())
    lines = "\n".join(f"       {line}" for line in _lines(differ.refused))
    return (
        f"training.resume=auto: {entry.name} was trained with other settings, which it cannot go on with:\n{lines}\n"
        f"     go on from it in a run of its own: {train_command()} checkpoint={last} {words}\n"
        "     begin anew under the same name: training.resume=new"
    )


def _lines(differ: Change) -> list[str]:
    """The changes in words, the first few of them."""
    lines = [f"{name} was {before}, now {now}" for name, (before, now) in differ.items()]
    return lines if len(lines) <= 8 else [*lines[:7], f"and {len(lines) - 7} more"]


def told(run: Continuation) -> list[str]:
    """What a start says of the run that it goes on with, for its first lines."""
    return [f"changed  {name}: {before} -> {now}" for name, (before, now) in run.changed.items()]
