"""What a checkpoint is of, read without torch: so that a request with a wrong one is refused before anything boots."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict

from rlkit.runtime.torch_archive import NOT_OURS, TorchArchive

FORMAT = 1

_HEAD = {"task": str, "learner_name": str, "iteration": int, "env_steps": int, "format": int}


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


def read_head(path: Path, *, whole: bool = False) -> CheckpointHead:
    """Read the plain values of a checkpoint, no tensor and none of its code; raises CheckpointError.

    The file is a zip archive whose index stands at its end: a file that was cut short has none. With `whole` the
    checksums of all tensors are checked too, which reads the file once (about 0.6 s/GiB of one core).
    """
    try:
        with TorchArchive(path) as archive:
            content = archive.content()
            if whole:
                archive.check()
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror or error}") from error
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
    """The error for bytes that are cut short, damaged or no checkpoint at all."""
    return CheckpointError(
        f"{path} cannot be read: it is torn or no rlkit checkpoint ({first_line(error)}). Older ones lie"
        " beside it in nn/: checkpoint=<run>:<iteration> takes one"
    )


def first_line(error: BaseException) -> str:
    """What an error says, in a line of 160 characters at most."""
    return (str(error).splitlines() or [type(error).__name__])[0][:160]
