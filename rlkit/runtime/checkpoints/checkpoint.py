"""Checkpoints: what a run needs to go on exactly, in one file that appears whole or not at all."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any, BinaryIO, Mapping

import torch

from rlkit.archives.torch_archive import ForeignObject, StoredTensor, TorchArchive
from rlkit.runtime.checkpoints.head import Checkpoint, CheckpointError, checked, torn
from rlkit.runtime.checkpoints.stored_tensors import StoredTensors
from rlkit.torn import TORN
from rlkit.workspace import write_atomic


def save(path: Path, checkpoint: Checkpoint) -> int:
    """Write `checkpoint`, tensor by tensor: a large one is never a second time in memory. Returns its size [bytes].

    Raises WorkspaceError when the disk does not take it: the old file is then kept.
    """
    content = {f.name: getattr(checkpoint, f.name) for f in fields(Checkpoint)}
    size = 0

    def fill(handle: BinaryIO) -> None:
        nonlocal size
        _write(content, handle)
        size = handle.tell()

    write_atomic(path, fill)
    return size


def _write(content: Mapping[str, Any], handle: BinaryIO) -> None:
    try:
        torch.save(content, handle)
    except RuntimeError as error:  # torch closes its archive after a failed write, and fails again at that
        if isinstance(error.__context__, OSError):
            raise error.__context__ from None
        raise


def load(path: Path, device: torch.device) -> Checkpoint:
    """Read a checkpoint onto `device`, its checksums checked and none of its code run; raises CheckpointError."""
    try:
        with TorchArchive(path) as archive:
            content = checked(archive.content(), path)
            learner = _Reader(archive, device).read(content.pop("learner"))
            rest = _Reader(archive, torch.device("cpu")).read(content)
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror or error}") from error
    except TORN as error:
        raise torn(path, error) from error
    return Checkpoint(learner=learner, **rest)


class _Reader:
    """Puts tensors on a device in the place of where they lie; what is met twice is read once."""

    def __init__(self, archive: TorchArchive, device: torch.device) -> None:
        self._tensors, self._device = StoredTensors(archive), device
        self._known: dict[int, Any] = {}

    def read(self, value: Any) -> Any:
        """The same value with its tensors; raises TypeError for objects of other classes, else as StoredTensors."""
        if id(value) not in self._known:
            self._known[id(value)] = self._read(value)
        return self._known[id(value)]

    def _read(self, value: Any) -> Any:
        if isinstance(value, StoredTensor):
            return self._tensors.read(value).to(self._device)
        if isinstance(value, dict):
            return {key: self.read(item) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return type(value)(self.read(item) for item in value)
        if isinstance(value, ForeignObject):
            raise TypeError("it holds objects that are neither tensors nor plain values")
        return value
