"""From what a user types to one run; rlkit.workspace.resolve goes on from there to its checkpoint."""

from __future__ import annotations

import os
import re
import shlex
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Callable, NamedTuple

from rlkit import zoo
from rlkit.nearest import nearest
from rlkit.packages import train_command
from rlkit.untrusted import echo
from rlkit.workspace.store import layout
from rlkit.workspace.store.checkpoints import BEST, Which
from rlkit.workspace.store.errors import ResolveError
from rlkit.workspace.store.record import DONE, RunRecord
from rlkit.workspace.store.scan import RunEntry, all_runs, pinned_names, read_entry, run_name_of_link

LATEST_WORDS = ("latest", *layout.LATEST.values())
MOST_LISTED = 8
_WORDS = "latest, latest_train, latest_test, a run's name or a part of it"


class Wanted(NamedTuple):
    """Which runs would do in the place of one that is not there, and the words that train such a one."""

    fits: Callable[[RunRecord], bool]
    words: str


@dataclass(frozen=True)
class Request:
    """What was typed, split up, and what the caller knows. Without `for_checkpoint` any run will do.

    setting: behind which a checkpoint was typed. wanted: None where any run with a checkpoint, of the task, would do.
    """

    typed: str
    ref: str
    root: Path
    for_checkpoint: bool = True
    which: Which | None = None
    task: str | None = None
    kind: str | None = None
    default: str = BEST
    setting: str = "checkpoint"
    wanted: Wanted | None = None

    @property
    def said(self) -> str:
        """What a message about this request begins with."""
        return f"{self.setting}={echo(self.typed)}" if self.for_checkpoint else f"run {echo(self.typed)!r}"

    def spelled(self, value: str) -> str:
        """How another value is typed in the place of this one."""
        return f"{self.setting}={quoted(value)}" if self.for_checkpoint else shlex.quote(value)

    def usable(self, run: RunEntry) -> bool:
        """Whether a run could have been asked for."""
        if not self.for_checkpoint:
            return True
        fits = self.wanted is None or (run.record is not None and self.wanted.fits(run.record))
        return run.can_be_latest and self.fits_task(run) and fits

    def fits_task(self, run: RunEntry) -> bool:
        """Whether a run is of the task asked for, as far as that is known."""
        return self.task is None or run.record is None or run.record.task == self.task


def find_run(ref: str, root: Path = Path()) -> Path:
    """Find the folder of the run that `ref` stands for; the run needs no checkpoint.

    `ref` is latest, latest_train or latest_test (the run that this link in runs/ shows; where no run of
    that kind is ready for it, the newest one), the name of a run or of a pinned link, a part that only one
    of them has, or a path: of the run's folder, of a link to it, or of anything inside it. Relative paths
    are looked up from the current folder, then from `root`. Returns an absolute path without links. Raises
    ResolveError, which says what was looked for and what there is.
    """
    root = layout.absolute(root)
    typed = ref.strip().rstrip("/") or ref.strip()
    request = Request(typed, typed, root, for_checkpoint=False)
    if not typed:
        raise refusal(request, "no name is given")
    if typed in LATEST_WORDS:
        path = newest(request).path
    else:
        path = by_exact_name(request) or _containing(request) or by_part(request)
    return Path(os.path.realpath(path))


def newest(request: Request) -> RunEntry:
    """The run that latest, latest_train or latest_test stands for; raises ResolveError."""
    tests = request.ref == layout.LATEST["test"] or (request.ref == "latest" and request.kind == "test")
    kind = "test" if tests else "train"
    runs = [run for run in all_runs(request.root) if run.record is not None and run.record.kind == kind]
    fitting = [run for run in runs if request.fits_task(run)]
    able = [run for run in fitting if (run.can_be_latest if kind == "train" else run.state == DONE)]
    if not request.for_checkpoint:
        able = able or fitting
    if able:
        return able[-1]
    wanted = "training run" if kind == "train" else "test run"
    if request.task is not None:
        wanted += f" of {request.task}"
    if request.for_checkpoint:
        wanted += " that holds a checkpoint and did not fail" if kind == "train" else " that is finished"
    raise refusal(request, f"there is no {wanted} in {_places(request.root)}")


