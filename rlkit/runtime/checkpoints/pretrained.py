"""Begin a training from pretrained weights, and show what of them was taken."""

from __future__ import annotations

from pathlib import Path

from rich.table import Table
from torch import Tensor

from rlkit.learners.api import Fit, Learner
from rlkit.runtime.checkpoints.stored_tensors import StoredTensors
from rlkit.runtime.checkpoints.weights_file import index_of, weights_archive

SHOWN = 12
"""Layers of one kind that the table lists; a checkpoint of another learner may have many that are not used."""


def load_tensors(path: Path) -> dict[str, Tensor]:
    """The floating-point tensors (`[...]`) of a file by their dotted names, on the CPU; raises CheckpointError.

    Only bytes are read: a TorchScript archive's code is neither run nor compiled.
    """
    with weights_archive(path) as archive:
        tensors = StoredTensors(archive)
        return {name: tensors.read(stored) for name, stored in index_of(path, archive).items()}


def start_from(learner: Learner, path: Path) -> Fit:
    """Give the learner the weights of a file; raises LearnerError when none fits, CheckpointError for the file."""
    return learner.initialize(load_tensors(path))


def fit_table(fit: Fit, asked: str) -> Table:
    """Which layers were loaded, which begin anew, and which of the file that was asked for have no place here."""
    table = Table(title=f"weights from {Path(asked).name}", title_justify="left", show_header=False)
    for title, names in (("loaded", fit.loaded), ("begins anew", fit.missing), ("not used", fit.unused)):
        more = [f"... and {len(names) - SHOWN} more"] if len(names) > SHOWN else []
        table.add_row(f"{title} ({len(names)})", "\n".join([*names[:SHOWN], *more]))
    return table
