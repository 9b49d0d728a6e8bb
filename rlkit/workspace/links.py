"""The window: what runs/ shows of the archive. Every function here is called under workspace_lock."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from rlkit.workspace.store import layout
from rlkit.workspace.store.atomic import is_temporary, link_atomic, remove_if_there
from rlkit.workspace.store.errors import WorkspaceError, explained
from rlkit.workspace.store.record import DONE
from rlkit.workspace.store.scan import RunEntry, archived, entries, pinned_names, run_name_of_link

_NO_LINKS = (errno.EPERM, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP)


def refresh(root: Path, limits: layout.WorkspaceLimits, runs: list[RunEntry]) -> None:
    """Bring runs/ in line with the archive: repair links, show the recent runs, point latest_*.

    `runs` are all runs, from old to new.

    Real folders, links to other places and everything in runs/pinned/ that works stay as they are.
    """
    layout.make_folders(root)
    for entry in entries(layout.window_folder(root)):
        if is_temporary(entry.name):  # a link whose making was cut short
            remove_link(Path(entry.path))
    repair(root)
    if limits.use_clean_workspace:
        _show_recent(root, limits, archived(runs, root))
    point_latest(root, runs)


def repair(root: Path) -> None:
    """Re-point, by run name, the links that broke when the tree was moved or mounted elsewhere.

    A broken link in runs/ to a run that is no longer in the archive is removed; a pinned one stays, since
    its archive may only be away for the moment.
    """
    for folder in (layout.window_folder(root), layout.pinned_folder(root)):
        for entry in entries(folder):
            link = Path(entry.path)
            name = run_name_of_link(link)
            if name is None or entry.name in layout.LATEST.values() or layout.exists(link):
                continue
            target = layout.archive_folder(root) / name
            if target.is_dir():
                link_atomic(link, target)
            elif folder != layout.pinned_folder(root):
                remove_link(link)


def point_latest(root: Path, runs: list[RunEntry]) -> None:
    """Point latest_train at the newest run that can be tested, latest_test at the newest finished test.

    `runs` are all runs, from old to new.
    """
    for kind, run in latest_runs(runs).items():
        link = layout.window_folder(root) / layout.LATEST[kind]
        if os.path.lexists(link) and not link.is_symlink():
            raise WorkspaceError(
                f"{link} must be a link, but a file or folder of that name exists; move it away"
            )
        if run is None:
            remove_link(link)
        else:
            _point(link, run.path)


def latest_runs(runs: list[RunEntry]) -> dict[str, RunEntry | None]:
    """The newest training run that can be tested and the newest finished test; `runs` goes from old to new."""
    tests = [
        run for run in runs if run.record is not None and run.record.kind == "test" and run.state == DONE
    ]
    return {
        "train": next((run for run in reversed(runs) if run.can_be_latest), None),
        "test": tests[-1] if tests else None,
    }


def has_no_links(error: WorkspaceError) -> bool:
    """Whether a link could not be made because the file system has none, as exFAT and many network folders."""
    cause = error.__cause__
    return isinstance(cause, OSError) and cause.errno in _NO_LINKS


def _show_recent(root: Path, limits: layout.WorkspaceLimits, runs: list[RunEntry]) -> None:
    pinned = set(pinned_names(root).values())
    wanted = shown(runs, pinned, limits)
    known: dict[str, RunEntry] = {run.name: run for run in runs}
    for entry in entries(layout.window_folder(root)):
        link = Path(entry.path)
        if entry.name == layout.PINNED or entry.name in layout.LATEST.values():
            continue
        name = run_name_of_link(link)
        run = known.get(name) if name is not None else None
        if run is None or run.record is None or (entry.name in wanted and name == entry.name):
            continue  # not a link of ours, or of unknown kind, or as it should be
        if run.live and run.name not in pinned:
            continue  # the user's own name for a run under way
        remove_link(link)
    for name in wanted:
        link = layout.window_folder(root) / name
        if link.is_symlink() or not os.path.lexists(link):
            _point(link, layout.archive_folder(root) / name)


def shown(runs: list[RunEntry], pinned: set[str], limits: layout.WorkspaceLimits) -> set[str]:
    """The names of the runs that runs/ should link to: every live one, then the newest up to the limits.

    `runs` goes from old to new. Pinned runs are left out: they have their link already.
    """
    candidates = [run for run in reversed(runs) if run.record is not None and run.name not in pinned]
    per_kind = {"train": limits.max_train_runs, "test": limits.max_test_runs}
    kept: list[RunEntry] = []
    for kind in layout.KINDS:
        kept += _newest([run for run in candidates if run.record and run.record.kind == kind], per_kind[kind])
    kept.sort(key=lambda run: run.age_key, reverse=True)
    return {run.name for run in _newest(kept, limits.max_recent_runs)}


def _newest(runs: list[RunEntry], limit: int | None) -> list[RunEntry]:
    """The live runs, and with them the newest others until there are `limit`; `runs` goes from new to old."""
    if limit is None:
        return runs
    live = [run for run in runs if run.live]
    others = [run for run in runs if not run.live]
    return live + others[: max(0, limit - len(live))]


def _point(link: Path, target: Path) -> None:
    if not link.is_symlink() or os.readlink(link) != str(target):
        link_atomic(link, target)


def remove_link(link: Path) -> None:
    """Remove a link of ours; nothing happens when it is gone already. Raises WorkspaceError."""
    with explained(f"remove the link {link}"):
        remove_if_there(link)  # it may be gone: the user can move it to runs/pinned/ at any moment
