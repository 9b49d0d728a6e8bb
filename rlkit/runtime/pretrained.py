"""Begin a training from pretrained weights, and show what of them was taken."""

from __future__ import annotations

import math
import zipfile
from pathlib import Path
from typing import Dict

import torch
from rich.table import Table
from torch import Tensor

from rlkit.learners.api import Fit, Learner
from rlkit.runtime.checkpoint_head import NOT_OURS, CheckpointError
from rlkit.runtime.weights_file import StoredTensor, read_index

SHOWN = 12
"""Layers of one kind that the table lists; a checkpoint of another learner may have many that are not used."""


def load_tensors(path: Path) -> Dict[str, Tensor]:
    """The floating-point tensors of a file by their dotted names, on the CPU; raises CheckpointError.

    Only bytes are read: a TorchScript archive's code is neither run nor compiled.
    """
    index = read_index(path)
    try:
        with zipfile.ZipFile(path) as archive:
            return {name: _read(archive, stored) for name, stored in index.items()}
    except (OSError, RuntimeError, *NOT_OURS) as error:
        raise CheckpointError(f"{path} is torn: its tensors cannot be read ({error})") from error


def _read(archive: zipfile.ZipFile, stored: StoredTensor) -> Tensor:
    dtype = getattr(torch, stored.dtype)
    if math.prod(stored.shape) == 0:
        return torch.empty(stored.shape, dtype=dtype)
    flat = torch.frombuffer(bytearray(archive.read(stored.record)), dtype=dtype)
    # A weight may be stored transposed; as_strided raises where offset and strides leave the record.
    return flat.as_strided(stored.shape, stored.stride, stored.offset).contiguous()


def start_from(learner: Learner, path: Path) -> Fit:
    """Give the learner the weights of a file; raises LearnerError when none fits, CheckpointError for the file."""
    return learner.initialize(load_tensors(path))


def fit_table(fit: Fit, path: Path) -> Table:
    """Which layers were loaded, which begin anew, and which of the file have no place here."""
    table = Table(title=f"weights from {path.name}", title_justify="left", show_header=False)
    for title, names in (("loaded", fit.loaded), ("begins anew", fit.missing), ("not used", fit.unused)):
        more = [f"... and {len(names) - SHOWN} more"] if len(names) > SHOWN else []
        table.add_row(f"{title} ({len(names)})", "\n".join([*names[:SHOWN], *more]))
    return table
