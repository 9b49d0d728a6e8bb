"""What a run's folder tells: its record, settings and metrics, with those of the runs it goes on from."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Mapping, Sequence

import numpy as np

from rlkit.config.words.inherit import read_settings
from rlkit.errors import ConfigError
from rlkit.report.charts import Mark
from rlkit.report.metrics import AXES, Metrics, continued, read_metrics
from rlkit.untrusted import parse_json, read_plain
from rlkit.workspace import RunRecord, WorkspaceError, list_runs, read_record

_MOST_OF_A_DIFF = 1 << 26  # bytes


@dataclass(frozen=True)
class RunData:
    """One run as it stands on disk. `metrics` begins with those of its ancestors, `joins` says where each ends."""

    path: Path
    record: RunRecord
    state: str
    config: dict[str, Any]
    metrics: Metrics
    ancestors: tuple[str, ...]  # runs it goes on from, the oldest first
    joins: tuple[Mark, ...]
    notes: tuple[str, ...]  # what could not be read

    @property
    def name(self) -> str:
        """The folder's name, which counts where the user renamed it."""
        return self.path.name

    @property
    def envs(self) -> int:
        """How many envs it trains with; 1 where its configuration does not tell."""
        envs = self.section("env").get("numEnvs")
        return envs if type(envs) is int and 0 < envs < 1 << 31 else 1

    @property
    def evaluated(self) -> bool:
        """Whether it has evaluations, which its best return is then of."""
        return self.metrics.last("eval/return") is not None

    def unit(self, metrics: Sequence[str]) -> str:
        """In what these metrics are told; empty where they are of several units, or none is known."""
        found = {str(self.record.units.get(name, "")) for name in metrics}
        return found.pop() if len(found) == 1 else ""

    def section(self, name: str) -> dict[str, Any]:
        """A section of config.yaml, empty where it is missing."""
        section = self.config.get(name)
        return section if isinstance(section, dict) else {}


@dataclass(frozen=True)
class PolicyTestResult:
    """A test run's folder and the content of its metrics.json."""

    path: Path
    results: dict[str, Any]

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.path.name


def load_runs(paths: Sequence[Path], root: Path) -> list[RunData]:
    """Read the folders of runs, and those of their ancestors for their curves.

    Raises WorkspaceError where run.json or metrics.jsonl cannot be read; what else is missing is noted.
    """
    states = {Path(row.path).resolve(): row.state for row in list_runs(root)}
    return [_load(path.resolve(), states) for path in paths]


def tests_of(run: RunData, root: Path) -> list[PolicyTestResult]:
    """The finished tests of a run, the newest first."""
    found = []
    for row in list_runs(root, kind="test", state="done"):
        path = Path(row.path)
        if read_record(path).tested_run == run.name:
            results = test_results(path)
            if results is not None:
                found.append(PolicyTestResult(path, results))
    return found


def test_results(path: Path) -> dict[str, Any] | None:
    """The content of a test run's metrics.json; None where there is none that can be read."""
    try:
        content = parse_json(read_plain(path / "metrics.json")[0])
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) else None


def changed_files(path: Path) -> list[tuple[str, int, int]]:
    """(file, lines added, lines removed) of a run's git.diff; empty where there is none, or one too large."""
    try:
        text = read_plain(path / "git.diff", _MOST_OF_A_DIFF)[0].decode("utf-8", "replace")
    except OSError:
        return []
    files: list[tuple[str, int, int]] = []
    in_hunk = False
    for line in text.splitlines():
        if line.startswith("diff --git "):
            files.append((re.sub(r'.* "?b/(.*?)"?$', r"\1", line), 0, 0))
            in_hunk = False
        elif line.startswith("@@"):
            in_hunk = True
        elif in_hunk and files and line[:1] in ("+", "-"):
            name, added, removed = files[-1]
            files[-1] = (name, added + (line[0] == "+"), removed + (line[0] == "-"))
    return files


def _load(path: Path, states: Mapping[Path, str]) -> RunData:
    record = _record(path)
    notes: list[str] = []
    config = _config(path, notes)
    metrics = read_metrics(path / "metrics.jsonl")
    metrics, ancestors, joins = _with_ancestors(path, record, metrics, notes)
    if metrics.skipped:
        notes.append(f"{metrics.skipped} line(s) of metrics.jsonl could not be read, as a kill leaves them")
    return RunData(
        path,
        record,
        states.get(path, record.state),
        config,
        metrics,
        tuple(ancestors),
        tuple(joins),
        tuple(notes),
    )


def _with_ancestors(
    path: Path, record: RunRecord, metrics: Metrics, notes: list[str]
) -> tuple[Metrics, list[str], list[Mark]]:
    """The metrics of a run behind those of the runs it goes on from; the names of those, and where they end."""
    ancestors: list[str] = []
    joins: list[Mark] = []
    seen = {path}
    parent = record.parent if record.kind == "train" else None
    while parent is not None:
        folder = path.parent / parent
        if folder in seen:
            notes.append(f"{parent} is said to go on from itself")
            break
        seen.add(folder)
        try:
            before = read_record(folder)
        except WorkspaceError as error:
            notes.append(f"the curve before this run is missing: {parent}, beside it, has {error}")
            break
        joined = continued(read_metrics(folder / "metrics.jsonl"), metrics)
        if len(joined) > len(metrics) > 0:
            joins.insert(0, _join(joined, len(joined) - len(metrics), parent))
        if len(joined) > len(metrics):
            ancestors.insert(0, parent)
        metrics, parent = joined, before.parent
    return metrics, ancestors, joins


def _record(path: Path) -> RunRecord:
    try:
        return read_record(path)
    except WorkspaceError as error:
        raise WorkspaceError(f"{path} cannot be reported: {error}") from error


def _config(path: Path, notes: list[str]) -> dict[str, Any]:
    try:
        content = read_settings(path / "config.yaml")
    except ConfigError:
        content = None
    if not isinstance(content, dict):
        notes.append("config.yaml is missing or cannot be read: no settings are shown")
        return {}
    return content


def _join(metrics: Metrics, row: int, parent: str) -> Mark:
    at = {axis: float(np.mean(metrics.columns[axis][row - 1 : row + 1])) for axis in AXES}
    return Mark(at, f"goes on from {parent}")