# --- names ----------------------------------------------------------------------------------------------


def _names(request: Request) -> dict[str, list[Path]]:
    """Run folders by every name that they answer to: their own, and those of their pins."""
    runs = {run.name: run for run in all_runs(request.root)}
    wanted = {
        name: run.path
        for name, run in runs.items()
        if request.kind is None or run.record is None or run.record.kind == request.kind
    }
    names: dict[str, list[Path]] = {name: [path] for name, path in wanted.items()}
    for pin, name in pinned_names(request.root).items():
        if name in wanted and wanted[name] not in names.setdefault(pin, []):
            names[pin].append(wanted[name])
    return names


def by_exact_name(request: Request) -> Path | None:
    """The run of that name, or of the pin of that name; raises ResolveError when two runs answer to it."""
    if "/" in request.ref:
        return None
    paths = _names(request).get(request.ref, [])
    if len(paths) > 1:
        raise _ambiguous(request, paths)
    return paths[0] if paths else None


def by_part(request: Request) -> Path:
    """The one run with that in a name of its; of several tasks, the one asked for. Raises ResolveError."""
    if "/" in request.ref:
        raise refusal(request, f"there is no file or folder {_looked_at(request)}")
    matching = sorted(
        {path for name, paths in _names(request).items() if request.ref in name for path in paths}
    )
    fitting = [path for path in matching if request.fits_task(read_entry(path))]
    if len(fitting) > 1:
        raise _ambiguous(request, fitting)
    if matching:
        return (fitting or matching)[0]
    raise refusal(request, f"no run or pinned link has {request.ref!r} in its name, and no such file exists")


# --- paths ----------------------------------------------------------------------------------------------


def by_path(request: Request) -> Path | None:
    """The file or folder of that path, also when its link was dropped or the tree was moved since."""
    return existing(request.ref, request.root) or _moved(request)


def existing(ref: str, root: Path) -> Path | None:
    """The file or folder of that path, from the current folder or from the root."""
    return next(
        (path for path in (layout.absolute(ref), layout.absolute(root / ref)) if layout.exists(path)), None
    )


def _moved(request: Request) -> Path | None:
    """What a path through runs/ or runs_all/ meant before its link was dropped or the tree was moved."""
    parts = layout.absolute(request.ref).parts
    anchors = [index for index, part in enumerate(parts[:-1]) if part in (layout.ARCHIVE, layout.WINDOW)]
    if not anchors:
        return None
    folder, rest = layout.window_folder(request.root), list(parts[anchors[-1] + 1 :])
    if rest[0] == layout.PINNED and len(rest) > 1:
        folder, rest = layout.pinned_folder(request.root), rest[1:]
    # On a file system without links latest_train is no entry of runs/.
    if rest[0] in layout.LATEST.values() and not os.path.lexists(folder / rest[0]):
        run = newest(replace(request, ref=rest[0])).path
    else:
        run = layout.archive_folder(request.root) / (run_name_of_link(folder / rest[0]) or rest[0])
    target = run.joinpath(*rest[1:])
    return target if layout.exists(target) else None


def _containing(request: Request) -> Path | None:
    """The run in which a path lies; None where there is no such path. Raises ResolveError."""
    path = by_path(request)
    if path is None:
        return None
    real = Path(os.path.realpath(path))
    unreadable = {os.path.realpath(run.path) for run in all_runs(request.root) if run.record is None}
    for folder in (real, *real.parents):
        if (folder / layout.RECORD).is_file() or str(folder) in unreadable:
            return folder
    raise refusal(request, f"{path} is no run, and lies in none (a run's folder holds {layout.RECORD})")


# --- refusals -------------------------------------------------------------------------------------------


