"""What `rlkit export` is asked for, checked and put together without torch: refusals come before anything boots."""

from __future__ import annotations

from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Tuple

import yaml

from rlkit.config import ConfigError, Experiment, compose
from rlkit.config.experiment import freeze, thaw
from rlkit.config.inherit import inherited
from rlkit.config.values import quote
from rlkit.runtime.checkpoint_head import CheckpointError, CheckpointHead, read_head, require_fit
from rlkit.runtime.gym_request import problems
from rlkit.workspace import Resolved, WorkspaceError, resolve

FORMATS = ("onnx", "torchscript")
NUM_ENVS = 4  # in which the policy plays for the observations that formats are compared on

_PACKAGES = {"onnx": ("onnx", "onnxscript", "onnxruntime"), "torchscript": ()}
_TRAIN_FILES = {"ppo": "PPO", "fast_td3": "FastTD3"}

# What training on a GPU may use and a look at the policy on a CPU does not.
ON_CPU: Mapping[str, Mapping[str, Any]] = {
    "ppo": {"mixed_precision": False, "torch_compile": False},
    "fast_td3": {"amp": False, "compile": False, "cuda_graph": False, "buffer_device": "auto"},
}


@dataclass(frozen=True)
class ExportRequest:
    """Which checkpoint, with the settings it was trained with on a CPU, into which formats and folder."""

    source: Resolved
    head: CheckpointHead
    experiment: Experiment
    formats: Tuple[str, ...]
    out: Path


def read_request(ref: str, root: Path, formats: Tuple[str, ...], out: Optional[Path]) -> ExportRequest:
    """Find the checkpoint as `checkpoint=` does (the best one of a run) and the settings of its run.

    Raises WorkspaceError for a package that is missing, and for a run, checkpoint, setting or environment.
    """
    _require_packages(formats)
    source = resolve(ref, root=root, default="best")
    if out is None and source.run_path is None:
        raise WorkspaceError(
            f"{source.checkpoint} lies in no run's folder: say where the export goes with --out FOLDER"
        )
    try:
        head = read_head(source.checkpoint)
        experiment = _experiment(source, head)
        require_fit(head, source.checkpoint, experiment.task_name, str(experiment.train["learner"]))
    except (CheckpointError, ConfigError) as error:
        raise WorkspaceError(str(error)) from error
    if experiment.engine == "gymnasium":
        found = problems(experiment)
        if found:
            raise WorkspaceError("\n".join(found))
    folder = out if out is not None else Path(str(source.run_path)) / "export"
    return ExportRequest(source, head, experiment, formats, folder)


def _require_packages(formats: Tuple[str, ...]) -> None:
    missing = [name for form in formats for name in _PACKAGES[form] if find_spec(name) is None]
    if missing:
        raise WorkspaceError(
            f"--format onnx needs {', '.join(missing)}, not installed here: pip install 'rlkit[export]'."
            " TorchScript needs nothing more: --format torchscript"
        )


def _experiment(source: Resolved, head: CheckpointHead) -> Experiment:
    """The settings as a test of this checkpoint takes them, with the task and learner exactly as the run had them."""
    if source.run_path is None:
        train = f"{head.task}{_TRAIN_FILES.get(head.learner_name, '')}"
        words = [f"task={head.task}", f"train={train}", *_words(source.checkpoint, head.learner_name)]
        return compose(words)
    path = source.run_path / "config.yaml"
    saved = _saved(path)
    learner = str(saved["train"].get("learner"))
    experiment = compose(inherited(_words(source.checkpoint, learner), path, test=True))
    # conf/ may have changed since the training; what its networks were built for stands in the run.
    return replace(
        experiment,
        task=freeze({**thaw(experiment.task), **saved["task"]}),
        train=freeze({**thaw(experiment.train), **saved["train"], **ON_CPU.get(learner, {})}),
    )


def _words(checkpoint: Path, learner: str) -> List[str]:
    """What is asked for besides the settings of the training."""
    words = ["test=true", f"checkpoint={quote(str(checkpoint), path=False)}"]
    words += [f"numEnvs={NUM_ENVS}", "device=cpu"]
    return words + [f"train.{key}={str(value).lower()}" for key, value in ON_CPU.get(learner, {}).items()]


def _saved(path: Path) -> Dict[str, Any]:
    """The content of a run's config.yaml."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        first_line = str(error).splitlines()[0]
        raise WorkspaceError(f"{path}, the settings of the run, cannot be read: {first_line}") from error
    sections = content if isinstance(content, dict) else {}
    if not all(isinstance(sections.get(name), dict) for name in ("task", "train", "composed")):
        raise WorkspaceError(f"{path} is no config.yaml that rlkit wrote: it lacks task, train or composed")
    return sections
