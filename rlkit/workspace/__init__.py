"""Run folders, the window on them, and the checkpoints in them.

`runs_all/` is the archive: every run, kept. `runs/` is the window: links to recent runs, `latest_train`,
`latest_test`, and `pinned/` for what the user wants to keep in sight. docs/workspace.md is the guide.
"""

from rlkit.workspace.atomic import link_atomic, workspace_lock, write_atomic
from rlkit.workspace.checkpoints import checkpoint_name, checkpoints_in
from rlkit.workspace.errors import ResolveError, WorkspaceError
from rlkit.workspace.find import find_run
from rlkit.workspace.layout import KINDS as RUN_KINDS
from rlkit.workspace.layout import WorkspaceLimits
from rlkit.workspace.listing import RUN_STATES, RunRow, list_runs, runs_as_json, runs_as_table
from rlkit.workspace.origin import provenance
from rlkit.workspace.record import RunRecord, read_record
from rlkit.workspace.resolve import Resolved, resolve
from rlkit.workspace.scan import RunEntry, read_entry
from rlkit.workspace.run import Run, continue_run, find_interrupted, open_run

__all__ = [
    "RUN_KINDS",
    "RUN_STATES",
    "ResolveError",
    "Resolved",
    "Run",
    "RunEntry",
    "RunRecord",
    "RunRow",
    "WorkspaceError",
    "WorkspaceLimits",
    "checkpoint_name",
    "checkpoints_in",
    "continue_run",
    "find_interrupted",
    "find_run",
    "link_atomic",
    "list_runs",
    "open_run",
    "provenance",
    "read_entry",
    "read_record",
    "resolve",
    "runs_as_json",
    "runs_as_table",
    "workspace_lock",
    "write_atomic",
]
