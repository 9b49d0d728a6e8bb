"""The names of everything in a workspace; rlkit.names has the rule for those that users give."""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass
from pathlib import Path

from rlkit.names import PINNED, problem_of_name, shortened
from rlkit.workspace.store.errors import WorkspaceError, explained

ARCHIVE = "runs_all"
SLURM = "slurm_jobs"  # in the archive
WINDOW = "runs"
RECORD = "run.json"
SETTINGS = "config.yaml"
SKILLS = "skills"  # in a run: the policy that drives its robot, in a folder of its run's name
RUN_LOCK = ".lock"
KINDS: tuple[str, ...] = ("train", "test")
LATEST = {"train": "latest_train", "test": "latest_test"}


@dataclass(frozen=True)
class WorkspaceLimits:
    """How many links runs/ shows; the archive keeps every run whatever these say.

    `max_recent_runs` bounds training and test runs together when it is set. With `use_clean_workspace`
    False a run's folder is made in runs/ itself, and no links but latest_* are made or removed.
    """

    max_recent_runs: int | None = None
    max_train_runs: int = 10
    max_test_runs: int = 10
    use_clean_workspace: bool = True


def kept_skills(run: Path) -> Path | None:
    """Where a run holds the policy of its skills, whole once its settings are there; None where it holds none."""
    return next((settings.parent for settings in (run / SKILLS).glob(f"*/{SETTINGS}")), None)


def archive_folder(root: Path) -> Path:
    """Where the runs of a workspace live."""
    return root / ARCHIVE


def start_above(root: Path) -> str | None:
    """What to do where the runs lie in a folder above the workspace that was asked for, None where there are none."""
    for folder in absolute(root).parents:
        if os.path.isdir(archive_folder(folder)):  # noqa: PTH112  (no error of a locked folder)
            return f"there are runs in {folder}: cd {shlex.quote(os.path.relpath(folder))}"
    return None


def window_folder(root: Path) -> Path:
    """Where the links to recent runs stand."""
    return root / WINDOW


def pinned_folder(root: Path) -> Path:
    """Where the user keeps the links that must stay."""
    return root / WINDOW / PINNED


def absolute(path: str | Path) -> Path:
    """The absolute path, `~` and `..` worked out; links in it are kept, as the user knows them.

    Raises WorkspaceError where the current folder was deleted.
    """
    with explained("find the current folder"):
        return Path(os.path.abspath(os.path.expanduser(path)))  # noqa: PTH100, PTH111


def exists(path: Path) -> bool:
    """Whether a path leads to something; False too for what cannot be a path at all."""
    return os.path.exists(path)  # noqa: PTH110


def may_write(folder: Path) -> bool:
    """Whether files may be made in a folder, by the process as it runs and on the file system as it is mounted."""
    wanted = os.W_OK | os.X_OK
    # The effective user counts; where the kernel cannot say, libc guesses from modes, and forgets read-only mounts.
    effective = os.access(folder, wanted, effective_ids=os.access in os.supports_effective_ids)
    return effective and os.access(folder, wanted)


def make_folders(root: Path) -> None:
    """Make runs_all/, runs/ and runs/pinned/ where they are missing; raises WorkspaceError."""
    for folder in (archive_folder(root), window_folder(root), pinned_folder(root)):
        with explained(f"make the folder {folder}"):
            folder.mkdir(parents=True, exist_ok=True)


def slurm_folder(root: Path) -> Path:
    """The folder, made where it is missing, of the scripts that SLURM runs and of what their jobs print.

    Raises WorkspaceError.
    """
    folder = archive_folder(root) / SLURM
    with explained(f"make the folder {folder}"):
        folder.mkdir(parents=True, exist_ok=True)
    return folder


def check_writable(root: Path) -> None:
    """Refuse a workspace in which no run can start: read-only, or of somebody else; raises WorkspaceError."""
    root = absolute(root)
    for folder in (archive_folder(root), window_folder(root), pinned_folder(root)):
        place = next(path for path in (folder, *folder.parents) if os.path.lexists(path))
        if not exists(place):
            raise WorkspaceError(
                f"{place} leads to {os.readlink(place)}, which does not exist; mend the link"
            )
        if place.is_dir() and not may_write(place):
            why = "it is mounted read-only" if _is_read_only(place) else _of(place)
            raise WorkspaceError(
                f"no run can start here: {place} cannot be written to ({why}); start in a copy of the project that "
                f"is yours, or make {ARCHIVE} and {WINDOW} folders, or links to folders, that you may write to"
            )


def _is_read_only(path: Path) -> bool:
    return bool(os.statvfs(path).f_flag & os.ST_RDONLY)


def _of(path: Path) -> str:
    facts = path.stat()
    return f"it belongs to user {facts.st_uid}, and its mode is {facts.st_mode & 0o7777:o}"


def check_name(name: str, what: str, example: str = "logging.experimentName=grasp_heavy_box") -> None:
    """Refuse a name that cannot be one folder, or that means something else; raises WorkspaceError."""
    problem = problem_of_name(name)
    if problem is not None:
        raise WorkspaceError(f"{what} {shortened(name)} {problem}; for example {example}")
