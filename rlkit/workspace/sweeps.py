"""A sweep's folder in runs_all/: sweep.json says what was asked, which jobs it has, and what became of each.

The jobs are ordinary runs, which lie beside it; run.json of each names its sweep and its number. What a run says of
itself counts, so that jobs are told too that another machine has started.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Mapping, Sequence

from rlkit.masking import masked
from rlkit.nearest import nearest
from rlkit.untrusted import all_printable, echo, parse_json, read_plain
from rlkit.workspace.store import layout
from rlkit.workspace.store.atomic import FileLock, is_locked
from rlkit.workspace.store.errors import ResolveError, WorkspaceError, explained
from rlkit.workspace.store.files import write_private
from rlkit.workspace.store.record import DONE, RUNNING, STATES, format_time
from rlkit.workspace.store.scan import RunEntry, all_runs, entries

RECORD, _LOCK = "sweep.json", "sweep.lock"
SCHEMA = 1
WAITING, PRUNED = "waiting", "pruned"
JOB_STATES: tuple[str, ...] = (WAITING, PRUNED, *STATES)
OVER = (DONE, PRUNED)
"""States of jobs that need not be started again."""
JOB_VARIABLE = "RLKIT_SWEEP_JOB"
"""The environment variable that tells a run which job of which sweep it is: `<sweep>/<number>`."""

_JOB = re.compile(r"([^/\s][^/]*)/(\d{1,9})")


@dataclass(frozen=True)
class SweepJob:
    """One job. words: all that it is started with, in full names. reason: why it did not come to its end."""

    number: int
    words: tuple[str, ...]
    state: str = WAITING
    run: str | None = None
    reason: str | None = None


@dataclass(frozen=True)
class SweepRecord:
    """The content of sweep.json. command: as typed. words: the same in full names; common: those that all jobs have.

    measure: the metric that jobs are compared by, a minus before one of which less is better.
    """

    task: str
    created: str
    command: str
    words: tuple[str, ...]
    common: tuple[str, ...]
    jobs: tuple[SweepJob, ...] = ()
    sweeper: str = "basic"
    measure: str = "return"
    schema: int = SCHEMA

    def to_json(self) -> str:
        """The text of sweep.json."""
        return json.dumps(asdict(self), indent=2, allow_nan=False) + "\n"

    def own_words(self, job: SweepJob) -> tuple[str, ...]:
        """The words of a job that not all have."""
        return tuple(word for word in job.words if word not in self.common)


@dataclass(frozen=True)
class JobNow:
    """A job, and its newest run where there is one."""

    job: SweepJob
    run: RunEntry | None
    live: bool  # whether the sweep is under way

    @property
    def state(self) -> str:
        """What its run says, where the sweep does not know better."""
        if self.job.state == PRUNED:
            return PRUNED
        if self.run is not None:
            return self.run.state
        return WAITING if self.job.state == RUNNING and not self.live else self.job.state


class Sweep:
    """A sweep that this process carries out: it alone writes sweep.json, and it holds the lock meanwhile."""

    def __init__(self, path: Path, record: SweepRecord, lock: FileLock) -> None:
        self.path, self.record = path, record
        self._lock = lock

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.path.name

    @classmethod
    def begin(cls, path: Path, record: SweepRecord) -> Sweep:
        """Make the folder, which appears with its record in it; raises WorkspaceError where it is there."""
        path = layout.absolute(path)
        made = path.with_name(f".{path.name}.{os.getpid()}.tmp")
        with explained(f"make the sweep's folder {path}"):
            made.mkdir(parents=True)
            write_private(made / RECORD, record.to_json())
            made.rename(path)
        return cls(path, record, _locked(path))

    @classmethod
    def take_up(cls, path: Path) -> Sweep:
        """Go on with one that ended; raises WorkspaceError where it is under way, or cannot be read."""
        path = layout.absolute(path)
        lock = _locked(path)
        return cls(path, read_sweep(path), lock)

    def add(self, words: Sequence[str]) -> SweepJob:
        """A job more, the next number's."""
        job = SweepJob(len(self.record.jobs), tuple(map(masked, words)))
        self._write(replace(self.record, jobs=(*self.record.jobs, job)))
        return job

    def update(self, number: int, **changes: Any) -> SweepJob:
        """Write down what became known of a job."""
        jobs = list(self.record.jobs)
        jobs[number] = replace(jobs[number], **changes)
        self._write(replace(self.record, jobs=tuple(jobs)))
        return jobs[number]

    def now(self) -> list[JobNow]:
        """The jobs with what their runs say."""
        return jobs_now(self.path, self.record, all_runs(workspace_of(self.path)), live=True)

    def close(self) -> None:
        """Let go of it."""
        self._lock.release()

    def _write(self, record: SweepRecord) -> None:
        write_private(self.path / RECORD, record.to_json())
        self.record = record


