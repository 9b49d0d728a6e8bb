"""What a checkpoint is of, read without torch: so that a request with a wrong one is refused before anything boots."""

from __future__ import annotations

import collections
import io
import pickle
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict

FORMAT = 1

_HEAD = {"task": str, "learner_name": str, "iteration": int, "env_steps": int, "format": int}

# What zipfile and pickle raise on bytes that are cut short, of another kind, or up to no good.
NOT_OURS = (
    zipfile.BadZipFile,
    pickle.UnpicklingError,
    StopIteration,
    EOFError,
    ValueError,
    TypeError,
    AttributeError,
    LookupError,
)


class CheckpointError(RuntimeError):
    """The file is no checkpoint of ours, is torn, or does not fit this run."""


@dataclass(frozen=True)
class CheckpointHead:
    """The plain values at the top of a checkpoint."""

    task: str
    learner_name: str
    iteration: int
    env_steps: int
    format: int


def read_head(path: Path) -> CheckpointHead:
    """Read the plain values of a checkpoint, no tensor and none of its code; raises CheckpointError.

    The file is a zip archive whose index stands at its end: a file that was cut short has none.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            pickled = next(name for name in archive.namelist() if name.endswith("/data.pkl"))
            content = PlainValues(io.BytesIO(archive.read(pickled))).load()
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error}") from error
    except NOT_OURS as error:
        raise torn(path, error) from error
    values: Dict[str, Any] = {}
    if isinstance(content, dict):
        values = {name: content[name] for name, kind in _HEAD.items() if isinstance(content.get(name), kind)}
    if len(values) < len(_HEAD):
        raise CheckpointError(f"{path} is no rlkit checkpoint: it names no {', '.join(_HEAD)}")
    head = CheckpointHead(**values)
    if head.format != FORMAT:
        raise CheckpointError(f"{path} has format {head.format}, this rlkit reads format {FORMAT}")
    return head


def require_fit(head: CheckpointHead, path: Path, task: str, learner: str) -> None:
    """Raise CheckpointError unless the checkpoint is of this task and learner."""
    if head.task != task:
        raise CheckpointError(f"{path} is of task {head.task}, not of {task}; write task={head.task}")
    if head.learner_name != learner:
        raise CheckpointError(
            f"{path} is of learner {head.learner_name}, not of {learner}; choose a train= file of that learner"
        )


def torn(path: Path, error: BaseException) -> CheckpointError:
    """The error for bytes that are cut short or no checkpoint at all."""
    first_line = (str(error).splitlines() or [type(error).__name__])[0][:160]
    return CheckpointError(
        f"{path} cannot be read: it is torn or no rlkit checkpoint ({first_line}). Older ones lie"
        " beside it in nn/: checkpoint=<run>:<iteration> takes one"
    )


class Nothing:
    """Stands for every object that is not a plain value; takes whatever a pickle does with it."""

    def __new__(cls, *_: Any, **__: Any) -> Nothing:
        return super().__new__(cls)

    def __setstate__(self, _: Any) -> None:
        pass


class PlainValues(pickle.Unpickler):
    """Reads plain values; tensors and foreign classes become placeholders, so none of their code runs."""

    def find_class(self, module: str, name: str) -> Any:
        """Ordered dicts are plain enough."""
        return collections.OrderedDict if (module, name) == ("collections", "OrderedDict") else Nothing

    def persistent_load(self, pid: Any) -> Any:
        """A tensor's storage: left in the file."""
