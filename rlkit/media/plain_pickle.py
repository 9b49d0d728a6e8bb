"""Pickles of numbers, texts, lists, dicts and numpy arrays, read without running anything of them."""

from __future__ import annotations

import collections
import io
import pickle
from typing import Any, Dict, Optional, Sequence, Tuple

import numpy as np

_NUMBERS = ("f", "i", "u", "b")


def loads(data: bytes) -> Any:
    """What was pickled; raises RefusedError for what could run code, and what `pickle` does for torn bytes."""
    return _unwrapped(_Unpickler(io.BytesIO(data)).load(), {})


class RefusedError(Exception):
    """The pickle asks for something that could run code."""


class _Array:
    """Stands for a numpy array while a pickle is read, so that nothing but plain numbers gets into one."""

    values: Optional[np.ndarray] = None

    def __setstate__(self, state: Sequence[Any]) -> None:
        _, shape, kind, fortran, data = state
        self.values = _plain(data, kind).reshape(shape, order="F" if fortran else "C")


class _Kind:
    """Stands for a numpy dtype: its name and byte order, nothing else."""

    def __init__(self, name: str, *_: Any) -> None:
        self.name = str(name)

    def __setstate__(self, state: Sequence[Any]) -> None:
        if state[1] in ("<", ">"):
            self.name = state[1] + self.name


def _plain(data: Any, kind: Any) -> np.ndarray:
    dtype = np.dtype(kind.name)
    if dtype.kind not in _NUMBERS:
        raise RefusedError(f"it holds a numpy array of {kind.name}; only numbers are read")
    return np.frombuffer(data, dtype)


def _scalar(kind: Any, data: Any) -> float:
    return _plain(data, kind)[0].item()


def _from_buffer(data: Any, kind: Any, shape: Any, order: str) -> _Array:
    array = _Array()
    array.values = _plain(data, kind).reshape(shape, order=order)  # pyright: ignore[reportCallIssue, reportArgumentType]
    return array


def _encoded(text: str, _: str = "latin1") -> bytes:
    return text.encode("latin1")  # how pickles before version 3 hold bytes


def _allowed() -> Dict[Tuple[str, str], Any]:
    allowed: Dict[Tuple[str, str], Any] = {
        ("collections", "OrderedDict"): collections.OrderedDict,
        ("_codecs", "encode"): _encoded,
        ("numpy", "dtype"): lambda name, *_: _Kind(name),
        ("numpy", "ndarray"): "ndarray",  # only ever an argument
    }
    for core in ("numpy.core", "numpy._core"):  # before numpy 2 and since
        allowed[f"{core}.multiarray", "_reconstruct"] = lambda *_: _Array()
        allowed[f"{core}.multiarray", "scalar"] = _scalar
        allowed[f"{core}.numeric", "_frombuffer"] = _from_buffer
    return allowed


class _Unpickler(pickle.Unpickler):
    """Knows a few names and what stands for them; every other one is refused before it is even looked up."""

    _known = _allowed()

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in self._known:
            raise RefusedError(
                f"the pickle asks for {module}.{name}, which could run code. Only numbers, texts, lists, dicts and"
                " numpy arrays are read; where you trust the file, save it as JSON with lists in place of it"
            )
        return self._known[module, name]

    def persistent_load(self, pid: Any) -> Any:
        raise RefusedError("the pickle refers to objects outside of it")


def _unwrapped(value: Any, known: Dict[int, Any], depth: int = 8) -> Any:
    """Plain lists and dicts with the arrays as numpy arrays; what is shared is looked at once."""
    if isinstance(value, _Array):
        return value.values
    if depth and isinstance(value, (dict, list, tuple)) and id(value) not in known:
        if isinstance(value, dict):
            known[id(value)] = {key: _unwrapped(item, known, depth - 1) for key, item in value.items()}
        else:
            known[id(value)] = [_unwrapped(item, known, depth - 1) for item in value]
    return known.get(id(value), value)
