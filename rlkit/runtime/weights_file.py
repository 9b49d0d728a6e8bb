"""The tensors in a file of pretrained weights, read without torch and without running any of the file's code.

Three kinds of file are read: what torch.save wrote of a state dict (or of dicts and lists around one), a TorchScript
archive, and a checkpoint of rlkit, of which the learner's networks count. All are zip archives with a pickle that
names the tensors and one record of bytes for each storage.
"""

from __future__ import annotations

import io
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, Iterator, List, Mapping, Sequence, Set, Tuple

from rlkit.runtime.checkpoint_head import NOT_OURS, CheckpointError, Nothing, PlainValues

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

# Parts of a checkpoint of rlkit's learners that are no networks.
_NO_NETWORKS = ("optimizer", "scaler", "replay", "exploration", "generator", "schedule")


@dataclass(frozen=True)
class StoredTensor:
    """Where a tensor lies: the zip record, and offset and stride in elements of `dtype` (torch's name)."""

    record: str
    dtype: str
    offset: int
    shape: Tuple[int, ...]
    stride: Tuple[int, ...]


def read_index(path: Path) -> Dict[str, StoredTensor]:
    """The floating-point tensors of a file by their dotted names, in the file's order.

    Raises CheckpointError where the file cannot be read, is torn, is of another kind or holds no tensor.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            content, folder = _content(path, archive)
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error}") from error
    except NOT_OURS as error:
        raise _foreign(path, str(error) or type(error).__name__) from error
    found = {}
    for name, stored in _walk(_networks(content)):
        if "float" in stored.dtype:
            found[name] = StoredTensor(
                f"{folder}/data/{stored.record}", stored.dtype, stored.offset, stored.shape, stored.stride
            )
    if not found:
        raise CheckpointError(f"{path} holds no floating-point tensor: there are no weights to start from")
    return found


def require_some_fit(path: Path, index: Mapping[str, StoredTensor], train: Mapping[str, Any]) -> None:
    """Raise CheckpointError where the widths that `train` asks for leave no place for any matrix of the file.

    Before the environment exists only the hidden widths are known: `[first, anything]`, `[anything, last]` and
    the matrices between two of them can fit. What the learner takes in the end is decided by names and all sizes.
    """
    asked = {key: tuple(value) for key, value in train.items() if key.endswith("units")}
    matrices = {name: stored.shape[-2:] for name, stored in index.items() if len(stored.shape) >= 2}
    if any(_may_fit(shape, units) for shape in matrices.values() for units in asked.values()):
        return
    have = ", ".join(f"{name} {list(shape)}" for name, shape in list(matrices.items())[:6]) or "no matrix"
    want = " ".join(f"train.{key}={list(units)}".replace(" ", "") for key, units in asked.items())
    raise CheckpointError(
        f"{path}: none of its tensors can fit the networks of {want}; the file has {have}."
        f" Give the file's widths: {_suggestion(matrices, asked)}"
    )


def _may_fit(shape: Sequence[int], units: Sequence[int]) -> bool:
    """Whether a matrix could be a layer of an MLP of these widths; batched layers are stored transposed."""
    pair = sorted(shape)
    inner = any(sorted(neighbours) == pair for neighbours in zip(units, units[1:]))
    return bool(units) and (inner or units[0] in pair or units[-1] in pair)


def _suggestion(matrices: Mapping[str, Sequence[int]], asked: Mapping[str, Sequence[int]]) -> str:
    """The option that names the widths of the file's first chain of layers."""
    key = "actor_units" if "actor_units" in asked else "units"
    widths: List[int] = []
    for rows, columns in matrices.values():
        if widths and columns != widths[-1]:
            break
        widths.append(rows)
    # The last of the chain gives the actions.
    return f"train.{key}=[{','.join(map(str, widths[:-1] or widths))}]"


