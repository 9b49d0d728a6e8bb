"""`rlkit runs show RUN`: all that is known of one run, and what to type next."""

from __future__ import annotations

import argparse
import os
import shlex
import textwrap
from pathlib import Path
from typing import Any, Iterator, Mapping, Optional, Tuple

from rlkit.commands.runs_config import overrides, read_config
from rlkit.commands.runs_page import best_by, console, flat
from rlkit.errors import RlkitError
from rlkit.numbers import number, percent
from rlkit.packages import test_command, train_command
from rlkit.runtime.checkpoints.head import read_head
from rlkit.runtime.gym_request import to_type
from rlkit.untrusted import printable
from rlkit.workspace import (
    RunDetails,
    RunRecord,
    age,
    find_run,
    local_time,
    quoted,
    resolve,
    run_details,
    size,
)

HELP = "show all that is known of one run, and what to type next"

_MOST_FILES = 12
_MOST_STARTS = 5
_LABEL_WIDTH = 16
Lines = Iterator[Tuple[str, Optional[str]]]


def run(arguments: argparse.Namespace) -> int:
    """Print the page; raises WorkspaceError when there is no such run."""
    path = find_run(arguments.ref, arguments.root)
    details = run_details(path, arguments.root)
    if arguments.json:
        print(details.to_json())
    else:
        _print(details, _settings(path), arguments.root)
    return 0


def _settings(path: Path) -> str:
    try:
        return shlex.join(overrides(path))
    except RlkitError as error:  # damaged, or not ours to read: the rest is worth showing
        return str(error)


def _print(details: RunDetails, settings: str, root: Path) -> None:
    print(printable(f"{details.name}  {details.state}"))
    width = console().width - _LABEL_WIDTH
    for label, text in (
        *_facts(details, settings),
        *_relatives(details),
        *_files(details),
        *_metrics(details),
    ):
        if not text:
            continue
        lines = [part for line in map(printable, text.splitlines()) for part in _wrapped(line, width)]
        print(f"  {label} ".ljust(_LABEL_WIDTH) + f"\n{'':{_LABEL_WIDTH}}".join(lines))
    commands = _next_commands(details, root)
    if commands:
        print("\nnext")
    for label, command in commands.items():
        print(f"  {label}".ljust(_LABEL_WIDTH) + printable(command))


def _wrapped(line: str, width: int) -> list[str]:
    # Paths and commands are copied from here: they are not cut.
    return textwrap.wrap(line, max(20, width), break_long_words=False, break_on_hyphens=False)


def _facts(details: RunDetails, settings: str) -> Lines:
    record = details.record
    yield "reason", details.reason
    if record is not None:
        yield "task", f"{record.task}, {record.kind}, {record.learner}"
        yield "when", _time(details)
        yield "progress", _progress(details)
        yield "best", _best(record)
        yield "made with", f"seed {record.seed} on {record.device} of {record.host}, {record.platform}"
        yield "git", _git(record.git)
        yield "code", _code(record.code)
        yield "tracker", _tracker(record.tracker)
        yield "versions", ", ".join(f"{name} {version}" for name, version in record.packages.items())
        yield "starts", _starts(record)
        yield "SLURM", _slurm(record)
        yield "command", record.command
        yield "settings", settings
    yield "folder", f"{details.path} ({size(details.bytes)})"
    yield "links", ", ".join(details.links)
    if record is not None and details.latest and f"runs/latest_{record.kind}" not in details.links:
        yield "latest", f"latest_{record.kind} stands for it, though no link of that name leads to it"


def _time(details: RunDetails) -> str:
    record = details.record
    assert record is not None
    text = f"started {local_time(record.created)}"
    if details.age_seconds is not None:
        text += f" ({age(details.age_seconds)} ago)"
    if record.finished is not None:
        text += f", finished {local_time(record.finished)}"
    return text if details.seconds is None else f"{text}, lasted {age(details.seconds)}"


def _starts(record: RunRecord) -> str:
    """When and where a run went on that was broken off: the latest times, the newest last; nothing of one start."""
    if len(record.starts) < 2:
        return ""
    lines = [_start(start) for start in record.starts[-_MOST_STARTS:]]
    more = len(record.starts) - len(lines)
    return "\n".join([*([f"{more} earlier ones"] if more else []), *lines])


def _start(start: Mapping[str, Any]) -> str:
    parts = [
        f"{local_time(str(start.get('at')))}, iteration {start.get('iteration')}, on {start.get('host')}"
    ]
    parts += [f"job {start['job']}"] if start.get("job") else []
    changed = start.get("changed")
    names = ", ".join(changed) if isinstance(changed, Mapping) else ""
    return ", ".join([*parts, *([f"changed {names}"] if names else [])])


def _slurm(record: RunRecord) -> str:
    """The job that started it last, and its log."""
    last = record.starts[-1] if record.starts else {}
    if not last.get("job"):
        return ""
    return f"job {last['job']} on {last.get('nodes')}, log {last.get('log') or 'not known'}"


def _progress(details: RunDetails) -> str | None:
    assert details.record is not None
    steps = details.metrics.get("env_steps")
    parts = [] if details.record.iterations is None else [f"iteration {details.record.iterations:,}"]
    if isinstance(steps, int):
        parts.append(f"{steps:,} env-steps")
    if details.record.reached is not None:
        parts.append(f"ended by {details.record.reached}")
    return ", ".join(parts) or None


def _best(record: RunRecord) -> str | None:
    """Of the best policy, or what a test found: first what policies are ranked by, else success."""
    parts = [best_by(record.best_by)] if record.best_by else []
    parts += [] if record.best_success is None else [f"success {percent(record.best_success)}"]
    if record.best_return is not None:
        parts.append(f"return {number(record.best_return)}")
    if "best" in record.saved:
        parts.append(f"iteration {record.saved['best']:,}")
    return ", ".join(parts) or None


