"""The archives that torch.save writes, read without torch.

Such a file is a zip archive: a pickle that names the tensors, and one record of bytes for each storage. None of the
pickle's code runs, damaged bytes are noticed by the checksums (CRC-32) that the archive holds, and no more is read
than the file is long, whatever it says of itself.
"""

from __future__ import annotations

import os
import pickle
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Iterator

from rlkit.untrusted import PlainUnpickler, open_regular, require_whole_list

# torch's names of its typed storages, and of the element types.
_DTYPES = {
    "DoubleStorage": "float64",
    "FloatStorage": "float32",
    "HalfStorage": "float16",
    "BFloat16Storage": "bfloat16",
    "LongStorage": "int64",
    "IntStorage": "int32",
    "ShortStorage": "int16",
    "CharStorage": "int8",
    "ByteStorage": "uint8",
    "BoolStorage": "bool",
}
_CHUNK = 1 << 20


@dataclass(frozen=True)
class StoredTensor:
    """Where a tensor lies: the zip record, and offset and stride in elements of `dtype` (torch's name)."""

    record: str
    dtype: str  # empty where it is a kind that is not read
    offset: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]


class ForeignObject:
    """Stands for an object of a class that is not loaded; keeps what the pickle says it holds."""

    state: Any = None

    def __new__(cls, *_: Any, **__: Any) -> ForeignObject:
        return super().__new__(cls)


class TorchArchive:
    """An open archive. Raises OSError and TORN, here and in every method; its user says which file it was."""

    def __init__(self, path: Path) -> None:
        self._handle = open_regular(path)
        try:
            self._zip = zipfile.ZipFile(self._handle)
            self.names = self._zip.namelist()
            require_whole_list(self._zip)
            self._require_honest_sizes()
        except BaseException:
            self._handle.close()
            raise

    def __enter__(self) -> TorchArchive:
        return self

    def __exit__(self, *_: object) -> None:
        self._zip.close()
        self._handle.close()

    def content(self) -> Any:
        """What was saved: plain values, with StoredTensors for tensors and ForeignObjects for everything else."""
        pickled = next((name for name in self.names if name.endswith("/data.pkl")), None)
        if pickled is None:
            raise ValueError("it has no data.pkl")
        folder = pickled[: -len("/data.pkl")]
        order = f"{folder}/byteorder"
        if order in self.names and self.read(order).decode("ascii").strip() != sys.byteorder:
            raise ValueError("it was written on a machine of another byte order; write it anew on this one")
        return _Unpickler(self.read(pickled), folder).load()

    def size(self, record: str) -> int:
        """Bytes of a record."""
        return self._zip.getinfo(record).file_size

    def read(self, record: str) -> bytes:
        """A record's bytes."""
        data = bytearray(self.size(record))
        self.read_into(record, memoryview(data))
        return bytes(data)

    def read_into(self, record: str, target: memoryview) -> None:
        """Fill `target`, which is of the record's size, with its bytes; raises BadZipFile where they are damaged."""
        done = 0
        for chunk in self._chunks(record):
            target[done : done + len(chunk)] = chunk
            done += len(chunk)
        if done != len(target):
            raise EOFError(f"{record} is cut short")

    def check(self) -> None:
        """Read every record that a tensor may lie in, keeping none; raises BadZipFile where one is damaged."""
        for info in self._zip.infolist():
            # TorchScript compresses its code, of which nothing is used.
            if info.compress_type == zipfile.ZIP_STORED or "/data/" in info.filename:
                for _ in self._chunks(info.filename):
                    pass

    def _chunks(self, record: str) -> Iterator[bytes]:
        info = self._zip.getinfo(record)
        if info.compress_type != zipfile.ZIP_STORED:
            raise ValueError(f"{record} is compressed, which torch.save never does")
        with self._zip.open(info) as stream:
            while chunk := stream.read(_CHUNK):
                yield chunk

    def _require_honest_sizes(self) -> None:
        """Records that overlap, or are said to be longer than the file, would be read as more than it holds."""
        stored = [info.file_size for info in self._zip.infolist() if info.compress_type == zipfile.ZIP_STORED]
        if sum(stored) > os.fstat(self._handle.fileno()).st_size:
            raise zipfile.BadZipFile("its records are said to be longer than the file")


class _Storage(str):
    """Stands for a typed storage's class: the name of its element type."""


class _Unpickler(PlainUnpickler):
    """Reads plain values and where tensors lie; every other class becomes a ForeignObject, so none of its code runs."""

    dispatch: dict[int, Callable[..., None]] = dict(PlainUnpickler.dispatch)
    keys = (*PlainUnpickler.keys, bytes, type(None))

    def __init__(self, data: bytes, folder: str) -> None:
        super().__init__(data)
        self._folder = folder

    def find_class(self, module: str, name: str) -> Any:
        """The few names that a pickled tensor consists of."""
        if module == "torch._utils" and name in _REBUILD:
            return _REBUILD[name]
        if module in ("torch", "torch.storage") and name in _DTYPES:
            return _Storage(_DTYPES[name])
        return _empty_dict if (module, name) == ("collections", "OrderedDict") else ForeignObject

    def persistent_load(self, pid: Any) -> Any:
        """A storage: its element type (empty where it is a kind that is not read) and its record."""
        dtype, record = pid[1:3]
        if not isinstance(record, str):
            raise pickle.UnpicklingError("a tensor names no record")
        return (str(dtype) if isinstance(dtype, _Storage) else ""), f"{self._folder}/data/{record}"

    def _load_build(self) -> None:
        state = self.stack.pop()
        if isinstance(self.stack[-1], ForeignObject):
            self.stack[-1].state = state

    dispatch[pickle.BUILD[0]] = _load_build
    # What torch.save writes none of: these take all the memory that they ask for, or hash what they are given.
    for _code in (pickle.BYTEARRAY8, pickle.ADDITEMS, pickle.FROZENSET):
        del dispatch[_code[0]]


def _empty_dict(*_: Any) -> dict[Any, Any]:
    return {}


def _rebuild_tensor(storage: tuple[str, str], offset: int, shape: Any, stride: Any, *_: Any) -> StoredTensor:
    dtype, record = storage
    return StoredTensor(record, dtype, int(offset), tuple(map(int, shape)), tuple(map(int, stride)))


def _rebuild_parameter(tensor: StoredTensor, *_: Any) -> StoredTensor:
    return tensor


_REBUILD = {
    "_rebuild_tensor_v2": _rebuild_tensor,
    "_rebuild_parameter": _rebuild_parameter,
    "_rebuild_parameter_with_state": _rebuild_parameter,
}
