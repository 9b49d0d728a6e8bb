"""The checkpoint files of a run, by name."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Union

from rlkit.workspace.store.errors import WorkspaceError, explained

BEST, LAST = "best", "last"
Which = Union[int, str]

_NAME = re.compile(r"checkpoint_(\d+|last|best)\.pth")


def checkpoint_name(which: Which) -> str:
    """The file name of an iteration's checkpoint, or of "last" or "best"; raises WorkspaceError."""
    if which in (BEST, LAST) or (isinstance(which, int) and not isinstance(which, bool) and which >= 0):
        return f"checkpoint_{which}.pth"
    raise WorkspaceError(
        f"no checkpoint is called {which!r}; allowed are 'best', 'last' and an iteration >= 0"
    )


def networks_folder(run_path: Path) -> Path:
    """Where a run keeps its checkpoints."""
    return run_path / "nn"


def checkpoints_in(folder: Path) -> dict[Which, Path]:
    """The checkpoints right in a folder, by iteration, "last" or "best". Raises WorkspaceError."""
    with explained(f"look into {folder}"):
        try:
            files = list(folder.iterdir())
        except (FileNotFoundError, NotADirectoryError):
            return {}
    found: dict[Which, Path] = {}
    for file in files:
        match = _NAME.fullmatch(file.name)
        if match and file.is_file():
            label = match.group(1)
            found[int(label) if label.isdigit() else label] = file
    return found


def holds_checkpoint(run_path: Path) -> bool:
    """Whether a run has saved anything that can be tested or resumed."""
    return bool(checkpoints_in(networks_folder(run_path)))
