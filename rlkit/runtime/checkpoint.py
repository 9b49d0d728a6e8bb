"""Checkpoints: what a run needs to go on exactly, in one file that appears whole or not at all."""

from __future__ import annotations

import pickle
import zipfile
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, BinaryIO, Mapping, Optional

import torch

from rlkit.runtime.checkpoint_head import FORMAT, CheckpointError, torn
from rlkit.workspace import write_atomic

# What torch raises on bytes that are cut short or no checkpoint; OSError is from its seeks beyond the end.
_TORN = (
    pickle.UnpicklingError,
    RuntimeError,
    EOFError,
    zipfile.BadZipFile,
    ValueError,
    KeyError,
    OSError,
)


@dataclass(frozen=True)
class Checkpoint:
    """Everything in a checkpoint file: tensors and plain values only, so that loading it runs no code.

    `env` and `monitor` are None where the file continues no episodes (the best policy's file). `progress`
    holds the best return, the iteration it was met in, and the seconds trained so far.
    """

    task: str
    learner_name: str
    iteration: int
    env_steps: int
    seed: int
    learner: Mapping[str, Any]
    rng: Mapping[str, Any]
    env: Optional[Mapping[str, Any]] = None
    monitor: Optional[Mapping[str, Any]] = None
    progress: Optional[Mapping[str, float]] = None
    format: int = FORMAT


def save(path: Path, checkpoint: Checkpoint) -> None:
    """Write `checkpoint`, tensor by tensor: a large one is never a second time in memory.

    Raises WorkspaceError when the disk does not take it: the old file is then kept.
    """
    content = {f.name: getattr(checkpoint, f.name) for f in fields(Checkpoint)}
    write_atomic(path, lambda handle: _write(content, handle))


def _write(content: Mapping[str, Any], handle: BinaryIO) -> None:
    try:
        torch.save(content, handle)
    except RuntimeError as error:  # torch closes its archive after a failed write, and fails again at that
        if isinstance(error.__context__, OSError):
            raise error.__context__ from None
        raise


def load(path: Path, device: torch.device) -> Checkpoint:
    """Read a checkpoint onto `device` without running any code of its; raises CheckpointError."""
    try:
        handle = path.open("rb")
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error}") from error
    with handle:
        try:
            content = torch.load(handle, map_location="cpu", weights_only=True)
        except _TORN as error:
            raise torn(path, error) from error
    names = {f.name for f in fields(Checkpoint)}
    if not isinstance(content, dict) or set(content) != names:
        raise CheckpointError(f"{path} is no rlkit checkpoint: it lacks some of {', '.join(sorted(names))}")
    if content["format"] != FORMAT:
        raise CheckpointError(f"{path} has format {content['format']}, this rlkit reads format {FORMAT}")
    content["learner"] = _to(content["learner"], device)
    return Checkpoint(**content)


def _to(value: Any, device: torch.device) -> Any:
    if isinstance(value, torch.Tensor):
        return value.to(device)
    if isinstance(value, dict):
        return {key: _to(item, device) for key, item in value.items()}
    if isinstance(value, list):
        return [_to(item, device) for item in value]
    return value
