"""TensorBoard's event file, written as the metrics come: a thread of its own would die of a full disk unseen."""

from __future__ import annotations

import os
import socket
import time
from io import RawIOBase
from pathlib import Path
from typing import Any, Iterable

from tensorboard.compat.proto.event_pb2 import Event, SessionLog  # pyright: ignore[reportAttributeAccessIssue]
from tensorboard.compat.proto.summary_pb2 import Summary  # pyright: ignore[reportAttributeAccessIssue]
from tensorboard.summary.writer.record_writer import RecordWriter


class EventFile:
    """A new event file in a folder. Each event is on the disk when `add` returns, whole or not at all."""

    def __init__(self, folder: Path, *, first_step: int) -> None:
        """first_step: what older files say from this step on is not shown. Raises OSError, as all methods do."""
        folder.mkdir(exist_ok=True)
        name = f"events.out.tfevents.{int(time.time()):010d}.{socket.gethostname()}.{os.getpid()}.{time.time_ns()}"
        self._file = (folder / name).open("xb", buffering=0)
        self._records = RecordWriter(_Whole(self._file))
        self._write(file_version="brain.Event:2")
        self._write(step=first_step, session_log=SessionLog(status=SessionLog.START))

    def add(self, step: int, values: Iterable[Any]) -> None:
        """Write `Summary.Value`s of a step."""
        self._write(step=step, summary=Summary(value=values))

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _write(self, **content: Any) -> None:
        self._records.write(Event(wall_time=time.time(), **content).SerializeToString())


class _Whole:
    def __init__(self, file: RawIOBase) -> None:
        self._file = file

    def write(self, data: bytes) -> None:
        append(self._file, data)


def append(file: RawIOBase, data: bytes) -> None:
    """Write all of it to the end of an unbuffered file, or nothing; raises OSError."""
    before = os.fstat(file.fileno()).st_size
    rest = memoryview(data)
    try:
        while rest:
            rest = rest[file.write(rest) or 0 :]
    except BaseException:
        os.ftruncate(file.fileno(), before)
        raise
