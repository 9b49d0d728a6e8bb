"""Pickles of numbers, texts, lists, dicts and numpy arrays, read without running anything of them."""

from __future__ import annotations

import pickle
from typing import Any, Callable, Sequence

import numpy as np

from rlkit.untrusted import PlainUnpickler, RefusedError

_NUMBERS = ("f", "i", "u", "b")


def loads(data: bytes) -> Any:
    """What was pickled; raises RefusedError for what could run code, or makes far more of it than its bytes can hold.

    For torn bytes it raises what `pickle` does.
    """
    return _unwrapped(_Unpickler(data).load(), {})


class _Array:
    """Stands for a numpy array while a pickle is read, so that nothing but plain numbers gets into one."""

    values: Any = None

    def __setstate__(self, state: Sequence[Any]) -> None:
        _, shape, kind, fortran, data = state
        if kind.name.startswith("O") and tuple(shape) == () and isinstance(data, list) and len(data) == 1:
            self.values = data[0]  # what numpy.save makes of a dict
            return
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


_MADE, _TO_SPARE = 8, 8000  # what an object counts for, in bytes; what every pickle may make besides


class _Unpickler(PlainUnpickler):
    """Knows a few names and what stands for them; every other one is refused before it is even looked up.

    Objects and copies may come to twice the pickle's length: an opcode of one byte makes objects of a hundred.
    """

    dispatch: dict[int, Callable[..., None]] = dict(PlainUnpickler.dispatch)

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self._left = 2 * len(data) + _TO_SPARE
        self._known: dict[tuple[str, str], Any] = {
            ("collections", "OrderedDict"): self._ordered,
            ("_codecs", "encode"): self._encoded,
            ("numpy", "dtype"): lambda name, *_: _Kind(name),
            ("numpy", "ndarray"): "ndarray",  # only ever an argument
        }
        for core in ("numpy.core", "numpy._core"):  # before numpy 2 and since
            self._known[f"{core}.multiarray", "_reconstruct"] = lambda *_: _Array()
            self._known[f"{core}.multiarray", "scalar"] = _scalar
            self._known[f"{core}.numeric", "_frombuffer"] = _from_buffer

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in self._known:
            raise RefusedError(
                f"the pickle asks for {module}.{name}, which could run code. Only numbers, texts, lists, dicts and"
                " numpy arrays are read; where you trust the file, save it as JSON with lists in place of it"
            )
        return self._known[module, name]

    def persistent_load(self, pid: Any) -> Any:
        raise RefusedError("the pickle refers to objects outside of it")

    def _spend(self, count: int) -> None:
        self._left -= count
        if self._left < 0:
            raise RefusedError("the pickle makes far more objects than an episode has in so many bytes")

    def _ordered(self, items: Sequence[tuple[str, Any]] = ()) -> dict[str, Any]:
        self._spend(_MADE * len(items))
        return self.put({}, [part for item in items for part in item])

    def _encoded(self, text: str, _: str = "latin1") -> bytes:
        self._spend(len(text))
        return text.encode("latin1")  # how pickles before version 3 hold bytes

    def _load_build(self) -> None:
        state = self.stack.pop()
        if not isinstance(self.stack[-1], (_Array, _Kind)):
            raise RefusedError("the pickle changes an object that is no numpy array")
        self.stack[-1].__setstate__(state)

    def _load_bytearray(self) -> None:
        size = int.from_bytes(self.read(8), "little")
        data = self.read(size)  # Python's own makes room for whatever size it is told
        if len(data) < size:
            raise EOFError(f"{len(data)} of {size} bytes")
        self.append(data)

    dispatch[pickle.BUILD[0]] = _load_build
    dispatch[pickle.BYTEARRAY8[0]] = _load_bytearray


def _counted(load: Callable[[Any], None]) -> Callable[[Any], None]:
    def load_and_count(reader: _Unpickler) -> None:
        reader._spend(_MADE)
        load(reader)

    return load_and_count


for _code in (
    *(pickle.EMPTY_DICT, pickle.EMPTY_LIST, pickle.DICT, pickle.LIST, pickle.REDUCE),
    *(pickle.TUPLE, pickle.TUPLE1, pickle.TUPLE2, pickle.TUPLE3),
):
    _Unpickler.dispatch[_code[0]] = _counted(_Unpickler.dispatch[_code[0]])
# What such files have none of.
for _code in (pickle.EMPTY_SET, pickle.FROZENSET, pickle.DUP, pickle.INST, pickle.OBJ):
    del _Unpickler.dispatch[_code[0]]


def _unwrapped(value: Any, known: dict[int, Any], depth: int = 8) -> Any:
    """Plain lists and dicts with the arrays as numpy arrays; what is shared is looked at once."""
    if isinstance(value, _Array):
        whole = isinstance(value.values, np.ndarray) or not depth
        return value.values if whole else _unwrapped(value.values, known, depth - 1)
    if depth and isinstance(value, (dict, list, tuple)) and id(value) not in known:
        if isinstance(value, dict):
            known[id(value)] = {key: _unwrapped(item, known, depth - 1) for key, item in value.items()}
        else:
            known[id(value)] = [_unwrapped(item, known, depth - 1) for item in value]
    return known.get(id(value), value)