def _git(git: Mapping[str, Any]) -> str | None:
    if not git.get("commit"):
        return git.get("problem")
    text = f"{str(git['commit'])[:12]} on {git.get('branch') or 'no branch'}"
    return f"{text}, with changes that were not committed" if git.get("dirty") else text


def _code(code: Mapping[str, Any]) -> str:
    """Whose the classes are that are not rlkit's own."""
    parts = [(kind, known) for kind, known in code.items() if isinstance(known, Mapping)]
    return ", ".join(
        f"{kind} {known.get('class')} of {known.get('package')} {known.get('version') or ''}".rstrip()
        for kind, known in parts
    )


def _tracker(tracker: Mapping[str, Any]) -> str:
    """Where a tracker has the run: its page, else its folder or its id."""
    parts = [str(tracker[key]) for key in ("name", "mode", "project") if tracker.get(key)]
    place = next((str(tracker[key]) for key in ("url", "folder", "id") if tracker.get(key)), "")
    return f"{', '.join(parts)}: {place}" if parts else ""


def _relatives(details: RunDetails) -> Lines:
    if details.record is not None:
        is_test = details.record.kind == "test"
        yield "tested" if is_test else "started from", details.record.checkpoint or details.record.parent
        sweep = details.record.sweep
        yield "job of a sweep", f"{sweep['name']}, number {sweep.get('job')}" if sweep.get("name") else None
    yield "resumed as", ", ".join(details.children)
    yield "tests of it", ", ".join(details.tests)


def _files(details: RunDetails) -> Lines:
    label = "checkpoints"
    for saved in details.checkpoints:
        name = str(saved.which)
        if saved.iteration is not None and saved.iteration != saved.which:
            name += f" (iteration {saved.iteration})"
        yield label, f"{name}, {size(saved.bytes)}, {age(saved.age_seconds)} old"
        label = ""
    for label, files in (("videos", details.videos), ("trajectories", details.trajectories)):
        more = f"\n... and {len(files) - _MOST_FILES} more" if len(files) > _MOST_FILES else ""
        yield label, "\n".join(files[:_MOST_FILES]) + more


def _metrics(details: RunDetails) -> Lines:
    """The last metrics in their units, one line for all names that begin alike."""
    groups: dict[str, list[str]] = {}
    units = _units(details)
    for name, value in flat(details.metrics, "/").items():
        group, _, rest = name.rpartition("/") if name.count("/") > 1 else name.partition("/")
        if isinstance(value, (int, float)):
            told = f"{rest or name} {_number(value)} {units.get(name) or units.get(group, '')}"
            groups.setdefault(group if rest else "last metrics", []).append(told.rstrip())
    for group, values in groups.items():
        yield group, ", ".join(values)


def _units(details: RunDetails) -> dict[str, str]:
    """By names of metrics, as a training's record has them; by what has a spread, as a test's results have them."""
    told = details.metrics.get("units")
    tested = {f"facts/{name}": str(unit) for name, unit in told.items()} if isinstance(told, Mapping) else {}
    trained = {} if details.record is None else details.record.units
    return {**trained, **tested, "length": "control steps"}


def _number(value: int | float) -> str:
    return f"{value:,}" if isinstance(value, int) else number(value)


def _next_commands(details: RunDetails, root: Path) -> dict[str, str]:
    """What to type next with this run, in this folder."""
    record = details.record
    if record is None:
        return {}
    in_workspace = details.here and os.path.realpath(root) == os.path.realpath(Path())
    ref = details.name if in_workspace else details.path
    name, (words, trust) = shlex.quote(ref), _of_own_code(Path(details.path))
    commands: dict[str, str] = {}
    if record.checkpoint is not None:
        commands["again"] = f"{test_command()} checkpoint={quoted(ref)}{words}"
    elif details.checkpoints:
        commands["test"] = f"{test_command()} checkpoint={quoted(ref)}{words}"
        if details.state != "running":
            longer = (
                _longer(Path(details.path), record.reached is not None) if details.state == "done" else ""
            )
            commands["go on"] = f"{train_command()} checkpoint={quoted(ref, 'last')}{longer}{words}"
        commands["export"] = f"rlkit export {name}{trust}"
    if details.trajectories or details.state == "running":
        commands["view"] = f"rlkit view {name}"
    if details.metrics:
        commands["report"] = f"rlkit report {name}"
    if details.here and not details.pinned:
        where = "" if in_workspace else f"--root {shlex.quote(str(root))} "
        commands["keep"] = f"rlkit runs {where}pin {shlex.quote(details.name)}"
    return commands


def _longer(path: Path, reached: bool) -> str:
    """The word without which a finished training is refused; nothing where its files do not tell.

    reached: it was good enough before its end.
    """
    from rlkit.config import from_file, goals  # only here: Hydra comes with them

    try:
        head = read_head(resolve(str(path), default="last").checkpoint)
        experiment = from_file(path / "config.yaml")
        return f" {goals.further(experiment, head.iteration, head.env_steps, reached=reached)}"
    except RlkitError:
        return ""


def _of_own_code(path: Path) -> tuple[str, str]:
    """What train.py and rlkit must be told besides where the run imports what is not installed; else nothing."""
    try:
        words, modules = to_type(read_config(path))
    except RlkitError:  # damaged: nothing can be made of it
        return "", ""
    return "".join(f" {word}" for word in words), "".join(f" --trust {module}" for module in modules)
