"""What a checkpoint is of, read without torch: so that a request with a wrong one is refused before anything boots."""

from __future__ import annotations

import hashlib
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any, Mapping

from rlkit.archives.torch_archive import TorchArchive
from rlkit.errors import RlkitError
from rlkit.tasks.robots.humanoids import DEFAULT, HUMANOIDS, robot_of
from rlkit.torn import TORN

FORMAT = 1

_HEAD = {"task": str, "learner_name": str, "iteration": int, "env_steps": int, "format": int}


class CheckpointError(RlkitError):
    """The file is no checkpoint of ours, is torn, or does not fit this run."""


@dataclass(frozen=True)
class Checkpoint:
    """Everything in a checkpoint file: tensors and plain values only, so that loading it runs no code.

    `env` and `monitor` are None where the file continues no episodes (the best policy's file). `progress` holds the
    numbers of TrainState.progress and the curriculum's, `env_spec` what the policy acts in. `shared` is what the task
    keeps beside the envs (`VecEnv.shared_state`). `code` tells of the classes that are not rlkit's own
    (rlkit.config.facts.code). `acts_only`: `learner` holds what acting needs alone. A field with a default may be
    missing in older files.
    """

    task: str
    learner_name: str
    iteration: int
    env_steps: int
    seed: int
    learner: Mapping[str, Any]
    rng: Mapping[str, Any]
    env: Mapping[str, Any] | None = None
    monitor: Mapping[str, Any] | None = None
    progress: Mapping[str, Any] | None = None
    env_spec: Mapping[str, Any] | None = None
    format: int = FORMAT
    code: Mapping[str, Any] | None = None
    shared: Mapping[str, Any] | None = None
    acts_only: bool = False


# What every file has, and what it is.
_REQUIRED = {**{f.name: object for f in fields(Checkpoint) if f.default is MISSING}, **_HEAD}


@dataclass(frozen=True)
class CheckpointHead:
    """The plain values at the top of a checkpoint; robot: the humanoid whose joints are its actions, if any is.

    acts_only: no training can go on from it.
    """

    task: str
    learner_name: str
    iteration: int
    env_steps: int
    format: int
    code: Mapping[str, Any] | None = None
    robot: str | None = None
    acts_only: bool = False

    @property
    def task_words(self) -> tuple[str, ...]:
        """The words that choose its task, and its robot where that is not the usual one."""
        robot = () if self.robot in (None, DEFAULT) else (f"task.robot={self.robot}",)
        return (f"task={self.task}", *robot)


def read_head(path: Path, *, whole: bool = False) -> CheckpointHead:
    """Read the plain values of a checkpoint, no tensor and none of its code; raises CheckpointError.

    The file is a zip archive whose index stands at its end: a file that was cut short has none. With `whole` the
    checksums of all tensors are checked too, which reads the file once (about 0.6 s/GiB of one core).
    """
    try:
        with TorchArchive(path) as archive:
            content = checked(archive.content(), path)
            if whole:
                archive.check()
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror or error}") from error
    except TORN as error:
        raise torn(path, error) from error
    code = content.get("code")
    return CheckpointHead(
        **{name: content[name] for name in _HEAD},
        code=code if isinstance(code, dict) else None,
        robot=_robot(content.get("env_spec")),
        acts_only=content.get("acts_only") is True,
    )


def _robot(env_spec: object) -> str | None:
    """The humanoid whose joints are the actions of an env, by its spec."""
    actions = env_spec.get("action_names") if isinstance(env_spec, dict) else None
    return next((name for name, robot in HUMANOIDS.items() if list(robot.joints) == actions), None)


def checked(content: object, path: Path) -> dict[str, Any]:
    """The fields in a file, none of them unknown or missing without a default; raises CheckpointError."""
    found = content if isinstance(content, dict) else {}
    if isinstance(found.get("format"), int) and found["format"] != FORMAT:
        raise CheckpointError(f"{path} has format {found['format']}, this rlkit reads format {FORMAT}")
    lacking = [
        name for name, kind in _REQUIRED.items() if name not in found or not isinstance(found[name], kind)
    ]
    if lacking:
        raise CheckpointError(f"{path} is no rlkit checkpoint: it lacks {', '.join(lacking)}")
    unknown = sorted(str(name) for name in set(found) - {f.name for f in fields(Checkpoint)})
    if unknown:
        raise CheckpointError(
            f"{path} is of a newer rlkit, with which it can be read: this one does not know"
            f" {', '.join(unknown)[:160]}"
        )
    return found


def require_fit(head: CheckpointHead, path: Path, task: Mapping[str, Any], learner: str) -> None:
    """Raise CheckpointError unless the checkpoint is of this learner and of the task and robot of a `task` section."""
    if head.task != task["name"]:
        raise CheckpointError(f"{path} is of task {head.task}, not of {task['name']}; write task={head.task}")
    robot = robot_of(task)
    if robot is not None and head.robot not in (None, robot.name):
        raise CheckpointError(
            f"{path} is of robot {head.robot}, not of {robot.name}, which has other joints; write"
            f" task.robot={head.robot}, or train anew without checkpoint="
        )
    if head.learner_name != learner:
        raise CheckpointError(
            f"{path} is of learner {head.learner_name}, not of {learner}; choose a train= file of that learner"
        )


def torn(path: Path, error: BaseException) -> CheckpointError:
    """The error for bytes that are cut short, damaged or no checkpoint at all."""
    return CheckpointError(
        f"{path} cannot be read: it is torn or no rlkit checkpoint ({first_line(error)}). Older ones may"
        " lie beside it in nn/: <run>:<iteration> names one"
    )


def first_line(error: BaseException) -> str:
    """What an error says, in a line of 160 characters at most."""
    return (str(error).splitlines() or [type(error).__name__])[0][:160]


def sha256_of(path: Path) -> str:
    """What tells a checkpoint's file from others, read in parts: with a replay buffer it is large."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        for part in iter(lambda: file.read(1 << 20), b""):
            digest.update(part)
    return digest.hexdigest()
