"""One run: its claimed folder, its record, and the files it will hold."""

from __future__ import annotations

import math
import os
import re
import shlex
import sys
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Sequence, Union

from rlkit.masking import masked, masked_bytes
from rlkit.workspace import origin
from rlkit.workspace.atomic import FileLock, workspace_lock
from rlkit.workspace.checkpoints import BEST, LAST, Which, checkpoint_name, networks_folder
from rlkit.workspace.errors import WorkspaceError, explained
from rlkit.workspace.files import make_private, write_private
from rlkit.workspace.find import quoted
from rlkit.workspace.layout import (
    KINDS,
    RUN_LOCK,
    WorkspaceLimits,
    absolute,
    archive_folder,
    check_name,
    exists,
    make_folders,
    pinned_folder,
    window_folder,
)
from rlkit.workspace.links import has_no_links, point_latest, refresh
from rlkit.workspace.record import (
    FAILED,
    INTERRUPTED,
    RUNNING,
    STATES,
    RunRecord,
    format_time,
    read_record,
    write_record,
)
from rlkit.workspace.scan import RunEntry, all_runs, read_entry, remove_leftovers, settle
from rlkit.workspace.sequence import announce, claim_sequence


class Run:
    """A run that this process owns: it alone writes the record, and it holds the run's lock while it lives.

    Made by open_run or continue_run. The lock (`<run>/.lock`, flock) is what others take for a sign of life.
    """

    def __init__(self, root: Path, path: Path, record: RunRecord, lock: FileLock) -> None:
        self.root = root
        self.notes: List[str] = []  # what the user should be told at the start
        self.has_links = True
        self.path = path
        self.record = record
        self._lock = lock
        self._latest_is_current = False

    @property
    def name(self) -> str:
        """The run's name: its folder's name."""
        return self.path.name

    @property
    def nn(self) -> Path:
        """Checkpoints."""
        return networks_folder(self.path)

    @property
    def summaries(self) -> Path:
        """Where TensorBoard's event files lie: in the run's folder, whose name TensorBoard shows."""
        older = self.path / "summaries"
        return older if older.is_dir() else self.path

    @property
    def videos(self) -> Path:
        """Recorded videos; the folder is made by who writes the first."""
        return self.path / "videos"

    @property
    def trajectories(self) -> Path:
        """Recorded states; the folder is made by who writes the first."""
        return self.path / "trajectories"

    @property
    def config(self) -> Path:
        """The complete resolved configuration."""
        return self.path / "config.yaml"

    @property
    def log_file(self) -> Path:
        """What was logged."""
        return self.path / "train.log"

    @property
    def metrics(self) -> Path:
        """One JSON object a line, one line an iteration."""
        return self.path / "metrics.jsonl"

    @property
    def results(self) -> Path:
        """A test's figures."""
        return self.path / "metrics.json"

    def checkpoint_path(self, which: Which) -> Path:
        """Where the checkpoint of an iteration, or "last" or "best", belongs; raises WorkspaceError."""
        return self.nn / checkpoint_name(which)

    def update(
        self,
        *,
        state: Optional[str] = None,
        iterations: Optional[int] = None,
        best_return: Optional[float] = None,
        best_success: Optional[float] = None,
        checkpoint: Union[str, Path, None] = None,
        tested_run: Optional[str] = None,
        chosen: Optional[Mapping[str, Any]] = None,
    ) -> None:
        """Write what became known into run.json, in one step; what is not given stays as it was.

        A best return that is not finite is left out, since JSON has no such number. `checkpoint` and
        `tested_run` say what a test run tests, `chosen` what became of settings that were left to the machine.
        Raises WorkspaceError.
        """
        changes: Dict[str, Any] = {"iterations": iterations, "tested_run": tested_run, "chosen": chosen}
        for name, value in (("best_return", best_return), ("best_success", best_success)):
            changes[name] = value if value is not None and math.isfinite(value) else None
        changes["checkpoint"] = str(absolute(checkpoint)) if checkpoint is not None else None
        self._rewrite(**{key: value for key, value in changes.items() if value is not None})
        if state is not None:
            self.set_state(state)

    def set_state(self, state: str, reason: Optional[str] = None) -> None:
        """Say how the run stands: running, done, interrupted or failed.

        With any but running the run is over: latest_* are brought up to date and the lock is released.
        Raises WorkspaceError for an unknown state, and when run.json cannot be written.
        """
        if state not in STATES:
            raise WorkspaceError("no state is called {!r}; allowed are {}".format(state, ", ".join(STATES)))
        reason = None if reason is None else masked(reason)
        finished = None if state == RUNNING else format_time(datetime.now(timezone.utc))
        self._rewrite(state=state, reason=reason, finished=finished)
        if state != RUNNING:
            self._point_latest()
            self.close()

    def end(self, state: str, reason: str) -> None:
        """As set_state, where something went wrong before: what cannot be written now is a warning at most."""
        try:
            self.set_state(state, reason)
        except WorkspaceError as error:
            import logging

            self.close()
            if exists(self.path):  # where the folder is gone, that is what went wrong
                logging.getLogger(__name__).warning("%s is not marked as %s: %s", self.path, state, error)

    def checkpoint_saved(self, which: Which, iteration: Optional[int] = None) -> None:
        """Call after each checkpoint: notes the iteration of "last" and "best", points latest_train."""
        if which in (LAST, BEST) and iteration is not None:
            self._rewrite(saved={**self.record.saved, str(which): iteration})
        if not self._latest_is_current:
            self._latest_is_current = self._point_latest()

    def close(self) -> None:
        """Release the run's lock; a run that still says running then counts as interrupted."""
        self._lock.release()

    def _rewrite(self, **changes: Any) -> None:
        record = replace(self.record, updated=format_time(datetime.now(timezone.utc)), **changes)
        write_record(self.path, record)
        self.record = record

    def _point_latest(self) -> bool:
        # A link is a convenience, and the next start repairs it: training goes on without it.
        if not self.has_links:
            return True
        try:
            with workspace_lock(self.root):
                point_latest(self.root, all_runs(self.root))
        except WorkspaceError as error:
            import logging

            logging.getLogger(__name__).warning(
                "runs/latest_%s was not brought up to date: %s", self.record.kind, error
            )
            return False
        return True