def _content(path: Path, archive: zipfile.ZipFile) -> Tuple[Any, str]:
    """What the archive's pickle holds, with StoredTensors for tensors, and the folder of its records."""
    names = archive.namelist()
    pickled = next((name for name in names if name.endswith("/data.pkl")), None)
    if pickled is None and "policy.pth" in names:
        raise CheckpointError(
            f"{path} is an archive of Stable-Baselines3; its weights are in it: unzip it and give its policy.pth"
        )
    if pickled is None:
        raise _foreign(path, "it has no data.pkl")
    folder = pickled.rsplit("/", 1)[0]
    order = f"{folder}/byteorder"
    if order in names and archive.read(order).decode("ascii").strip() != sys.byteorder:
        raise CheckpointError(
            f"{path} was written on a machine of another byte order; write it anew on this one"
        )
    return _Tensors(io.BytesIO(archive.read(pickled))).load(), folder


def _foreign(path: Path, reason: str) -> CheckpointError:
    return CheckpointError(
        f"{path} is torn or no file of weights ({reason.splitlines()[0][:160]}). It must be what torch.save wrote of"
        " a state dict, a TorchScript archive, or a checkpoint of rlkit"
    )


def _networks(content: Any) -> Any:
    """Of a checkpoint of rlkit the learner's networks; of anything else all but an optimiser."""
    if isinstance(content, dict) and {"learner", "learner_name", "format"} <= set(content):
        return _without(_NO_NETWORKS, content["learner"])
    return _without(_NO_NETWORKS[:1], content)


def _without(words: Sequence[str], content: Any) -> Any:
    """Nested dicts without the keys that hold one of these words."""
    if not isinstance(content, dict):
        return content
    return {
        key: _without(words, value)
        for key, value in content.items()
        if not any(word in str(key) for word in words)
    }


def _walk(content: Any, name: str = "") -> Iterator[Tuple[str, StoredTensor]]:
    """Every tensor below `content`, with the dotted path to it."""
    stack: List[Tuple[str, Any]] = [(name, content)]
    seen: Set[int] = set()  # pickles may hold cycles
    while stack:
        name, value = stack.pop()
        if isinstance(value, StoredTensor):
            yield name, value
            continue
        if isinstance(value, _Object):
            value = value.state
        if id(value) in seen or not isinstance(value, (dict, list, tuple)):
            continue
        seen.add(id(value))
        items = value.items() if isinstance(value, dict) else enumerate(value)
        below = [(f"{name}.{key}" if name else str(key), item) for key, item in items]
        stack.extend(reversed(below))


class _Object(Nothing):
    """Stands for an object of a class that is not loaded; keeps what the pickle says it holds."""

    state: Any = None

    def __setstate__(self, state: Any) -> None:
        self.state = state


class _Storage(str):
    """Stands for a typed storage's class: the name of its element type."""


class _Tensors(PlainValues):
    """Reads plain values and where tensors lie; every other class becomes a placeholder, so none of its code runs."""

    def find_class(self, module: str, name: str) -> Any:
        """The few names that a pickled tensor consists of."""
        if module == "torch._utils" and name in _REBUILD:
            return _REBUILD[name]
        if module in ("torch", "torch.storage") and name in _DTYPES:
            return _Storage(_DTYPES[name])
        found = super().find_class(module, name)
        return _Object if found is Nothing else found

    def persistent_load(self, pid: Any) -> Any:
        """A storage: its element type (empty where it is a kind that holds no weights) and its record."""
        dtype, record = pid[1:3]
        return (str(dtype) if isinstance(dtype, _Storage) else ""), str(record)


def _rebuild_tensor(storage: Tuple[str, str], offset: int, shape: Any, stride: Any, *_: Any) -> StoredTensor:
    dtype, record = storage
    return StoredTensor(record, dtype, int(offset), tuple(map(int, shape)), tuple(map(int, stride)))


def _rebuild_parameter(tensor: StoredTensor, *_: Any) -> StoredTensor:
    return tensor


_REBUILD = {
    "_rebuild_tensor_v2": _rebuild_tensor,
    "_rebuild_parameter": _rebuild_parameter,
    "_rebuild_parameter_with_state": _rebuild_parameter,
}