def refusal(request: Request, problem: str) -> ResolveError:
    """The error that says what is wrong, what is near, what there is and what works."""
    runs = all_runs(request.root)
    lines = [f"{request.said}: {problem.replace(request.ref, echo(request.ref))}"]
    names = [run.name for run in runs] + list(pinned_names(request.root)) + list(layout.LATEST.values())
    meant = request.ref not in LATEST_WORDS  # nothing else was meant
    near = nearest(Path(request.ref).name, names, 3) if meant else []
    near = [name for name in dict.fromkeys(near) if name != request.ref]
    if near:
        lines.append("did you mean {}?".format(" or ".join(near)))
    usable = [run for run in reversed(runs) if request.usable(run)]
    if usable:
        with_one = " with a checkpoint" if request.for_checkpoint else ""
        lines.append(f"runs{with_one}, newest first (rlkit runs shows all):")
        lines += _listed(usable)
        last = (
            "a folder, a .pth file, or zoo:NAME" if request.for_checkpoint else "or a path to it or into it"
        )
        lines.append(f"allowed are {_WORDS}, {last}; this works:\n  {request.spelled(usable[0].name)}")
    else:
        lines += _nothing_to_use(request, runs)
    return ResolveError("\n".join(lines))


def _ambiguous(request: Request, paths: list[Path]) -> ResolveError:
    entries = sorted((read_entry(path) for path in paths), key=lambda run: run.age_key, reverse=True)
    lines = [f"{request.said}: {len(entries)} runs answer to that:"]
    lines += _listed(entries)
    example = next((run for run in entries if run.can_be_latest), entries[0])
    lines.append(f"give more of the name, for example\n  {request.spelled(str(example.path))}")
    return ResolveError("\n".join(lines))


def _nothing_to_use(request: Request, runs: list[RunEntry]) -> list[str]:
    task = "" if request.task is None else f" of {request.task}"
    words = None if request.task is None else f"task={request.task}"
    words = words if request.wanted is None else request.wanted.words
    above = None if runs else layout.start_above(request.root)
    command = above or f"train one first:\n  {' '.join(filter(None, (train_command(), words)))}"
    if not request.for_checkpoint:
        return [f"there are no runs in {_places(request.root)}", command]
    others = sorted({run.record.task for run in runs if run.record is not None and run.can_be_latest})
    if request.wanted is not None:
        return [f"no run in {_places(request.root)} would do", command]
    if request.default == BEST and request.task in (None, *zoo.shipped()):  # a test, and no resume
        names = zoo.shipped() if request.task is None else (request.task,)
        command += (
            f"\nor take a policy that comes with rlkit: {', '.join(zoo.PREFIX + name for name in names)}"
        )
    line = f"no run{task} in {_places(request.root)} holds a checkpoint"
    if others:
        line += " (there are some of {})".format(", ".join(others))
    return [line, command]


def _listed(runs: list[RunEntry]) -> list[str]:
    lines = [
        "  {} ({}, {})".format(run.name, run.record.task if run.record else "?", run.state)
        for run in runs[:MOST_LISTED]
    ]
    if len(runs) > MOST_LISTED:
        lines.append(f"  ... and {len(runs) - MOST_LISTED} more")
    return lines


def _looked_at(request: Request) -> str:
    places = dict.fromkeys([layout.absolute(request.ref), layout.absolute(request.root / request.ref)])
    return " or ".join(str(path) for path in places)


def _places(root: Path) -> str:
    return f"{layout.archive_folder(root)} (and {layout.window_folder(root)})"


def quoted(text: str, which: Which | None = None) -> str:
    """A value as the shell and the configuration both take it behind `name=`; an ending names a checkpoint."""
    value = text if which is None else f"{text}:{which}"
    if re.fullmatch(r"[\w./+-]+(:\w+)?", value, re.ASCII) or re.fullmatch(r"[\w./+-]+", value):
        return value
    if not re.search(r"[$`\"\\!']", value):
        return f"\"'{value}'\""
    # Hydra's quotes: backslashes are doubled in front of a quote alone.
    return shlex.quote("'" + re.sub(r"(\\*)('|$)", lambda m: m[1] * 2 + ("\\'" if m[2] else ""), value) + "'")


def called(path: Path) -> str:
    """What a run is called in a command typed here: its name where this folder's workspace has it, else its path."""
    here = (layout.archive_folder(Path()) / path.name, layout.window_folder(Path()) / path.name)
    ours = any(layout.exists(place) and os.path.realpath(place) == os.path.realpath(path) for place in here)
    return path.name if ours else str(layout.absolute(path))
