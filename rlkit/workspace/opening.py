"""How a run begins: a folder is claimed for a new one, or one that ended is taken up again."""

from __future__ import annotations

import os
import re
import shlex
import stat
import sys
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Iterator, Mapping, Sequence

from rlkit.masking import masked, masked_bytes
from rlkit.packages import train_command
from rlkit.untrusted import kind_of, read_plain
from rlkit.workspace import origin
from rlkit.workspace.find import quoted
from rlkit.workspace.links import has_no_links, refresh
from rlkit.workspace.run import Run
from rlkit.workspace.store import layout
from rlkit.workspace.store.atomic import FileLock, workspace_lock
from rlkit.workspace.store.checkpoints import LAST
from rlkit.workspace.store.errors import WorkspaceError, explained
from rlkit.workspace.store.files import make_private, write_private
from rlkit.workspace.store.record import (
    FAILED,
    INTERRUPTED,
    RUNNING,
    RunRecord,
    format_time,
    read_record,
    write_record,
)
from rlkit.workspace.store.scan import RunEntry, all_runs, read_entry, remove_leftovers, settle
from rlkit.workspace.store.sequence import announce, claim_sequence
from rlkit.workspace.sweeps import job_of_this_process


def open_run(
    task: str,
    kind: str,
    *,
    root: Path = Path(),
    settings: layout.WorkspaceLimits,
    name: str | None = None,
    config_yaml: str,
    command: Sequence[str],
    learner: str,
    seed: int,
    device: str,
    parent: str | None = None,
    now: datetime | None = None,
    source: Path | None = None,
    save_diff: bool = True,
    job: Mapping[str, Any] = {},
) -> Run:
    """Claim a new run folder, record how the run was made, and show it in runs/.

    The folder is `<task>_<kind>_<local time>`, or `name`, with `_2`, `_3` ... where that is taken. `command` is as
    typed. `source` lies in the git checkout to describe, by default that of rlkit; `save_diff` keeps its uncommitted
    changes, `job` tells of the batch system's. Secrets are masked in command and changes, not in `config_yaml`. Raises
    WorkspaceError; nothing is left when it fails before the claim, a run that cannot be written later is marked failed.
    """
    _check_names(task, kind, name)
    now, root = (now or datetime.now(timezone.utc)).astimezone(), layout.absolute(root)
    code = origin.code_state(*([] if source is None else [source]), with_diff=save_diff)
    record = RunRecord(
        name="",
        task=task,
        kind=kind,
        learner=learner,
        state=RUNNING,
        created=format_time(now),
        device=device,
        seed=seed,
        git={**code.facts, **({"diff": "git.diff"} if code.diff else {})},
        parent=parent,
        **_this_python(),
        **_this_process(command),
    )
    layout.make_folders(root)
    folder = layout.archive_folder(root) if settings.use_clean_workspace else layout.window_folder(root)
    with workspace_lock(root):
        runs = settle(root)
        path = _claim(root, folder, name or f"{task}_{kind}_{now:%Y%m%d_%H%M%S}")
        lock = FileLock(path / layout.RUN_LOCK)
        try:
            starts = [_start(record, job)]
            named = replace(record, name=path.name, sequence=claim_sequence(root, runs), starts=starts)
            run = _fill(root, path, named, lock, config_yaml, code.diff)
            _show(run, settings, runs)
        except BaseException as error:
            _abandon(path, lock, error)
            raise
    if name is not None and name != run.name:
        run.notes.append(_taken(name, run, runs))
    return run


def continue_run(
    path: Path,
    *,
    root: Path = Path(),
    command: Sequence[str],
    device: str,
    config_yaml: str | None = None,
    changed: Mapping[str, Sequence[str]] = {},
    job: Mapping[str, Any] = {},
) -> Run:
    """Take up a run that ended, in its own folder: its record keeps everything but the process, and notes the start.

    config_yaml: its settings from now on, where they are others; changed: which, by name, from what to what. job: as
    of open_run. Raises WorkspaceError when the run is still under way, or its record cannot be read.
    """
    root = layout.absolute(root)
    path = layout.absolute(path)
    lock = FileLock(path / layout.RUN_LOCK)
    with workspace_lock(root):
        record = read_record(path)
        refuse_links(*_inside(path))
        with explained(f"lock {lock.path}"):
            if not lock.try_acquire():
                raise WorkspaceError(
                    f"{path} is still under way (process {record.pid} on {record.host}); "
                    "wait for it to end, or end it, and start again"
                )
        try:
            facts = _this_process(command)
            facts.update(state=RUNNING, reason=None, finished=None, reached=None, device=device)
            record = replace(read_record(path), **facts)
            start = _start(record, job, {name: list(pair) for name, pair in changed.items()})
            record = replace(record, starts=[*record.starts, start])
            write_record(path, record)
            if config_yaml is not None:
                write_private(path / "config.yaml", config_yaml)
            remove_leftovers(path)
            announce(root)
        except BaseException:
            lock.release()
            raise
    return Run(root, path, record, lock)


def refuse_links(*paths: Path) -> None:
    """Raise WorkspaceError where a path in a run is a link or a pipe: what is written to it would go elsewhere.

    Nothing happens where there is no such path yet.
    """
    for path in paths:
        with explained(f"look at {path}"), suppress(FileNotFoundError):
            mode = path.lstat().st_mode
            if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
                leads = f" to {os.path.realpath(path)}" if stat.S_ISLNK(mode) else ""
                raise WorkspaceError(
                    f"{path} is {kind_of(mode)}{leads}: nothing is written through it. "
                    "Put in its place what it shows, or take it away"
                )


