"""From what a user types after `checkpoint=` to one checkpoint file."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Dict, List, Optional, Tuple

from rlkit.workspace.checkpoints import BEST, LAST, Which, checkpoints_in, networks_folder
from rlkit.workspace.errors import ResolveError
from rlkit.workspace.layout import (
    ARCHIVE,
    LATEST,
    PINNED,
    RECORD,
    WINDOW,
    absolute,
    archive_folder,
    exists,
    pinned_folder,
    window_folder,
)
from rlkit.workspace.record import DONE
from rlkit.workspace.scan import RunEntry, all_runs, pinned_names, read_entry, run_name_of_link

_SUFFIX = re.compile(r"(?P<ref>.+):(?P<which>best|last|\d+)", re.DOTALL)
_SPELLINGS = "latest, latest_train, latest_test, a run's name or a part of it, a folder, or a .pth file"
_MOST_LISTED = 8


@dataclass(frozen=True)
class Resolved:
    """The checkpoint that was found.

    `run_path` is None for a file that lies in no run. `iteration` is None where only the checkpoint itself
    knows it. `how` says in words what was found, for the user to read.
    """

    run_path: Optional[Path]
    checkpoint: Path
    iteration: Optional[int]
    how: str


@dataclass(frozen=True)
class _Request:
    """What was typed, split up, and what the caller knows."""

    typed: str
    ref: str
    which: Optional[Which]
    root: Path
    task: Optional[str]
    kind: Optional[str]
    default: str


def resolve(
    ref: str,
    *,
    root: Path = Path(),
    task: Optional[str] = None,
    kind: Optional[str] = None,
    default: str = BEST,
) -> Resolved:
    """Find the checkpoint that `ref` stands for.

    `ref` is latest (the same as latest_train, unless `kind` says test), latest_train, latest_test, the name
    of a run or of a pinned link, a part that only one of them has, a folder, or a file; each but a file may
    end in `:best`, `:last` or `:<iteration>`. Without such an ending the `default` is taken (`best`; a
    resume asks for `last`), else the other of the two, else the newest iteration. A test run stands for the
    checkpoint that it tested. With `task` only checkpoints of that task will do; with `kind` a name or part
    of one only means runs of that kind. Relative paths are looked up from the current folder, then from
    `root`. Raises ResolveError, which says what was looked for, what there is, and a command that works.
    """
    root = absolute(root)
    typed = ref.strip().rstrip("/") or ref.strip()
    request = _Request(typed, typed, None, root, task, kind, default)
    if not typed:
        raise _refusal(request, "checkpoint= is empty")
    match = _SUFFIX.fullmatch(typed)
    if match and not _existing(typed, root):
        label = match.group("which")
        which: Which = int(label) if label.isdigit() else label
        request = replace(request, ref=match.group("ref"), which=which)
    if request.ref in ("latest", *LATEST.values()):
        return _latest(request)
    return _by_exact_name(request) or _by_path(request) or _by_part(request)


# --- latest ---------------------------------------------------------------------------------------------


def _latest(request: _Request) -> Resolved:
    kind = (
        "test"
        if request.ref == LATEST["test"] or (request.ref == "latest" and request.kind == "test")
        else "train"
    )
    runs = [run for run in all_runs(request.root) if run.record is not None and run.record.kind == kind]
    fitting = [run for run in runs if _fits_task(run, request.task)]
    able = [run for run in fitting if (run.can_be_latest if kind == "train" else run.state == DONE)]
    if able:
        of_task = "" if request.task is None else f" of {request.task}"
        return _in_run(able[-1].path, request, f"latest {kind} run{of_task}")
    wanted = "{} run{} that {}".format(
        "training" if kind == "train" else "test",
        "" if request.task is None else f" of {request.task}",
        "holds a checkpoint and did not fail" if kind == "train" else "is finished",
    )
    raise _refusal(request, f"there is no {wanted} in {_places(request.root)}")


# --- names ----------------------------------------------------------------------------------------------


def _names(request: _Request) -> Dict[str, List[Path]]:
    """Run folders by every name that they answer to: their own, and those of their pins."""
    runs = {run.name: run for run in all_runs(request.root)}
    wanted = {
        name: run.path
        for name, run in runs.items()
        if request.kind is None or run.record is None or run.record.kind == request.kind
    }
    names: Dict[str, List[Path]] = {name: [path] for name, path in wanted.items()}
    for pin, name in pinned_names(request.root).items():
        if name in wanted and wanted[name] not in names.setdefault(pin, []):
            names[pin].append(wanted[name])
    return names


def _by_exact_name(request: _Request) -> Optional[Resolved]:
    if "/" in request.ref:
        return None
    paths = _names(request).get(request.ref, [])
    if len(paths) > 1:
        raise _ambiguous(request, paths)
    return _in_run(paths[0], request, f"run {paths[0].name}") if paths else None


def _by_part(request: _Request) -> Resolved:
    if "/" in request.ref:
        raise _refusal(request, f"there is no file or folder {_looked_at(request)}")
    matching = sorted(
        {path for name, paths in _names(request).items() if request.ref in name for path in paths}
    )
    fitting = [path for path in matching if _fits_task(read_entry(path), request.task)]
    if len(fitting) > 1:
        raise _ambiguous(request, fitting)
    if fitting:
        return _in_run(
            fitting[0],
            request,
            f"run {fitting[0].name}, the only one with {request.ref!r} in its name",
        )
    if matching:
        return _in_run(matching[0], request, f"run {matching[0].name}")  # says whose task it is
    raise _refusal(request, f"no run or pinned link has {request.ref!r} in its name, and no such file exists")


# --- paths ----------------------------------------------------------------------------------------------


def _existing(ref: str, root: Path) -> Optional[Path]:
    """The file or folder of that path, from the current folder or from the root."""
    return next((path for path in (absolute(ref), absolute(root / ref)) if exists(path)), None)


def _by_path(request: _Request) -> Optional[Resolved]:
    path = _existing(request.ref, request.root) or _moved(request)
    if path is None:
        return None
    if path.is_file():
        return _file(path, request)
    return _in_folder(path, request)


def _moved(request: _Request) -> Optional[Path]:
    """What a path through runs/ or runs_all/ meant before its link was dropped or the tree was moved."""
    parts = absolute(request.ref).parts
    anchors = [index for index, part in enumerate(parts[:-1]) if part in (ARCHIVE, WINDOW)]
    if not anchors:
        return None
    folder, rest = window_folder(request.root), list(parts[anchors[-1] + 1 :])
    if rest[0] == PINNED and len(rest) > 1:
        folder, rest = pinned_folder(request.root), rest[1:]
    name = run_name_of_link(folder / rest[0]) or rest[0]
    target = archive_folder(request.root).joinpath(name, *rest[1:])
    return target if exists(target) else None


def _file(path: Path, request: _Request) -> Resolved:
    if request.which is not None:
        raise _refusal(
            request,
            f"{path} is a file; an ending such as :{request.which} goes with a run or a folder",
        )
    path = Path(os.path.realpath(path))
    run = next((folder for folder in (path.parent.parent, path.parent) if (folder / RECORD).is_file()), None)
    which = next((which for which, file in checkpoints_in(path.parent).items() if file == path), None)
    if run is None:
        return Resolved(None, path, which if isinstance(which, int) else None, f"the file {path}")
    entry = read_entry(run)
    _check_task(entry, request)
    return Resolved(run, path, _iteration(entry, which), f"the file {path.name} of run {run.name}")


def _in_folder(path: Path, request: _Request) -> Resolved:
    path = Path(os.path.realpath(path))
    if (path / RECORD).is_file() or networks_folder(path).is_dir():
        return _in_run(path, request, f"run {path.name}")
    if (path.parent / RECORD).is_file() and path == networks_folder(path.parent):
        return _in_run(path.parent, request, f"run {path.parent.name}")
    which, file = _choose(checkpoints_in(path), path, request)
    return Resolved(
        None,
        file,
        which if isinstance(which, int) else None,
        f"the folder {path}, its {which} checkpoint",
    )


# --- inside a run ---------------------------------------------------------------------------------------


def _in_run(path: Path, request: _Request, how: str) -> Resolved:
    path = Path(os.path.realpath(path))
    entry = read_entry(path)
    _check_task(entry, request)
    if entry.record is not None and entry.record.kind == "test":
        return _tested(entry, request, how)
    which, file = _choose(checkpoints_in(networks_folder(path)), networks_folder(path), request)
    label = which if isinstance(which, str) else f"iteration {which}"
    return Resolved(path, file, _iteration(entry, which), f"{how}, its {label} checkpoint")


def _tested(entry: RunEntry, request: _Request, how: str) -> Resolved:
    """The checkpoint that a test run tested, also when the tree was moved since."""
    assert entry.record is not None
    record = entry.record
    tested = next((run for run in all_runs(request.root) if run.name == record.tested_run), None)
    if request.which is not None:
        if tested is None:
            raise _refusal(request, f"the run {record.tested_run}, which {entry.name} tested, is gone")
        return _in_run(tested.path, request, f"{how}, which tested run {tested.name}")
    if record.checkpoint is None:
        raise _refusal(request, f"the test run {entry.name} does not say what it tested")
    candidates = [Path(record.checkpoint)]
    if tested is not None:
        candidates.append(networks_folder(tested.path) / candidates[0].name)
    for file in candidates:
        if exists(file):
            found = _file(file, replace(request, task=None))
            return replace(found, how=f"{how}, which tested {file}")
    raise _refusal(request, f"{entry.name} tested {record.checkpoint}, which is gone")


def _choose(saved: Dict[Which, Path], folder: Path, request: _Request) -> Tuple[Which, Path]:
    iterations = sorted(which for which in saved if isinstance(which, int))
    if request.which is not None:
        if request.which in saved:
            return request.which, saved[request.which]
        have = [str(which) for which in (*iterations, BEST, LAST) if which in saved]
        raise _refusal(
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
        problem += "; name the file if you mean one of these: {}".format(", ".join(others[:_MOST_LISTED]))
    raise _refusal(request, problem)


def _iteration(entry: RunEntry, which: Optional[Which]) -> Optional[int]:
    if which is None or isinstance(which, int):
        return which
    return entry.record.saved.get(which) if entry.record is not None else None


def _fits_task(run: RunEntry, task: Optional[str]) -> bool:
    return task is None or run.record is None or run.record.task == task


def _check_task(run: RunEntry, request: _Request) -> None:
    if not _fits_task(run, request.task) and run.record is not None:
        raise ResolveError(
            f"checkpoint={request.typed}: the run {run.name} is of {run.record.task}, not of {request.task}; "
            f"with its own task it is\n  task={run.record.task} checkpoint={_quoted(request.typed)}"
        )


# --- refusals -------------------------------------------------------------------------------------------


def _ambiguous(request: _Request, paths: List[Path]) -> ResolveError:
    entries = sorted((read_entry(path) for path in paths), key=lambda run: run.age_key, reverse=True)
    lines = [f"checkpoint={request.typed}: {len(entries)} runs answer to that:"]
    lines += _listed(entries)
    example = next((run for run in entries if run.can_be_latest), entries[0])
    lines.append(f"give more of the name, for example\n  checkpoint={_quoted(str(example.path))}")
    return ResolveError("\n".join(lines))


def _refusal(request: _Request, problem: str) -> ResolveError:
    import difflib

    runs = all_runs(request.root)
    lines = [f"checkpoint={request.typed}: {problem}"]
    names = [run.name for run in runs] + list(pinned_names(request.root)) + list(LATEST.values())
    near = difflib.get_close_matches(Path(request.ref).name, names, n=3, cutoff=0.6)
    near = [name for name in dict.fromkeys(near) if name != request.ref]
    if near:
        lines.append("did you mean {}?".format(" or ".join(near)))
    usable = [run for run in reversed(runs) if run.can_be_latest and _fits_task(run, request.task)]
    if usable:
        lines.append("runs with a checkpoint, newest first (rlkit runs shows all):")
        lines += _listed(usable)
        lines.append(f"allowed are {_SPELLINGS}; this works:\n  checkpoint={_quoted(usable[0].name)}")
    else:
        lines += _nothing_to_use(request, runs)
    return ResolveError("\n".join(lines))


def _nothing_to_use(request: _Request, runs: List[RunEntry]) -> List[str]:
    others = sorted({run.record.task for run in runs if run.record is not None and run.can_be_latest})
    task = "" if request.task is None else f" of {request.task}"
    line = f"no run{task} in {_places(request.root)} holds a checkpoint"
    if others:
        line += " (there are some of {})".format(", ".join(others))
    command = "python train.py" + ("" if request.task is None else f" task={request.task}")
    return [line, f"train one first:\n  {command}"]


def _listed(runs: List[RunEntry]) -> List[str]:
    lines = [
        "  {} ({}, {})".format(run.name, run.record.task if run.record else "?", run.state)
        for run in runs[:_MOST_LISTED]
    ]
    if len(runs) > _MOST_LISTED:
        lines.append(f"  ... and {len(runs) - _MOST_LISTED} more")
    return lines


def _looked_at(request: _Request) -> str:
    places = dict.fromkeys([absolute(request.ref), absolute(request.root / request.ref)])
    return " or ".join(str(path) for path in places)


def _places(root: Path) -> str:
    return f"{archive_folder(root)} (and {window_folder(root)})"


def _quoted(text: str) -> str:
    """A value as the shell and the configuration both take it."""
    return text if re.fullmatch(r"[\w./+-]+", text) else f"\"'{text}'\""