def open_run(
    task: str,
    kind: str,
    *,
    root: Path = Path(),
    settings: WorkspaceLimits,
    name: Optional[str] = None,
    config_yaml: str,
    command: Sequence[str],
    learner: str,
    seed: int,
    device: str,
    parent: Optional[str] = None,
    now: Optional[datetime] = None,
    source: Optional[Path] = None,
    save_diff: bool = True,
) -> Run:
    """Claim a new run folder, record how the run was made, and show it in runs/.

    The folder is `<task>_<kind>_<local time>`, or `name` where one is given, with `_2`, `_3` ... where that
    is taken. `command` is the command line as typed. `source` lies in the git checkout to describe, by default the
    one that holds rlkit; `save_diff` keeps its uncommitted changes. What looks like a secret is masked in the command
    and the changes; `config_yaml` is written as it is. Raises WorkspaceError; nothing is left behind when it fails
    before the claim, and a run whose files cannot be written afterwards is marked failed.
    """
    if kind not in KINDS:
        raise WorkspaceError("no kind of run is called {!r}; allowed are {}".format(kind, ", ".join(KINDS)))
    check_name(task, "the task")
    if name is not None:
        check_name(name, "logging.experimentName")
    now = (now or datetime.now(timezone.utc)).astimezone()
    root = absolute(root)
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
        python=sys.version.split()[0],
        platform=origin.platform_line(),
        packages=origin.package_versions(),
        parent=parent,
        **_this_process(command),
    )
    make_folders(root)
    with workspace_lock(root):
        runs = settle(root)
        folder = archive_folder(root) if settings.use_clean_workspace else window_folder(root)
        path = _claim(root, folder, name or f"{task}_{kind}_{now:%Y%m%d_%H%M%S}")
        lock = FileLock(path / RUN_LOCK)
        try:
            record = replace(record, name=path.name, sequence=claim_sequence(root, runs))
            run = _fill(root, path, record, lock, config_yaml, code.diff)
            _show(run, settings, runs)
        except BaseException as error:
            _abandon(path, lock, error)
            raise
    if name is not None and name != run.name:
        run.notes.append(_taken(name, run, runs))
    return run


