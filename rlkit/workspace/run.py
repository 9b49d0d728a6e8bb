"""One run: its record, and the files it will hold."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Mapping

from rlkit.masking import masked
from rlkit.workspace.links import point_latest
from rlkit.workspace.store.atomic import FileLock, workspace_lock
from rlkit.workspace.store.checkpoints import BEST, LAST, Which, checkpoint_name, networks_folder
from rlkit.workspace.store.errors import WorkspaceError
from rlkit.workspace.store.layout import absolute, exists
from rlkit.workspace.store.record import RUNNING, STATES, RunRecord, format_time, write_record
from rlkit.workspace.store.scan import all_runs


class Run:
    """A run that this process owns: it alone writes the record, and it holds the run's lock while it lives.

    Made by open_run or continue_run. The lock (`<run>/.lock`, flock) is what others take for a sign of life.
    """

    def __init__(self, root: Path, path: Path, record: RunRecord, lock: FileLock) -> None:
        self.root = root
        self.notes: list[str] = []  # what the user should be told at the start
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
        state: str | None = None,
        iterations: int | None = None,
        best_return: float | None = None,
        best_success: float | None = None,
        best_by: Mapping[str, float] | None = None,
        checkpoint: str | Path | None = None,
        tested_run: str | None = None,
        chosen: Mapping[str, Any] | None = None,
        reached: str | None = None,
        code: Mapping[str, Any] | None = None,
        skills: str | None = None,
        tracker: Mapping[str, Any] | None = None,
        units: Mapping[str, str] | None = None,
    ) -> None:
        """Write what became known into run.json, in one step; what is not given stays as it was.

        A best return that is not finite is left out, since JSON has no such number. `best_by` are other metrics than
        success and return that the best is best by, a minus before those of which less is better. `checkpoint` and
        `tested_run` say what a test run tests, `chosen` what became of settings that were left to the machine,
        `reached` which condition ended a training, `code` whose the classes are that are not rlkit's own,
        `skills` the run whose policy drives the robot, `tracker` where a tracker has the run, `units` in what its
        metrics are told. Raises WorkspaceError.
        """
        changes: dict[str, Any] = {"iterations": iterations, "tested_run": tested_run, "chosen": chosen}
        changes.update(
            reached=reached,
            code=code,
            skills=skills,
            tracker=tracker,
            units=units,
            best_by=None if best_by is None else dict(best_by),
        )
        for name, value in (("best_return", best_return), ("best_success", best_success)):
            changes[name] = value if value is not None and math.isfinite(value) else None
        changes["checkpoint"] = str(absolute(checkpoint)) if checkpoint is not None else None
        self._rewrite(**{key: value for key, value in changes.items() if value is not None})
        if state is not None:
            self.set_state(state)

    def set_state(self, state: str, reason: str | None = None) -> None:
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

    def checkpoint_saved(self, which: Which, iteration: int | None = None) -> None:
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