def _locked(path: Path) -> FileLock:
    lock = FileLock(path / _LOCK)
    with explained(f"lock {lock.path}"):
        if not lock.try_acquire():
            raise WorkspaceError(
                f"the sweep {path.name} is still under way: rlkit sweep {path.name} shows it"
            )
    return lock


def workspace_of(path: Path) -> Path:
    """The workspace that a sweep's runs lie in: of a folder in runs_all/ its own, else the current folder."""
    return path.parent.parent if path.parent.name == layout.ARCHIVE else layout.absolute(Path())


def job_of_this_process() -> dict[str, Any]:
    """The sweep and the number of the job that this process is, as run.json has it; empty where it is none."""
    match = _JOB.fullmatch(os.environ.get(JOB_VARIABLE, ""))
    return {} if match is None else {"name": match[1], "job": int(match[2])}


def jobs_now(path: Path, record: SweepRecord, runs: Sequence[RunEntry], *, live: bool) -> list[JobNow]:
    """The jobs of a sweep with their newest runs; runs: all of the workspace, from old to new."""
    its: dict[Any, RunEntry] = {}
    for run in runs:
        if run.record is not None and run.record.sweep.get("name") == path.name:
            its[run.record.sweep.get("job")] = run
    return [JobNow(job, its.get(job.number), live) for job in record.jobs]


def is_live_sweep(path: Path) -> bool:
    """Whether a process carries this sweep out."""
    with explained(f"look at {path / _LOCK}"):
        return is_locked(path / _LOCK)


def sweep_folders(root: Path) -> list[Path]:
    """The sweeps of a workspace, by their names; raises WorkspaceError."""
    archive = layout.archive_folder(layout.absolute(root))
    folders = [Path(entry.path) for entry in entries(archive) if not entry.name.startswith(".")]
    return [folder for folder in folders if os.path.lexists(folder / RECORD)]


def find_sweep(ref: str, root: Path = Path()) -> Path:
    """The folder of the sweep that is meant: `latest`, a name, a part that only one has, or a path.

    Raises ResolveError, which says what there is.
    """
    typed = layout.absolute(ref)
    if "/" in ref and os.path.lexists(typed / RECORD):
        return typed
    folders = sweep_folders(root)
    names = [folder.name for folder in folders]
    if ref == "latest" and folders:
        return max(folders, key=_age)
    found = [folder for folder in folders if folder.name == ref] or [f for f in folders if ref in f.name]
    if len(found) == 1 and ref:
        return found[0]
    if not folders:
        raise ResolveError(f"sweep {echo(ref)}: there are no sweeps in {layout.archive_folder(root)}")
    what = "several have that in their names" if len(found) > 1 else "there is no such sweep"
    near = [folder.name for folder in found] or nearest(ref, names, 3) or names[-8:]
    raise ResolveError(f"sweep {echo(ref)}: {what}; there are {', '.join(near)}, and latest")


def _age(folder: Path) -> tuple[str, str]:
    try:
        return (read_sweep(folder).created, folder.name)
    except WorkspaceError:
        return ("", folder.name)


def new_record(
    task: str,
    *,
    command: str,
    words: Sequence[str],
    common: Sequence[str],
    jobs: Sequence[Sequence[str]],
    sweeper: str,
    measure: str,
) -> SweepRecord:
    """What a new sweep's sweep.json says; what looks like a secret is masked."""
    made = tuple(SweepJob(number, tuple(map(masked, job))) for number, job in enumerate(jobs))
    created = format_time(datetime.now(timezone.utc))
    typed, shared = tuple(map(masked, words)), tuple(map(masked, common))
    return SweepRecord(task, created, masked(command), typed, shared, made, sweeper, measure)


def read_sweep(path: Path) -> SweepRecord:
    """Read a sweep's sweep.json; raises WorkspaceError that says what is wrong with it."""
    file = path / RECORD
    try:
        content = all_printable(parse_json(read_plain(file)[0]))
        return _checked(content)
    except OSError as error:
        raise WorkspaceError(f"{file} cannot be read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise WorkspaceError(f"{file} is not what rlkit writes") from error


def _checked(content: Mapping[str, Any]) -> SweepRecord:
    """Raises ValueError, KeyError or TypeError where it is none."""
    if content["schema"] != SCHEMA or not _is_texts(content["words"]) or not _is_texts(content["common"]):
        raise ValueError
    names = ("task", "created", "command", "sweeper", "measure")
    if not all(isinstance(content[name], str) for name in names):
        raise ValueError
    jobs = tuple(_job(place, job) for place, job in enumerate(content["jobs"]))
    texts = {name: content[name] for name in names}
    return SweepRecord(**texts, words=tuple(content["words"]), common=tuple(content["common"]), jobs=jobs)


def _job(place: int, job: Mapping[str, Any]) -> SweepJob:
    texts = (job["run"], job["reason"])
    right = job["number"] == place and job["state"] in JOB_STATES and _is_texts(job["words"])
    if not right or not all(text is None or isinstance(text, str) for text in texts):
        raise ValueError
    return SweepJob(place, tuple(job["words"]), job["state"], *texts)


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)