def _inside(path: Path) -> list[Path]:
    with explained(f"look into {path}"):
        return sorted(path.iterdir())


def trainings(task: str, *, root: Path = Path()) -> Iterator[tuple[RunEntry, str]]:
    """The training runs of a task that can be read, the newest first, each with what its config.yaml holds."""
    for entry in reversed(all_runs(layout.absolute(root))):
        if entry.record is not None and (entry.record.kind, entry.record.task) == ("train", task):
            text = _text(entry.path / "config.yaml")
            if text is not None:
                yield entry, text


def is_of_series(run: str, name: str) -> bool:
    """Whether a run got its name from logging.experimentName=name: that, or the same with a number behind it."""
    return re.fullmatch(rf"{re.escape(name)}(_\d+)?", run) is not None


def _text(path: Path) -> str | None:
    try:
        return read_plain(path)[0].decode("utf-8")
    except (OSError, UnicodeDecodeError):
        return None


def _this_python() -> dict[str, Any]:
    """What a new run is made by: this Python, and the job of a sweep that it is."""
    return {
        "sweep": job_of_this_process(),
        "python": sys.version.split()[0],
        "platform": origin.platform_line(),
        "packages": origin.package_versions(),
    }


def _this_process(command: Sequence[str]) -> dict[str, Any]:
    import socket

    return {
        "command": shlex.join(map(masked, command)),
        "cwd": str(Path.cwd()),
        "pid": os.getpid(),
        "host": socket.gethostname(),
        "process_started": origin.process_start(os.getpid()),
        "updated": format_time(datetime.now(timezone.utc)),
    }


def _check_names(task: str, kind: str, name: str | None) -> None:
    if kind not in layout.KINDS:
        raise WorkspaceError(f"no kind of run is called {kind!r}; allowed are {', '.join(layout.KINDS)}")
    layout.check_name(task, "the task")
    layout.check_name(task if name is None else name, "logging.experimentName")


def _start(record: RunRecord, job: Mapping[str, Any], changed: Mapping[str, Any] = {}) -> dict[str, Any]:
    """What the record keeps of a start by the process that is in it: from which iteration, and with what changes."""
    place = {"at": record.updated, "host": record.host, "pid": record.pid}
    facts = {**place, "iteration": record.saved.get(LAST, 0)}
    return {**facts, **job, **({"changed": dict(changed)} if changed else {})}


def _claim(root: Path, folder: Path, wanted: str) -> Path:
    """Make the run's folder; only one process can make a folder, so only one gets the name."""
    number = 1
    while True:
        name = wanted if number == 1 else f"{wanted}_{number}"
        number += 1
        elsewhere = (layout.archive_folder(root), layout.window_folder(root), layout.pinned_folder(root))
        if any(layout.exists(other / name) for other in elsewhere):
            continue
        path = folder / name
        with explained(f"make the run folder {path}"):
            try:
                path.mkdir()
            except FileExistsError:
                continue
        return path


def _fill(root: Path, path: Path, record: RunRecord, lock: FileLock, config_yaml: str, diff: bytes) -> Run:
    # The lock comes before the record: whoever reads "running" finds the lock held.
    lock.acquire()
    write_record(path, record)
    run = Run(root, path, record, lock)
    write_private(run.config, config_yaml)
    if diff:
        write_private(path / "git.diff", masked_bytes(diff))
    make_private(run.log_file)
    with explained(f"make the folder {run.nn}"):
        run.nn.mkdir()
    return run


def _show(run: Run, limits: layout.WorkspaceLimits, runs: list[RunEntry]) -> None:
    """Bring runs/ up to date with the new run; where that cannot be done the run goes on without it."""
    try:
        refresh(run.root, limits, [*runs, read_entry(run.path)])
    except WorkspaceError as error:
        run.has_links = not has_no_links(error)
        if run.has_links:
            run.notes.append(f"runs/ was not brought up to date: {error}")
        else:
            run.notes.append(
                f"the file system of {run.root} has no symbolic links, so that runs/ shows nothing; runs lie in "
                "runs_all/, and checkpoint=latest and every name find them there"
            )


def _taken(name: str, run: Run, runs: list[RunEntry]) -> str:
    """What is said where logging.experimentName was used before: a name alone continues nothing."""
    said = f"logging.experimentName={name} was used before: this is a new run, {run.name}"
    if run.record.kind != "train" or run.record.parent is not None:
        return said
    old = next((old for old in reversed(runs) if is_of_series(old.name, name) and old.can_be_latest), None)
    if old is None:
        return f"{said}, from the beginning"
    return (
        f"{said}, from the beginning; to go on from {old.name} instead:\n"
        f"  {train_command()} checkpoint={quoted(old.name, 'last')}"
    )


def _abandon(path: Path, lock: FileLock, error: BaseException) -> None:
    """Mark a claim that was not completed; where even that cannot be written, remove it."""
    state, reason = FAILED, f"the run folder could not be completed: {error}"
    if isinstance(error, KeyboardInterrupt):
        state, reason = INTERRUPTED, "stopped at once, while its folder was made"
    try:
        write_record(path, replace(read_record(path), state=state, reason=reason))
    except WorkspaceError:
        import shutil

        shutil.rmtree(path, ignore_errors=True)
    finally:
        lock.release()
