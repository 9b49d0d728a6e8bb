"""The jobs of a sweep that SLURM runs: sweep.json keeps them as it keeps those that this machine runs."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Sequence

from rlkit.config.sweep import Words, sweep_folder, sweep_task
from rlkit.config.words.preflight import CheckedWords
from rlkit.errors import ConfigError
from rlkit.masking import masked
from rlkit.sweeps.score import measure_of
from rlkit.workspace.store.record import RUNNING
from rlkit.workspace.store.scan import all_runs
from rlkit.workspace.sweeps import (
    OVER,
    RECORD,
    Sweep,
    SweepJob,
    jobs_now,
    new_record,
    read_sweep,
    workspace_of,
)


@dataclass(frozen=True)
class ClusterSweep:
    """A sweep that is to be submitted. left: its jobs that are neither over nor under way.

    all: the words of every one of them. best_by: what its runs are compared by.
    """

    folder: Path
    all: tuple[Words, ...]
    left: tuple[SweepJob, ...]
    best_by: str = ""

    @property
    def names(self) -> list[str]:
        """What tells the run of each job that is left which one it is (`workspace.sweeps.JOB_VARIABLE`)."""
        return [f"{self.folder.name}/{job.number}" for job in self.left]

    def write_down(self, request: CheckedWords, command: str) -> None:
        """Make the sweep's folder with its record, or add to the one that is there. Raises WorkspaceError."""
        if os.path.lexists(self.folder / RECORD):
            sweep = Sweep.take_up(self.folder)
            known = {job.words for job in sweep.record.jobs}
            for words in self.all:
                if _kept(words) not in known:
                    sweep.add(words)
        else:
            common = [word for word in self.all[0] if all(word in words for words in self.all)]
            record = new_record(
                sweep_task(request),
                command=command,
                words=[word for word in request.argv if not word.startswith("hydra.sweep.dir=")],
                common=common,
                jobs=self.all,
                sweeper="basic",
                measure=str(measure_of(None, self.best_by)),
            )
            sweep = Sweep.begin(self.folder, record)
        sweep.close()


def sweep_of(request: CheckedWords, jobs: Sequence[Words]) -> ClusterSweep:
    """The sweep of these jobs: a new one, or what is left of the one that a request goes on with.

    Raises ConfigError where nothing is left, WorkspaceError where what is there cannot be read.
    """
    word = [*(w for w in request.overrides if w.startswith("hydra.sweep.dir=")), *sweep_folder(request)][0]
    folder = Path(word.partition("=")[2].strip("'\""))
    if not os.path.lexists(folder / RECORD):
        return ClusterSweep(folder, tuple(jobs), tuple(SweepJob(n, words) for n, words in enumerate(jobs)))
    record = read_sweep(folder)
    now = jobs_now(folder, record, all_runs(workspace_of(folder)), live=False)
    states = {its.job.words: (its.job.number, its.state) for its in now}
    new = len(now)
    left: list[SweepJob] = []
    for words in jobs:
        number, state = states.get(_kept(words), (new, ""))
        new += number == new
        if state not in (*OVER, RUNNING):
            left.append(SweepJob(number, words))
    if not left:
        raise ConfigError(
            [f"sweep={folder.name}: nothing is left to submit; rlkit sweep {folder.name} shows it"]
        )
    return ClusterSweep(folder, tuple(jobs), tuple(left))


def _kept(words: Words) -> Words:
    """As sweep.json has them."""
    return tuple(map(masked, words))
