"""What `rlkit export` is asked for, checked and put together without torch: refusals come before anything boots."""

from __future__ import annotations

from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from rlkit.config import ConfigError, Experiment, changed, compose, from_file
from rlkit.config.values import quote
from rlkit.runtime.checkpoint_head import CheckpointError, CheckpointHead, read_head, require_fit
from rlkit.runtime.gym_request import problems
from rlkit.workspace import Resolved, WorkspaceError, refuse_links, resolve

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


def read_request(
    ref: str, root: Path, formats: Tuple[str, ...], out: Optional[Path], trusted: Sequence[str] = ()
) -> ExportRequest:
    """Find the checkpoint as `checkpoint=` does (the best one of a run) and the settings of its run.

    trusted: modules that the run may have imported though they are not installed. Raises WorkspaceError for a package
    that is missing, and for a run, checkpoint, setting or environment.
    """
    _require_packages(formats)
    source = resolve(ref, root=root, default="best")
    if out is None and source.run_path is None:
        raise WorkspaceError(
            f"{source.checkpoint} lies in no run's folder: say where the export goes with --out FOLDER"
        )
    try:
        head = read_head(source.checkpoint)
        experiment = replace(_experiment(source, head), trusted=frozenset(trusted))
        require_fit(head, source.checkpoint, experiment.task_name, str(experiment.train["learner"]))
    except (CheckpointError, ConfigError) as error:
        raise WorkspaceError(str(error)) from error
    if experiment.engine == "gymnasium":
        found = problems(experiment)
        if found:
            raise WorkspaceError("\n".join(found))
    folder = out if out is not None else Path(str(source.run_path)) / "export"
    if out is None:
        refuse_links(folder)
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
        return compose([f"task={head.task}", f"train={train}", *_words(source.checkpoint, head.learner_name)])
    trained = read_trained(source.run_path)
    return changed(trained, quiet_test(trained, source, NUM_ENVS, trained.training.seed, "cpu"))


def read_trained(run: Path) -> Experiment:
    """The settings of a run from its config.yaml; raises WorkspaceError where they cannot be read."""
    try:
        return from_file(run / "config.yaml")
    except ConfigError as error:
        raise WorkspaceError(str(error)) from error


def quiet_test(
    trained: Experiment, source: Resolved, num_envs: int, seed: int, device: str
) -> Dict[str, Any]:
    """What a test of a run's policy that nobody looks at changes of its settings, by full name."""
    learner = str(trained.train["learner"])
    return {
        "env.numEnvs": num_envs,
        "env.device": device,
        "env.render": False,
        "env.viewer": "auto",
        "env.recordVideo": False,
        "sim.name": trained.asked.get("sim.name", trained.sim.name),
        "sim.numThreads": "auto",
        "training.test": True,
        "training.checkpoint": str(source.checkpoint),
        "training.resume": None,
        "training.initFrom": None,
        "training.seed": seed,
        "training.threads": "auto",
        **{f"train.{key}": value for key, value in ON_CPU.get(learner, {}).items()},
    }


def _words(checkpoint: Path, learner: str) -> List[str]:
    """What is asked for besides the settings of the training."""
    words = ["test=true", f"checkpoint={quote(str(checkpoint), path=False)}"]
    words += [f"numEnvs={NUM_ENVS}", "device=cpu"]
    return words + [f"train.{key}={str(value).lower()}" for key, value in ON_CPU.get(learner, {}).items()]