def continue_run(path: Path, *, root: Path = Path(), command: Sequence[str], device: str) -> Run:
    """Take up a run that ended, in its own folder: its record keeps everything but the process.

    Raises WorkspaceError when the run is still under way, or its record cannot be read.
    """
    root = absolute(root)
    path = absolute(path)
    lock = FileLock(path / RUN_LOCK)
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
            record = replace(
                read_record(path), state=RUNNING, reason=None, finished=None, device=device, **facts
            )
            write_record(path, record)
            remove_leftovers(path)
            announce(root)
        except BaseException:
            lock.release()
            raise
    return Run(root, path, record, lock)


def refuse_links(*paths: Path) -> None:
    """Raise WorkspaceError where a path in a run is a link: what is written to it would be written elsewhere."""
    for path in paths:
        if path.is_symlink():
            raise WorkspaceError(
                f"{path} is a link to {os.path.realpath(path)}: nothing is written through it. "
                "Put in its place what it shows, or take it away"
            )


def _inside(path: Path) -> List[Path]:
    with explained(f"look into {path}"):
        return sorted(path.iterdir())


def find_interrupted(task: str, config_yaml: str, *, root: Path = Path()) -> Optional[Path]:
    """The newest interrupted training run of the very same configuration, for continue_run; else None."""
    for entry in reversed(all_runs(absolute(root))):
        same_kind = entry.record is not None and (entry.record.kind, entry.record.task) == ("train", task)
        if same_kind and entry.state == INTERRUPTED and _text(entry.path / "config.yaml") == config_yaml:
            return entry.path
    return None


def _text(path: Path) -> Optional[str]:
    try:
        return path.read_text(encoding="utf-8")
    except (FileNotFoundError, UnicodeDecodeError):
        return None


def _this_process(command: Sequence[str]) -> Dict[str, Any]:
    import socket

    return {
        "command": shlex.join(map(masked, command)),
        "cwd": str(Path.cwd()),
        "pid": os.getpid(),
        "host": socket.gethostname(),
        "process_started": origin.process_start(os.getpid()),
        "updated": format_time(datetime.now(timezone.utc)),
    }


def _claim(root: Path, folder: Path, wanted: str) -> Path:
    """Make the run's folder; only one process can make a folder, so only one gets the name."""
    number = 1
    while True:
        name = wanted if number == 1 else f"{wanted}_{number}"
        number += 1
        elsewhere = (archive_folder(root), window_folder(root), pinned_folder(root))
        if any(exists(other / name) for other in elsewhere):
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


def _show(run: Run, limits: WorkspaceLimits, runs: List[RunEntry]) -> None:
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


def _taken(name: str, run: Run, runs: List[RunEntry]) -> str:
    """What is said where logging.experimentName was used before: a name alone continues nothing."""
    said = f"logging.experimentName={name} was used before: this is a new run, {run.name}"
    if run.record.kind != "train" or run.record.parent is not None:
        return said
    series = re.compile(rf"{re.escape(name)}(_\d+)?")
    old = next((old for old in reversed(runs) if series.fullmatch(old.name) and old.can_be_latest), None)
    if old is None:
        return f"{said}, from the beginning"
    return (
        f"{said}, from the beginning; to go on from {old.name} instead:\n"
        f"  python train.py checkpoint={quoted(old.name, 'last')}"
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
