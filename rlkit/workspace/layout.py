"""The names of everything in a workspace; no other module spells them."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Optional, Tuple, Union

from rlkit.workspace.errors import WorkspaceError, explained

ARCHIVE = "runs_all"
WINDOW = "runs"
PINNED = "pinned"
RECORD = "run.json"
RUN_LOCK = ".lock"
KINDS: Tuple[str, ...] = ("train", "test")
LATEST = {"train": "latest_train", "test": "latest_test"}
RESERVED_NAMES = ("latest", PINNED, *LATEST.values())

# A collision suffix, and a checkpoint's or a temporary name, must still fit into the usual 255 bytes.
_LONGEST_NAME_BYTES = 200


@dataclass(frozen=True)
class WorkspaceLimits:
    """How many links runs/ shows; the archive keeps every run whatever these say.

    `max_recent_runs` bounds training and test runs together when it is set. With `use_clean_workspace`
    False a run's folder is made in runs/ itself, and no links but latest_* are made or removed.
    """

    max_recent_runs: Optional[int] = None
    max_train_runs: int = 10
    max_test_runs: int = 10
    use_clean_workspace: bool = True


def archive_folder(root: Path) -> Path:
    """Where the runs of a workspace live."""
    return root / ARCHIVE


def window_folder(root: Path) -> Path:
    """Where the links to recent runs stand."""
    return root / WINDOW


def pinned_folder(root: Path) -> Path:
    """Where the user keeps the links that must stay."""
    return root / WINDOW / PINNED


def absolute(path: Union[str, Path]) -> Path:
    """The absolute path, `~` and `..` worked out; links in it are kept, as the user knows them."""
    return Path(os.path.abspath(os.path.expanduser(path)))  # noqa: PTH100, PTH111


def exists(path: Path) -> bool:
    """Whether a path leads to something; False too for what cannot be a path at all."""
    return os.path.exists(path)  # noqa: PTH110


def make_folders(root: Path) -> None:
    """Make runs_all/, runs/ and runs/pinned/ where they are missing; raises WorkspaceError."""
    for folder in (archive_folder(root), window_folder(root), pinned_folder(root)):
        with explained(f"make the folder {folder}"):
            folder.mkdir(parents=True, exist_ok=True)


def check_name(name: str, what: str, example: str = "logging.experimentName=grasp_heavy_box") -> None:
    """Refuse a name that cannot be one folder, or that means something else; raises WorkspaceError."""
    problem = None
    if not name.strip():
        problem = "it is empty"
    elif name != name.strip() or name.startswith("."):
        problem = "it begins with a dot or has blanks at its ends"
    elif re.search(r"[/\\:\x00-\x1f\x7f]", name):
        problem = "it holds a slash, a colon or a control character"
    elif name in RESERVED_NAMES:
        problem = f"runs/{name} has a meaning of its own"
    elif len(name.encode("utf-8")) > _LONGEST_NAME_BYTES:
        problem = f"it is longer than {_LONGEST_NAME_BYTES} bytes"
    if problem:
        raise WorkspaceError(
            f"{what} {name!r} cannot name a run folder: {problem}; allowed are letters, digits, blanks and "
            f"_ - = . + , for example {example}"
        )
