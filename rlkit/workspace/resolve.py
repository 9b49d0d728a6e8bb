"""From what a user types after `checkpoint=` to one checkpoint file."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, replace
from pathlib import Path

from rlkit import zoo
from rlkit.workspace import find
from rlkit.workspace.store.checkpoints import BEST, LAST, Which, checkpoints_in, networks_folder
from rlkit.workspace.store.errors import ResolveError
from rlkit.workspace.store.layout import RECORD, absolute, exists
from rlkit.workspace.store.scan import RunEntry, all_runs, read_entry

_SUFFIX = re.compile(r"(?P<ref>.+):(?P<which>best|last|\d+)", re.DOTALL)


@dataclass(frozen=True)
class Resolved:
    """The checkpoint that was found.

    `run_path` is None for a file that lies in no run. `iteration` is None where only the checkpoint itself
    knows it. `how` says in words what was found, for the user to read.
    """

    run_path: Path | None
    checkpoint: Path
    iteration: int | None
    how: str

    @property
    def own_folder(self) -> Path | None:
        """The run's folder, where files about the run may go; None of a file without a run and of rlkit's policies."""
        return None if self.run_path is None or zoo.is_shipped(self.run_path) else self.run_path


def resolve(
    ref: str,
    *,
    root: Path = Path(),
    task: str | None = None,
    kind: str | None = None,
    default: str = BEST,
    setting: str = "checkpoint",
    wanted: find.Wanted | None = None,
) -> Resolved:
    """Find the checkpoint that `ref` stands for.

    `ref` is latest (the same as latest_train, unless `kind` says test), latest_train, latest_test, the name
    of a run or of a pinned link, a part that only one of them has, a folder, a file, or zoo:NAME, a policy that
    comes with rlkit; each but a file may end in `:best`, `:last` or `:<iteration>`. Without such an ending the
    `default` is taken (`best`; a resume asks for `last`), else the other of the two, else the newest iteration.
    A test run stands for the checkpoint that it tested. With `task` only checkpoints of that task will do; with
    `kind` a name or part of one only means runs of that kind. Relative paths are looked up from the current folder,
    then from `root`. Raises ResolveError, which says what was looked for, what there is, and a command that works;
    `setting` is what it calls the one that `ref` was typed behind, and `wanted` says which runs it may propose.
    """
    root = absolute(root)
    typed = ref.strip().rstrip("/") or ref.strip()
    request = find.Request(typed, typed, root, task=task, kind=kind, default=default, setting=setting)
    request = replace(request, wanted=wanted)
    if not typed:
        raise find.refusal(request, f"{setting}= is empty")
    match = _SUFFIX.fullmatch(typed)
    if match and not find.existing(typed, root):
        label = match.group("which")
        which: Which = int(label) if label.isdigit() else label
        request = replace(request, ref=match.group("ref"), which=which)
    if request.ref in find.LATEST_WORDS:
        return _latest(request)
    policy = _of_zoo(request)
    if policy is not None:
        return _in_run(policy, request, request.ref)
    named = find.by_exact_name(request)
    if named is not None:
        return _in_run(named, request, f"run {named.name}")
    path = find.by_path(request)
    if path is not None:
        return _file(path, request) if path.is_file() else _in_folder(path, request)
    run = find.by_part(request)
    return _in_run(run, request, f"run {run.name}, the only one with {request.ref!r} in its name")


def _of_zoo(request: find.Request) -> Path | None:
    try:
        return zoo.policy_folder(request.ref)
    except zoo.ZooError as error:
        raise ResolveError(f"{request.said}: {error}") from error


def _latest(request: find.Request) -> Resolved:
    run = find.newest(request)
    assert run.record is not None
    of_task = "" if request.task is None else f" of {request.task}"
    return _in_run(run.path, request, f"latest {run.record.kind} run{of_task}")


def _file(path: Path, request: find.Request) -> Resolved:
    if request.which is not None:
        raise find.refusal(
            request, f"{path} is a file; an ending such as :{request.which} goes with a run or a folder"
        )
    path = Path(os.path.realpath(path))
    run = next((folder for folder in (path.parent.parent, path.parent) if (folder / RECORD).is_file()), None)
    which = next((which for which, file in checkpoints_in(path.parent).items() if file == path), None)
    if run is None:
        return Resolved(None, path, which if isinstance(which, int) else None, f"the file {path}")
    entry = read_entry(run)
    _check_task(entry, request)
    return Resolved(run, path, _iteration(entry, which), f"the file {path.name} of run {run.name}")


def _in_folder(path: Path, request: find.Request) -> Resolved:
    path = Path(os.path.realpath(path))
    if (path / RECORD).is_file() or networks_folder(path).is_dir():
        return _in_run(path, request, f"run {path.name}")
    if (path.parent / RECORD).is_file() and path == networks_folder(path.parent):
        return _in_run(path.parent, request, f"run {path.parent.name}")
    which, file = _choose(checkpoints_in(path), path, request)
    return Resolved(
        None, file, which if isinstance(which, int) else None, f"the folder {path}, its {which} checkpoint"
    )


# --- inside a run ---------------------------------------------------------------------------------------


def _in_run(path: Path, request: find.Request, how: str) -> Resolved:
    path = Path(os.path.realpath(path))
    entry = read_entry(path)
    _check_task(entry, request)
    if entry.record is not None and entry.record.kind == "test":
        return _tested(entry, request, how)
    which, file = _choose(checkpoints_in(networks_folder(path)), networks_folder(path), request)
    label = which if isinstance(which, str) else f"iteration {which}"
    return Resolved(path, file, _iteration(entry, which), f"{how}, its {label} checkpoint")


def _tested(entry: RunEntry, request: find.Request, how: str) -> Resolved:
    """The checkpoint that a test run tested, also when the tree was moved since."""
    assert entry.record is not None
    record = entry.record
    tested = next((run for run in all_runs(request.root) if run.name == record.tested_run), None)
    if request.which is not None:
        if tested is None:
            raise find.refusal(request, f"the run {record.tested_run}, which {entry.name} tested, is gone")
        return _in_run(tested.path, request, f"{how}, which tested run {tested.name}")
    if record.checkpoint is None:
        raise find.refusal(request, f"the test run {entry.name} does not say what it tested")
    candidates = [Path(record.checkpoint)]
    if tested is not None:
        candidates.append(networks_folder(tested.path) / candidates[0].name)
    for file in candidates:
        if exists(file):
            found = _file(file, replace(request, task=None))
            return replace(found, how=f"{how}, which tested {file}")
    raise find.refusal(request, f"{entry.name} tested {record.checkpoint}, which is gone")


def _choose(saved: dict[Which, Path], folder: Path, request: find.Request) -> tuple[Which, Path]:
    iterations = sorted(which for which in saved if isinstance(which, int))
    if request.which is not None:
        if request.which in saved:
            return request.which, saved[request.which]
        have = [str(which) for which in (*iterations, BEST, LAST) if which in saved]
        raise find.refusal(
            request,
            "{} has no checkpoint {}; it has {}".format(
                folder, request.which, ", ".join(have) or "none at all"
            ),
        )
    for which in (request.default, LAST, BEST):
        if which in saved:
            return which, saved[which]
    if iterations:
        return iterations[-1], saved[iterations[-1]]
    others = sorted(file.name for file in folder.glob("*.pth"))
    problem = f"{folder} holds no checkpoint"
    if others:
        problem += f"; name the file if you mean one of these: {', '.join(others[: find.MOST_LISTED])}"
    raise find.refusal(request, problem)


def _iteration(entry: RunEntry, which: Which | None) -> int | None:
    if which is None or isinstance(which, int):
        return which
    return entry.record.saved.get(which) if entry.record is not None else None


def _check_task(run: RunEntry, request: find.Request) -> None:
    if not request.fits_task(run) and run.record is not None:
        raise ResolveError(
            f"{request.said}: the run {run.name} is of {run.record.task}, not of {request.task}; "
            f"with its own task it is\n  task={run.record.task} {request.spelled(request.typed)}"
        )
