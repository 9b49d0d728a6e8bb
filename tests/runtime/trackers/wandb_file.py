"""Reads the `.wandb` file of an offline run: LevelDB's log format with records of wandb's own protobuf."""

# pyright: reportMissingImports=false, reportAttributeAccessIssue=false

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Iterator

_BLOCK = 32768
_FULL, _LAST = 1, 4


def records(run: Path) -> list[Any]:
    """The records of the one `.wandb` file in an offline run's folder."""
    from wandb.proto import wandb_internal_pb2

    (path,) = run.glob("*.wandb")
    found = []
    for content in _contents(path.read_bytes()):
        record = wandb_internal_pb2.Record()
        record.ParseFromString(content)
        found.append(record)
    return found


def of_kind(found: list[Any], kind: str) -> list[Any]:
    """Those of one kind: run, history, stats, artifact, exit."""
    return [getattr(record, kind) for record in found if record.WhichOneof("record_type") == kind]


def values(items: Any) -> dict[str, Any]:
    """The values of a history, a summary or a configuration by their names."""
    return {item.key or ".".join(item.nested_key): json.loads(item.value_json) for item in items}


def _contents(data: bytes) -> Iterator[bytes]:
    assert data[:4] == b":W&B"
    at, parts = 7, b""
    while at + 7 <= len(data):
        if _BLOCK - at % _BLOCK < 7:
            at += _BLOCK - at % _BLOCK  # a block's rest that no header fits into
            continue
        length, kind = int.from_bytes(data[at + 4 : at + 6], "little"), data[at + 6]
        parts += data[at + 7 : at + 7 + length]
        at += 7 + length
        if kind in (_FULL, _LAST):
            yield parts
            parts = b""
