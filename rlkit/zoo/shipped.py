"""The policies that lie in this folder, and what `zoo:NAME` stands for."""

from __future__ import annotations

import os
from pathlib import Path

from rlkit.errors import RlkitError
from rlkit.nearest import nearest
from rlkit.untrusted import echo

PREFIX = "zoo:"
SETTINGS = "config.yaml"  # of a policy's training, as in the folder of a run
_FOLDER = Path(__file__).resolve().parent
_WEIGHTS = Path("nn", "checkpoint_best.pth")  # as a run keeps its best checkpoint


class ZooError(RlkitError):
    """There is no such policy, or a card cannot be read or made."""


def shipped() -> tuple[str, ...]:
    """The names of all policies that come with rlkit, sorted."""
    return tuple(sorted(path.parents[1].name for path in _FOLDER.glob(f"*/{_WEIGHTS}")))


def policy_folder(ref: str) -> Path | None:
    """The folder of the policy that `zoo:NAME` names; None where a text begins otherwise. Raises ZooError."""
    return folder_of(ref[len(PREFIX) :]) if ref.startswith(PREFIX) else None


def folder_of(name: str) -> Path:
    """The folder of the policy of that name; raises ZooError where none has it."""
    if name not in shipped():
        raise ZooError(unknown(name))
    return _FOLDER / name


def unknown(name: str) -> str:
    """What to say of a name that no policy here has: the nearest, and all there are."""
    known = {word.lower(): word for word in shipped()}
    near = [f"{PREFIX}{known[word]}" for word in nearest(name.lower(), known, 2)]
    hint = f"did you mean {' or '.join(near)}? " if near else ""
    return (
        f"no policy called {echo(name)!r} comes with rlkit; {hint}there are"
        f" {', '.join(known.values()) or 'none'} (rlkit zoo)"
    )


def is_shipped(folder: Path) -> bool:
    """Whether a folder is that of a policy here: nothing of the user's is written into it."""
    return Path(os.path.realpath(folder)).parent == _FOLDER


def size_of(folder: Path) -> int:
    """How many bytes the files of a policy have."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
