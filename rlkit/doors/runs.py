"""Runs as data: what `rlkit runs` lists, and what their files hold."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rlkit.nearest import nearest
from rlkit.settings import same_fields
from rlkit.workspace import (
    RUN_KINDS,
    RUN_STATES,
    RunRow,
    WorkspaceError,
    checkpoints_in,
    list_runs,
    read_entry,
)
from rlkit.workspace.details import last_metrics
from rlkit.workspace.listing import row_of
from rlkit.workspace.store.checkpoints import networks_folder

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class Run:
    """One run as it stood when it was read; what is not known is None.

    kind: train or test. state: running, done, interrupted, failed or unreadable, `reason` why. best_success: share of
    episodes. best_by: the metrics of training.bestBy with their values, a minus first where less is better; empty where
    the best is so by success and return. created: UTC, ISO 8601.
    """

    name: str
    path: Path
    task: str | None
    kind: str | None
    learner: str | None
    state: str
    iterations: int | None
    best_return: float | None
    best_success: float | None
    best_by: dict[str, float]
    created: str | None
    reason: str | None

    @property
    def checkpoints(self) -> dict[str, Path]:
        """Its checkpoint files by `best`, `last` and iteration, as `checkpoint=<run>:<key>` takes them."""
        return {str(which): path for which, path in checkpoints_in(networks_folder(self.path)).items()}

    @property
    def metrics(self) -> dict[str, Any]:
        """A test's figures, else the metrics of the latest iteration; empty where there are none yet."""
        return last_metrics(self.path)

    @property
    def history(self) -> dict[str, np.ndarray]:
        """A training's metrics by name, `[rows]` each, NaN where an iteration has none; of long ones every n-th."""
        from rlkit.report.metrics import read_metrics

        return dict(read_metrics(self.path / "metrics.jsonl").columns)


def runs(
    root: str | Path = ".", *, task: str | None = None, kind: str | None = None, state: str | None = None
) -> list[Run]:
    """The runs of the workspace in the folder `root` that fit, from new to old.

    kind: train or test. state: running, done, interrupted, failed or unreadable. Raises WorkspaceError for another
    one, for a task that is nearly called as one that has runs, and where there is no such folder.
    """
    if not Path(root).is_dir():
        raise WorkspaceError(f"root={root}: there is no such folder; give the one that holds runs_all/")
    for name, value, known in (("kind", kind, RUN_KINDS), ("state", state, RUN_STATES)):
        if value is not None and value not in known:
            raise WorkspaceError(f"{name}={value!r}: there is none such; allowed are {', '.join(known)}")
    rows = list_runs(Path(root), task=task, kind=kind, state=state)
    if not rows and task is not None:
        known = sorted({row.task for row in list_runs(Path(root)) if row.task})
        near = nearest(task, known) if task not in known else []
        if near:
            raise WorkspaceError(f"task={task!r}: there are no runs of it; did you mean {near[0]}?")
    return list(map(_of_row, rows))


def read_run(path: Path) -> Run:
    """The run in a folder."""
    return _of_row(row_of(read_entry(path)))


def _of_row(row: RunRow) -> Run:
    return same_fields(Run, row, path=Path(row.path))
