"""Tensors of an archive that torch.save wrote, read onto the CPU."""

from __future__ import annotations

import torch
from torch import Tensor

from rlkit.archives.torch_archive import StoredTensor, TorchArchive


class StoredTensors:
    """Reads the tensors of an open archive. Those that share a record share its memory, as they did when saved."""

    def __init__(self, archive: TorchArchive) -> None:
        self._archive = archive
        self._records: dict[str, Tensor] = {}

    def read(self, stored: StoredTensor) -> Tensor:
        """A view on its record's bytes, `[*stored.shape]` whatever that claims; raises OSError and TORN."""
        if not stored.dtype:
            raise ValueError(f"{stored.record} is of a type that is not read")
        if stored.record not in self._records:
            self._records[stored.record] = self._bytes(stored.record)
        flat = self._records[stored.record].view(getattr(torch, stored.dtype))
        # Raises where they leave the record
        return flat.as_strided(stored.shape, stored.stride, stored.offset)

    def _bytes(self, record: str) -> Tensor:
        raw = torch.empty(self._archive.size(record), dtype=torch.uint8)
        self._archive.read_into(record, raw.numpy().data)
        return raw
