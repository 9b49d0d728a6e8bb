"""The tensors in a file of pretrained weights, read without torch and without running any of the file's code.

Three kinds of file are read: what torch.save wrote of a state dict (or of dicts and lists around one), a TorchScript
archive, and a checkpoint of rlkit, of which the learner's networks count. All are zip archives with a pickle that
names the tensors and one record of bytes for each storage.
"""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import Any, Iterator, Mapping, Sequence

from rlkit.archives.torch_archive import ForeignObject, StoredTensor, TorchArchive
from rlkit.plugins.modules import is_name
from rlkit.runtime.checkpoints.head import CheckpointError, first_line
from rlkit.torn import TORN

# What torch.compile, DDP, FSDP and activation checkpointing put into names.
_WRAPPERS = ("_orig_mod", "module", "_fsdp_wrapped_module", "_checkpoint_wrapped_module")

# Parts of a checkpoint of rlkit's learners that are no networks.
_NO_NETWORKS = ("optimizer", "scaler", "replay", "exploration", "generator", "schedule")


def read_index(path: Path) -> dict[str, StoredTensor]:
    """The floating-point tensors of a file by their dotted names, in the file's order.

    Raises CheckpointError where the file cannot be read, is torn, damaged, of another kind or holds no tensor.
    """
    with weights_archive(path) as archive:
        index = index_of(path, archive)
        archive.check()
        return index


def index_of(path: Path, archive: TorchArchive) -> dict[str, StoredTensor]:
    """The same of an open archive."""
    if "policy.pth" in archive.names:
        raise CheckpointError(
            f"{path} is an archive of Stable-Baselines3; its weights are in it: unzip it and give its policy.pth"
        )
    content = archive.content()
    found = {name: stored for name, stored in _networks(content) if "float" in stored.dtype}
    if not found:
        raise CheckpointError(f"{path} holds no floating-point tensor: there are no weights to start from")
    return _without_wrappers(found)


@contextmanager
def weights_archive(path: Path) -> Iterator[TorchArchive]:
    """The open archive; whatever goes wrong while it is read is a CheckpointError."""
    try:
        with TorchArchive(path) as archive:
            yield archive
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror or error}") from error
    except TORN as error:
        raise CheckpointError(
            f"{path} is torn or no file of weights ({first_line(error)}). It must be what torch.save wrote of"
            " a state dict, a TorchScript archive, or a checkpoint of rlkit"
        ) from error


def require_some_fit(path: Path, index: Mapping[str, StoredTensor], train: Mapping[str, Any]) -> None:
    """Raise CheckpointError where the widths that `train` asks for leave no place for any matrix of the file.

    Before the environment exists only the hidden widths are known: `[first, anything]`, `[anything, last]` and
    the matrices between two of them can fit. What the learner takes in the end is decided by names and all sizes; of
    a network of somebody else's no widths are known.
    """
    if is_name(train.get("network")):
        return
    asked = {
        key: tuple(value)
        for key, value in train.items()
        if key.endswith("units") and not isinstance(value, int)
    }
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
    widths: list[int] = []
    for rows, columns in matrices.values():
        if widths and columns != widths[-1]:
            break
        widths.append(rows)
    # The last of the chain gives the actions.
    return f"train.{key}=[{','.join(map(str, widths[:-1] or widths))}]"


def _networks(content: Any) -> Iterator[tuple[str, StoredTensor]]:
    """Of a checkpoint of rlkit the tensors of the learner's networks; of anything else all but an optimiser's."""
    if isinstance(content, dict) and {"learner", "learner_name", "format"} <= set(content):
        return _walk(content["learner"], _NO_NETWORKS)
    return _walk(content, _NO_NETWORKS[:1])


def _walk(content: Any, without: Sequence[str]) -> Iterator[tuple[str, StoredTensor]]:
    """Every tensor below `content` with the dotted path to it, but for keys that hold a word of `without`."""
    stack: list[tuple[str, Any]] = [("", content)]
    seen: set[int] = set()  # pickles may hold cycles
    while stack:
        name, value = stack.pop()
        if isinstance(value, StoredTensor):
            yield name, value
            continue
        if isinstance(value, ForeignObject):
            value = value.state
        if id(value) in seen or not isinstance(value, (dict, list, tuple)):
            continue
        seen.add(id(value))
        items = value.items() if isinstance(value, dict) else enumerate(value)
        below = [
            (f"{name}.{key}" if name else str(key), item)
            for key, item in items
            if not any(word in str(key) for word in without)
        ]
        stack.extend(reversed(below))


def _without_wrappers(index: Mapping[str, StoredTensor]) -> dict[str, StoredTensor]:
    """Names as they are in the module itself, where torch.compile, DDP or FSDP was wrapped around it when it was saved.

    A part called `module` may also be the network's own: it stays wherever two names would become one.
    """
    plain = [".".join(part for part in name.split(".") if part not in _WRAPPERS) for name in index]
    return dict(zip(plain if len(set(plain)) == len(plain) else index, index.values()))
