"""Run folders, the window on them, and the checkpoints in them.

`runs_all/` is the archive: every run, kept. `runs/` is the window: links to recent runs, `latest_train`,
`latest_test`, and `pinned/` for what the user wants to keep in sight. docs/workspace.md is the guide.
"""

from rlkit.workspace.details import RunDetails, run_details
from rlkit.workspace.find import called, find_run, quoted
from rlkit.workspace.listing import RUN_STATES, RunRow, age, list_runs, local_time, runs_as_json, size
from rlkit.workspace.opening import continue_run, is_of_series, open_run, refuse_links, trainings
from rlkit.workspace.origin import provenance
from rlkit.workspace.pins import pin_run, pins_of, unpin
from rlkit.workspace.prune import Deleter, PruneFilters, PrunePlan, finish_deletions, folder_size, plan_prune
from rlkit.workspace.resolve import Resolved, resolve
from rlkit.workspace.run import Run
from rlkit.workspace.store.atomic import link_atomic, workspace_lock, write_atomic, write_together
from rlkit.workspace.store.checkpoints import checkpoint_name, checkpoints_in
from rlkit.workspace.store.errors import ResolveError, WorkspaceError
from rlkit.workspace.store.files import write_private
from rlkit.workspace.store.layout import KINDS as RUN_KINDS
from rlkit.workspace.store.layout import WorkspaceLimits, check_writable, slurm_folder, start_above
from rlkit.workspace.store.record import RunRecord, read_record
from rlkit.workspace.store.scan import RunEntry, pinned_names, read_entry
