"""Pinning: what `mv runs/X runs/pinned/NAME` does, and the way back, with the checks that mv cannot make."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import Sequence

from rlkit.workspace.links import has_no_links, point_latest, remove_link
from rlkit.workspace.store import layout
from rlkit.workspace.store.atomic import link_atomic, workspace_lock
from rlkit.workspace.store.errors import WorkspaceError, explained
from rlkit.workspace.store.scan import RunEntry, all_runs, entries, pinned_names, read_entry, run_name_of_link


def pinned_runs(runs: Sequence[RunEntry], root: Path) -> dict[Path, list[str]]:
    """The folders of the pinned ones among some runs, and the names in runs/pinned/ that lead to each."""
    # By name, since the tree may have been moved; by path, since a link of the user's own may not say it.
    leading: dict[str, list[str]] = {}
    for pin, name in pinned_names(root).items():
        for target in {name, os.path.realpath(layout.pinned_folder(root) / pin)}:
            leading.setdefault(target, []).append(pin)
    pinned: dict[Path, list[str]] = {}
    # A run's folder is no link itself: few paths have to be worked out.
    folders = {folder: os.path.realpath(folder) for folder in {run.path.parent for run in runs}}
    for run in runs:
        path = f"{folders[run.path.parent]}/{run.name}"
        names = sorted({*leading.get(run.name, []), *leading.get(path, [])})
        if names:
            pinned[run.path] = names
    return pinned


def pins_of(path: Path, root: Path = Path()) -> list[str]:
    """The names in runs/pinned/ that lead to the run in this folder, sorted."""
    return pinned_runs([read_entry(path)], layout.absolute(root)).get(path, [])


def pin_run(path: Path, name: str | None = None, *, root: Path = Path()) -> bool:
    """Pin a run under its own name or another one; False when that was done already.

    The run's link moves from runs/ to runs/pinned/; a run that lies in runs/ itself, or where there are no links,
    moves as a whole, once it has ended. Raises WorkspaceError, also when the name is taken or the run is of another
    workspace.
    """
    root = layout.absolute(root)
    if name is not None:
        layout.check_name(name, "the pin", example="rlkit runs pin latest best_grasp")
    layout.make_folders(root)
    with workspace_lock(root):
        run = _own(path, root)
        pins = pins_of(run.path, root)
        if name in pins or (name is None and pins):
            return False
        name = name or run.name
        _check_free(name, run, root)
        pin = layout.pinned_folder(root) / name
        if run.path.parent == layout.archive_folder(root):
            try:
                link_atomic(pin, run.path)
            except WorkspaceError as error:
                if not has_no_links(error):
                    raise
                _move(run, pin, root)  # a file system without links: the folder itself is pinned
                return True
            for link in links_by_run(root).get(run.name, []):
                remove_link(link)
        else:
            _move(run, pin, root)
    return True


def unpin(name: str, *, root: Path = Path()) -> None:
    """Take a name out of runs/pinned/; its run is shown in runs/ again. Raises WorkspaceError."""
    root = layout.absolute(root)
    with workspace_lock(root):
        pin = layout.pinned_folder(root) / name
        if not os.path.lexists(pin):
            raise WorkspaceError(f"nothing is pinned as {name!r}; `rlkit runs` shows the pins")
        if not pin.is_symlink():
            _move(_own(pin, root), layout.window_folder(root) / name, root)
            return
        run = run_name_of_link(pin)
        remove_link(pin)
        if run is None or run in pinned_names(root).values():
            return
        target, link = layout.archive_folder(root) / run, layout.window_folder(root) / run
        if target.is_dir() and not os.path.lexists(link):
            link_atomic(link, target)


def links_by_run(root: Path) -> dict[str, list[Path]]:
    """The links right in runs/ by the archived run they stand for, broken ones and the user's own included."""
    links: dict[str, list[Path]] = {}
    for entry in entries(layout.window_folder(root)):
        name = run_name_of_link(Path(entry.path))
        if name is not None and entry.name not in layout.LATEST.values():
            links.setdefault(name, []).append(Path(entry.path))
    return links


def _own(path: Path, root: Path) -> RunEntry:
    """The run of this workspace that lies in a folder."""
    real = os.path.realpath(path)
    for run in all_runs(root):
        if os.path.realpath(run.path) == real:
            return run
    raise WorkspaceError(
        f"{path} is no run of the workspace {root}; start in the folder that holds its runs_all/, "
        "or give that folder with --root"
    )


def _check_free(name: str, run: RunEntry, root: Path) -> None:
    pin = layout.pinned_folder(root) / name
    if os.path.lexists(pin):
        holder = f"it leads to {os.readlink(pin)}" if pin.is_symlink() else "a file or folder of that name"
        raise WorkspaceError(
            f"the pin {name!r} is taken ({holder}); give another name, or free it with\n"
            f"  rlkit runs unpin {shlex.quote(name)}"
        )
    if any(other.name == name for other in all_runs(root) if other.path != run.path):
        raise WorkspaceError(f"the pin {name!r} is the name of another run; give another name")


def _move(run: RunEntry, target: Path, root: Path) -> None:
    """Move a run that no link can stand for, as a whole."""
    if run.live:
        raise WorkspaceError(
            f"{run.path} is no link, so that its folder would have to move while it is under way; wait for it to end"
        )
    if os.path.lexists(target):
        raise WorkspaceError(f"{target} exists; move it away")
    with explained(f"move {run.path} to {target}"):
        run.path.rename(target)
    try:
        point_latest(root, all_runs(root))
    except WorkspaceError as error:
        if not has_no_links(error):
            raise
